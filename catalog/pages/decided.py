"""What was decided last under a request, part by part, without the proofs: the sums of pages.

In: the digest of a request. Out: a line a part under a rights key, from the last day on which the
request was decided. `clear` decides all sources at once, so no earlier day counts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Row, Select, Table, func, select
from sqlalchemy.orm import Session

from catalog import log, schema, tree
from catalog.pages.paging import Window, paged_back, said

# What may turn a decision or add one; a commit, a set or a run cannot.
_TURNING = (
    schema.sources, schema.files, schema.facts, schema.fact_ends, schema.episodes, schema.clips,
    schema.revocations, schema.requests,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidedPart:
    """The decision about the parts of a source under one rights key, in a line."""

    source_id: str
    rights_key: str
    decision_id: str
    verdict: str
    reasons: tuple[str, ...]
    obligations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """All parts under one request; `day` is when it was decided, None if it never was.

    `last` is the leaf of the last of these decisions.
    """

    day: date | None
    last: int
    parts: tuple[DecidedPart, ...]


def decided(session: Session, request_digest: str) -> Decided:
    """Return the last decision about every part under a request."""
    table = schema.decisions
    newest = select(func.max(table.c.seq)).where(table.c.request_digest == request_digest)
    last = session.execute(newest).scalar()
    if last is None:
        return Decided(day=None, last=-1, parts=())
    day = date.fromisoformat(_valid_of(session, last))
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    first = log.size_at(session, midnight) or 0
    query = _lines(session).where(
        table.c.request_digest == request_digest, table.c.seq >= first
    )  # fmt: skip
    found = {
        (one.source_id, one.rights_key): one
        for one in map(_part, session.execute(query.order_by(table.c.seq)))
    }
    return Decided(day=day, last=last, parts=tuple(found.values()))


def decisions_page(
    session: Session, window: Window, *, source_id: str = "", request_digest: str = ""
) -> tuple[tuple[tuple[DecidedPart, str, date], ...], str]:
    """Return decisions, the newest first, each with the name of its request and its day."""
    table = schema.decisions
    query = _lines(session).add_columns(
        said(session, table, "request_name").label("request_name"),
        said(session, table, "valid").label("valid"),
    )
    if source_id:
        query = query.where(table.c.source_id == source_id)
    if request_digest:
        query = query.where(table.c.request_digest == request_digest)
    rows, after = paged_back(session, query, window, key=table.c.seq)
    return tuple(
        (_part(row), row.request_name, date.fromisoformat(row.valid)) for row in rows
    ), after  # fmt: skip


def is_behind(session: Session, last: int) -> bool:
    """Whether facts, files or clips were recorded after a leaf, which may turn what was decided."""
    return any(one > last for one in mark(session, *_TURNING))


def mark(session: Session, *tables: Table) -> tuple[int, ...]:
    """The last leaf of each of these tables: while they stay the same, so do their records."""
    newest = (
        session.execute(select(func.max(table.c.leaf if "leaf" in table.c else table.c.seq)))
        for table in tables
    )
    return tuple(-1 if (found := one.scalar()) is None else int(found) for one in newest)


def log_size(session: Session) -> int:
    """The number of leaves: while it stays the same, nothing was recorded."""
    return tree.size(session)


def _lines(session: Session) -> Select[Any]:
    table = schema.decisions
    return select(
        table.c.source_id, table.c.decision_id, table.c.verdict,
        *(said(session, table, name).label(name)
          for name in ("rights_key", "reasons", "obligations")),
    )  # fmt: skip


def _part(row: Row[Any]) -> DecidedPart:
    return DecidedPart(
        source_id=row.source_id, rights_key=row.rights_key, decision_id=row.decision_id,
        verdict=row.verdict, reasons=tuple(json.loads(row.reasons)),
        obligations=tuple(json.loads(row.obligations)),
    )  # fmt: skip


def _valid_of(session: Session, seq: int) -> str:
    table = schema.decisions
    query = select(said(session, table, "valid")).where(table.c.seq == seq)
    return str(session.execute(query).scalar_one())
