"""Decisions: what was decided about which part of a source, with everything it rests on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from catalog import log, records, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One decision: it holds for the parts of its source under `rights_key`; `doc` is its proof."""

    decision_id: str
    source_id: str
    request_digest: str
    request_name: str
    verdict: str
    reasons: tuple[str, ...]
    obligations: tuple[str, ...]
    rights_key: str
    valid: date
    known: datetime
    rulebook_digest: str
    profile: str
    doc: Mapping[str, Any]
    at: datetime


def record_decisions(
    session: Session, rows: Sequence[DecisionRow], *, run_id: str, now: datetime
) -> int:
    """Record decisions with their leaves, but those that are the latest about their part already.

    Returns how many were recorded.
    """
    latest = _latest_about(session, rows)
    new = [one for one in rows if latest.get(_about(one)) != one.decision_id]
    log.record_many(
        session,
        schema.decisions,
        [(one.decision_id, {**_document(one), "run_id": run_id}) for one in new],
        now=now,
    )
    return len(new)


def decision(session: Session, decision_id: str) -> DecisionRow:
    """Look one decision up."""
    return _row(
        records.one_by_id(session, schema.decisions, column="decision_id", wanted=decision_id).doc
    )


def decisions(session: Session, *, known: datetime | None = None) -> tuple[DecisionRow, ...]:
    """Return every decision that was on record at `known`, oldest first."""
    return tuple(_row(one.doc) for one in records.stored(session, schema.decisions, known=known))


def decisions_about(
    session: Session, source_id: str, request_digest: str, *, known: datetime
) -> tuple[DecisionRow, ...]:
    """Return what was decided about a source for a request up to `known`, oldest first."""
    rows = records.stored(
        session, schema.decisions, known=known, source_id=source_id, request_digest=request_digest
    )
    return tuple(_row(one.doc) for one in rows)


def decisions_with(session: Session, ids: Iterable[str]) -> tuple[DecisionRow, ...]:
    """Return every record of the decisions with these ids, oldest first."""
    rows = records.stored_any(session, schema.decisions, "decision_id", wanted=ids)
    return tuple(_row(one.doc) for one in rows)


def decision_ids(session: Session) -> tuple[str, ...]:
    """Return the id of every decision, once each, oldest first."""
    table = schema.decisions
    query = (
        select(table.c.decision_id).group_by(table.c.decision_id).order_by(func.min(table.c.seq))
    )
    return tuple(session.execute(query).scalars())


def sources_of(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """Return the source of each of these decisions; an id that is no decision's is left out."""
    table, found = schema.decisions, dict[str, str]()
    for some in records.chunks(ids):
        query = select(table.c.decision_id, table.c.source_id).where(table.c.decision_id.in_(some))
        found.update((one, source_id) for one, source_id in session.execute(query))
    return found


def ids_about(session: Session, source_ids: Iterable[str]) -> dict[str, str]:
    """Return the ids of all decisions about these sources, and the source of each."""
    table, found = schema.decisions, dict[str, str]()
    for some in records.chunks(source_ids):
        query = select(table.c.decision_id, table.c.source_id).where(table.c.source_id.in_(some))
        found.update((one, source_id) for one, source_id in session.execute(query))
    return found


def latest_decisions(
    session: Session, request_digest: str, *, known: datetime | None = None
) -> tuple[DecisionRow, ...]:
    """Return the last decision about each part of each source under one request, by `known`."""
    rows = records.stored(session, schema.decisions, request_digest=request_digest, known=known)
    return tuple(_row(one.doc) for one in records.latest_by(rows, "source_id", "rights_key"))


def changed_since(session: Session, number: int) -> dict[str, int]:
    """Return the sources whose facts came or ended with entry `number` of the log or later.

    Each with the newest such entry; those that were decided after it are left out.
    """
    found: dict[str, int] = {}
    for table in (schema.facts, schema.fact_ends):
        for source_id, last in _newest(session, table, number):
            found[source_id] = max(last, found.get(source_id, last))
    if not found:
        return {}
    decided = dict(_newest(session, schema.decisions, min(found.values())))
    return {key: last for key, last in found.items() if decided.get(key, -1) < last}


def _newest(session: Session, table: Table, number: int) -> list[tuple[str, int]]:
    query = select(table.c.source_id, func.max(table.c.seq)).where(table.c.seq >= number)
    found = session.execute(query.group_by(table.c.source_id))
    return [(source_id, last) for source_id, last in found]


def _about(row: DecisionRow) -> tuple[str, str, str]:
    return row.request_digest, row.source_id, row.rights_key


def _latest_about(session: Session, rows: Iterable[DecisionRow]) -> dict[tuple[str, str, str], str]:
    """The latest decision about each part, as far back as the first that is to be recorded again.

    What was decided before that says nothing about these rows: on a new day nothing is read.
    """
    table, ids, seen = schema.decisions, sorted({one.decision_id for one in rows}), list[int]()
    for start in range(0, len(ids), records.LOOKED_UP):
        some = table.c.decision_id.in_(ids[start : start + records.LOOKED_UP])
        seen += session.execute(select(table.c.seq).where(some)).scalars()
    if not seen:
        return {}
    asked = table.c.request_digest.in_({one.request_digest for one in rows})
    query = select(table.c.doc).where(asked, table.c.seq >= min(seen)).order_by(table.c.seq)
    since = map(json.loads, session.execute(query).scalars())
    return {
        (one["request_digest"], one["source_id"], one["rights_key"]): one["decision_id"]
        for one in since
    }


def _document(row: DecisionRow) -> dict[str, Any]:
    doc = {name: getattr(row, name) for name in DecisionRow.__dataclass_fields__}
    return {**doc, "known": log.stamp(row.known), "at": log.stamp(row.at)}


def _row(doc: Mapping[str, Any]) -> DecisionRow:
    return DecisionRow(
        **{
            **{name: doc[name] for name in DecisionRow.__dataclass_fields__},
            "reasons": tuple(doc["reasons"]),
            "obligations": tuple(doc["obligations"]),
            "valid": date.fromisoformat(doc["valid"]),
            "known": log.instant_of(doc["known"]),
            "at": log.instant_of(doc["at"]),
        }
    )
