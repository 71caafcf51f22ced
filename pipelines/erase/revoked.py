"""Erase all that one revocation took: a source, file, span, party or instrument.

Nothing goes before everything is known to be allowed. Each source and file is an erasure of its
own, with its certificate: one that was killed goes on with what is left.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from catalog.engine import open_catalog, reading
from pipelines.erase.scope import scope_of
from pipelines.erase.station import WAIT_S, Erased, Progress, erase
from pipelines.erase.targets import targets_of

if TYPE_CHECKING:
    from pipelines.settings import Settings


def erase_revoked(  # noqa: PLR0913 - what, when, how: the last three are the edge's
    wanted: str,
    settings: Settings,
    *,
    of: str,
    now: datetime,
    dry_run: bool = False,
    wait_s: float = WAIT_S,
    progress: Progress | None = None,
) -> tuple[Erased, ...]:
    """Erase what the revocation of `wanted` took; `of` says what it names, as in `revoke`.

    Raises:
        As `erase`, and ErasureError: SUBJECT_UNKNOWN, NOTHING_TO_ERASE, PART_OF_FILE.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        targets = targets_of(session, wanted, of, now=now)
        for one in targets:
            scope_of(session, one.source_id, file=one.file, now=now, must_be_revoked=True)
    return tuple(
        erase(
            one.source_id,
            settings,
            file=one.file,
            now=now,
            dry_run=dry_run,
            wait_s=wait_s,
            progress=progress,
        )
        for one in targets
    )
