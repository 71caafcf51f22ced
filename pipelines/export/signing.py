"""Sign a clearance, record it, put it in place: for a new set, and again when it has lapsed.

In: a set that is recorded, or about to be, and a fresh clearance. Out: `clearance.dsse.json` beside
its manifest. The catalog hears of it first: a paper that nobody recorded must not open the gate.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import TYPE_CHECKING

from catalog import training_sets, tree
from catalog.engine import open_catalog, source_lock, transaction
from catalog.heads import origin
from licensing.errors import PaperError
from licensing.manifest import open_clearance
from pipelines import heads
from pipelines.export.papers import grant
from pipelines.keys import signing_secret, trusted_publics
from pipelines.storage import drop_unfinished, exists, join, read_bytes, write_bytes

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.training_sets import TrainingSetRow
    from pipelines.clear import Clearance
    from pipelines.settings import Settings


def sign_and_record(
    row: TrainingSetRow,
    clearance: Clearance,
    settings: Settings,
    *,
    ends: date,
    now: datetime,
    first: Callable[[Session], None] = lambda _session: None,
) -> datetime:
    """Sign `clearance` over the set's manifest and put it in place; return until when it holds.

    The caller holds the lock of the set, `set_lock`.
    `first` records what must stand in the catalog before, in the same transaction.
    """
    secret = signing_secret(settings)
    with transaction(open_catalog(settings.catalog_url)) as session:
        first(session)
        size, root = tree.head(session)
        place = {"origin": origin(session), "size": size, "head": root}
        signed = grant(row.manifest_digest, clearance, ends=ends, now=now, log=place, secret=secret)
        training_sets.record_clearance(
            session,
            row.set_id,
            signed.digest,
            not_before=signed.not_before,
            not_after=signed.not_after,
            now=now,
        )
    heads.checkpoint(settings, now=now)
    uri = join(settings.set_uri(row.name, row.version), "clearance.dsse.json")
    drop_unfinished(uri)
    write_bytes(uri, signed.raw)
    return signed.not_after


def set_lock(name: str, settings: Settings) -> AbstractContextManager[None]:
    """The lock of all versions of a training set: one process at a time makes or signs one."""
    return source_lock(open_catalog(settings.catalog_url), f"set.{name}", settings.locks_dir)


def holds_until(uri: str, settings: Settings, *, manifest_digest: str) -> datetime | None:
    """The end of the clearance of the set at `uri`; None without one that our keys signed."""
    paper = join(uri, "clearance.dsse.json")
    if not exists(paper):
        return None
    try:
        found = open_clearance(read_bytes(paper), trusted_publics(settings))
    except PaperError:
        return None
    return found.not_after if found.manifest_digest == manifest_digest else None
