"""The station: read the request, key what has changed, decide, record.

In: a request (document or recorded name) and the facts of the catalog as of (valid, known). Out:
one row a source with its verdict; decisions are recorded with their log entries in one transaction,
in which they are taken again if anything was recorded since: a revocation is never overtaken.

Only a request dated today is recorded and may be exported; another day is a what-if. A stream that
maps to no rights stream is undetermined, never skipped, and so is a source without layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog import decisions, log, parts, requests, tree
from catalog.engine import open_catalog, reading, transaction
from licensing.request import Request, read_request
from pipelines.clear.clearance import Clearance, SourceRow
from pipelines.clear.deciding import decide_sources
from pipelines.clear.keying import key_sources
from pipelines.heads import checkpoint

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipelines.settings import Settings


def clear(
    request: Mapping[str, Any] | str,
    settings: Settings,
    *,
    now: datetime,
    run_id: str,
    record: bool = True,
    known: datetime | None = None,
) -> Clearance:
    """Decide `request` over every source, as of its own day (default today) and `known`.

    It is recorded when `record` is set and both are now; anything else is a what-if.

    Raises:
        BadCase: a key or value of the request that cannot be read, by name.
        NotFound: UNKNOWN_ID, no request of this name is on record.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        name, doc = _request_of(session, request)
    asked = read_request(doc)
    day = asked.at or now.date()
    today = record and known is None and day == (asked.known or day) == now.date()
    dated = replace(asked, at=day, known=known.date() if known else asked.known)
    size, rows = _decided(dated, settings, known=known, run_id=run_id, now=now)
    done = Clearance.of(asked, rows, name=name, valid=day, known=known or now, recorded=today)
    if not today:
        return done
    with transaction(open_catalog(settings.catalog_url)) as session:
        if tree.size(session) != size:  # no one else writes now: what is decided here stands
            key_sources(session, parts.unkeyed(session), run_id=run_id, now=now)
            done = replace(done, rows=decide_sources(session, dated, known=None))
        done = replace(done, known=log.instant(session, now))
        decisions.record_decisions(session, tuple(_rows_of(done, now)), run_id=run_id, now=now)
    if done.rows:
        checkpoint(settings, now=now)
    return done


def _request_of(session: Session, request: Mapping[str, Any] | str) -> tuple[str, dict[str, Any]]:
    if isinstance(request, str):
        stored = requests.request(session, request)
        return stored.name, dict(stored.doc)
    doc = dict(request)
    return str(doc.pop("name", "")), doc


def _decided(
    request: Request, settings: Settings, *, known: datetime | None, run_id: str, now: datetime
) -> tuple[int, tuple[SourceRow, ...]]:
    """Decide on keys that have seen all that is on record: whatever was added is keyed first.

    The size of the log comes first: while it stays the same, so does what was decided.
    """
    while True:
        with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
            if not parts.unkeyed(session):
                return tree.size(session), decide_sources(session, request, known=known)
        with transaction(open_catalog(settings.catalog_url)) as session:
            key_sources(session, parts.unkeyed(session), run_id=run_id, now=now)


def _rows_of(done: Clearance, now: datetime) -> Iterator[decisions.DecisionRow]:
    for part in done.parts:
        yield decisions.DecisionRow(
            decision_id=part.decision_id,
            source_id=part.source_id,
            request_digest=done.request_digest,
            request_name=done.request_name,
            verdict=part.verdict,
            reasons=part.reasons,
            obligations=part.obligations,
            rights_key=part.rights_key,
            valid=done.valid,
            known=done.known,
            rulebook_digest=done.rulebook_digest,
            profile=done.profile,
            doc=part.doc,
            at=now,
        )
