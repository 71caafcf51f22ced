"""The station: erase a source after its revocation, read back that it is gone, and say so.

In: a source that was revoked. Out: what was erased and what remains. Every step may be repeated:
an erasure that was killed is run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog import rights, sources
from catalog.engine import open_catalog, reading, source_lock
from pipelines.erase.prefixes import erase_prefix, held_by
from pipelines.errors import ErasureError
from pipelines.storage import join

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipelines.settings import Settings

WAIT_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure took, or would take."""

    source: str
    dry_run: bool
    files: int
    size_bytes: int

    def line(self) -> dict[str, Any]:
        """The report as `erase --json` prints it."""
        return {
            "source": self.source,
            "dry_run": self.dry_run,
            "files": self.files,
            "bytes": self.size_bytes,
        }

    def summary(self) -> str:
        """Say it in a few lines."""
        act = "would erase" if self.dry_run else "erased"
        return f"{self.source}: {act} {self.files} files of {self.size_bytes} bytes in the lake"


def erase(
    source_id: str,
    settings: Settings,
    *,
    now: datetime,
    dry_run: bool = False,
    wait_s: float = WAIT_S,
) -> Erased:
    """Erase a source whose rights were revoked.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        ErasureError: NOT_REVOKED, READER_IN_THE_WAY, ERASURE_RESIDUE.
        CatalogError: SOURCE_LOCKED when another process works on the source for `wait_s` seconds.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        name = sources.source(session, source_id).source_id
        check_revoked(session, name, now=now)
    prefix = join(settings.lake, name)
    lock = source_lock(
        open_catalog(settings.catalog_url), name, settings.locks_dir, timeout_s=wait_s
    )
    with lock:
        files, size = held_by(prefix) if dry_run else erase_prefix(prefix, wait_s=wait_s)
    return Erased(source=name, dry_run=dry_run, files=files, size_bytes=size)


def check_revoked(session: Session, source_id: str, *, now: datetime) -> None:
    """Refuse a source that nobody revoked, or whose revocation has not begun."""
    ours = [one for one in rights.revocations(session) if one.subject_id == source_id]
    if any(one.at <= now.date() for one in ours):
        return
    why = f"is revoked from {ours[0].at} on only" if ours else "was never revoked"
    raise ErasureError(
        f"source {source_id} {why}, expected a revocation in force",
        code="NOT_REVOKED",
        subject=source_id,
        way_out=f"clearway revoke {source_id} --reason … , then erase it",
    )
