"""Replay: a home restored from a backup erases again what was erased since the backup was made.

In: certificates, signed by a key that this home trusts. Out: the same erasures, carried out and on
record. The certificate stands for the revocation, which the restored catalog may not know.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import files, sources
from catalog.engine import open_catalog, reading, source_lock
from catalog.errors import NotFound
from pipelines.erase.certificate import keep, opened
from pipelines.erase.finding import found, remains
from pipelines.erase.scope import Scope, scope_of
from pipelines.erase.station import WAIT_S, Erased, Progress, carry_out, record, standing
from pipelines.heads import checkpoint
from pipelines.keys import trusted_publics

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.erasures import Erasure
    from pipelines.settings import Settings


def replay(
    certificates: Iterable[Path],
    settings: Settings,
    *,
    now: datetime,
    wait_s: float = WAIT_S,
    progress: Progress | None = None,
) -> tuple[Erased, ...]:
    """Carry out each certificate that has something left to erase; all are on record afterwards.

    Raises:
        PaperError: the code of a certificate that is none, or that no trusted key signed; nothing
            is erased then.
        As `erase`, but for NOT_REVOKED and UNKNOWN_ID.
    """
    publics = trusted_publics(settings)
    papers = [opened(path.read_bytes(), publics) for path in certificates]
    done = tuple(_again(one, settings, now=now, wait_s=wait_s, told=progress) for one in papers)
    if papers:
        checkpoint(settings, now=now)
    return done


def _again(
    paper: Erasure, settings: Settings, *, now: datetime, wait_s: float, told: Progress | None
) -> Erased:
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        scope = _scope(session, paper, now=now)
    engine = open_catalog(settings.catalog_url)
    with source_lock(engine, scope.source_id, settings.locks_dir, timeout_s=wait_s):
        seen = found(scope, settings)
        before = standing(scope, seen, settings)
        if before is None:
            carry_out(scope, settings, now=now, wait_s=wait_s, told=told)
            record(scope, paper, settings, now=now)
    return before or Erased(
        subject=scope.subject,
        dry_run=False,
        already=False,
        found=seen,
        remains=remains(scope, settings),
        erasure_id=paper.erasure_id,
        certificate=keep(paper, settings),
    )


def _scope(session: Session, paper: Erasure, *, now: datetime) -> Scope:
    """The scope as this catalog knows it; a source it never heard of has at most a lake here."""
    file = paper.subject_id if paper.subject_kind == "file" else ""
    try:
        sources.source(session, paper.source_id)
    except NotFound:
        return Scope(source_id=paper.source_id, sha256=file)
    if file and file not in {one.sha256 for one in files.held(session, paper.source_id)}:
        return Scope(source_id=paper.source_id, sha256=file, contents=(file,), texts=())
    return scope_of(session, paper.source_id, file=file, now=now, must_be_revoked=False)
