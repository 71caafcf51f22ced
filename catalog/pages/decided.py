"""What was decided last under a request, part by part, without the proofs: what sums are made of.

In: the digest of a request. Out: a line a part under a rights key, from the last day on which the
request was decided. `clear` decides all sources at once, so no earlier day counts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, func, select, true
from sqlalchemy.orm import Session

from catalog import log, schema, tree
from catalog.pages.paging import Window, field, items, one_of, paged_back, said

_Said = tuple[str, str, tuple[str, ...]]  # a decision, its verdict and reasons
_NOTHING: _Said = ("", "", ())
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
class Round:
    """The last time that a request was decided over all sources, by the leaves of its decisions.

    `day` is the one it was decided for, None if it never was.
    """

    request_digest: str
    day: date | None = None
    first: int = 0
    last: int = -1


class Held(NamedTuple):
    """The parts of a source under one decision; without an id, nobody has decided them yet."""

    source_id: str
    decision_id: str
    verdict: str
    reasons: tuple[str, ...]
    span_ns: int


def last_round(session: Session, request_digest: str) -> Round:
    """Return when a request was decided last."""
    table = schema.decisions
    newest = select(func.max(table.c.seq)).where(table.c.request_digest == request_digest)
    last = session.execute(newest).scalar()
    if last is None:
        return Round(request_digest=request_digest)
    day = date.fromisoformat(_valid_of(session, last))
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    first = log.size_at(session, midnight) or 0
    return Round(request_digest=request_digest, day=day, first=first, last=last)


def held_under(
    session: Session, rounds: Iterable[Round], *, only: Collection[str] | None = None
) -> Iterator[list[Held]]:
    """Yield for each round what sources hold, by what was decided: all, or `only` some sources.

    What is held is what the last keying of a source found. Of one that was never keyed, having no
    episode, there is what was decided about it, and no time.
    """
    spans = _spans(session, only)
    keyed = {source_id for source_id, _, _ in spans}
    for one in rounds:
        told = _decided(session, one, only)
        found = [
            Held(source_id, *told.get((source_id, key), _NOTHING), span_ns)
            for source_id, key, span_ns in spans
        ]
        found += (
            Held(source_id, *said, 0)
            for (source_id, _), said in told.items()
            if source_id not in keyed
        )
        yield found


def spans_by_verdict(session: Session, rounds: Iterable[Round]) -> Iterator[dict[str, int]]:
    """Yield for each round the time that all sources hold under each verdict, "" for undecided."""
    spans = _spans(session, None)
    for one in rounds:
        told = _decided(session, one, None)
        found: dict[str, int] = {}
        for source_id, key, span_ns in spans:
            verdict = told.get((source_id, key), _NOTHING)[1]
            found[verdict] = found.get(verdict, 0) + span_ns
        yield found


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
    newest = (
        session.execute(select(func.max(one.c.leaf if "leaf" in one.c else one.c.seq))).scalar()
        for one in _TURNING
    )
    return any(one is not None and one > last for one in newest)


def log_size(session: Session) -> int:
    """The number of leaves: while it stays the same, nothing was recorded."""
    return tree.size(session)


def _decided(
    session: Session, of: Round, only: Collection[str] | None
) -> dict[tuple[str, str], _Said]:
    """What was decided last in a round about each source and rights key."""
    table = schema.decisions
    columns = (
        table.c.source_id, table.c.rights_key, table.c.decision_id, table.c.verdict, table.c.reasons
    )  # fmt: skip
    query = select(*columns).where(
        table.c.request_digest == of.request_digest, table.c.seq >= of.first
    )
    if only is not None:
        query = query.where(one_of(session, table.c.source_id, only))
    words: dict[str, tuple[str, ...]] = {}  # many say the same
    found: dict[tuple[str, str], _Said] = {}
    for source_id, key, decision_id, verdict, text in session.execute(
        query.order_by(table.c.seq)
    ).all():
        if text not in words:
            words[text] = tuple(json.loads(text))
        found[source_id, key] = decision_id, verdict, words[text]
    return found


def _spans(session: Session, only: Collection[str] | None) -> list[tuple[str, str, int]]:
    """Each source and rights key, and the time of the parts under it."""
    table = schema.keyings
    last = select(func.max(table.c.seq)).group_by(table.c.source_id)
    if only is not None:
        last = last.where(one_of(session, table.c.source_id, only))
    parts = items(session, table, "parts")
    key, span_ns = (field(session, parts.c.value, *at) for at in (("keys", 0), ("span_ns",)))
    query = select(table.c.source_id, key, span_ns).join(parts, true())
    found = session.execute(query.where(table.c.seq.in_(last))).all()
    return [(source_id, name, int(spent)) for source_id, name, spent in found]


def _lines(session: Session) -> Select[Any]:
    table = schema.decisions
    return select(
        table.c.source_id, table.c.decision_id, table.c.verdict, table.c.rights_key,
        table.c.reasons, said(session, table, "obligations").label("obligations"),
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
