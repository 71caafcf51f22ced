"""Decisions: what was decided about which part of a source, with everything it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from catalog import log, records, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRow:
    """One decision; `parts` are the episodes it holds for, `doc` carries its proof."""

    decision_id: str
    source_id: str
    parts: tuple[str, ...]
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


def record_decision(session: Session, row: DecisionRow, *, run_id: str, now: datetime) -> bool:
    """Record a decision with its leaf; False when it is the latest about its part already."""
    earlier = records.stored(
        session, schema.decisions, source_id=row.source_id, request_digest=row.request_digest
    )
    about = [one.doc["decision_id"] for one in earlier if one.doc["rights_key"] == row.rights_key]
    if about and about[-1] == row.decision_id:
        return False
    doc = {**asdict(row), "known": log.stamp(row.known), "at": log.stamp(row.at), "run_id": run_id}
    log.record(session, schema.decisions, doc, key=row.decision_id, now=now)
    return True


def decision(session: Session, decision_id: str) -> DecisionRow:
    """Look one decision up."""
    return _row(
        records.one_by_id(session, schema.decisions, column="decision_id", wanted=decision_id).doc
    )


def decisions(session: Session) -> tuple[DecisionRow, ...]:
    """Return every decision, oldest first."""
    return tuple(_row(one.doc) for one in records.stored(session, schema.decisions))


def latest_decisions(session: Session, request_digest: str) -> tuple[DecisionRow, ...]:
    """Return the last decision about each part of each source under one request."""
    rows = records.stored(session, schema.decisions, request_digest=request_digest)
    return tuple(_row(one.doc) for one in records.latest_by(rows, "source_id", "rights_key"))


def _row(doc: Mapping[str, Any]) -> DecisionRow:
    return DecisionRow(
        **{
            **{name: doc[name] for name in DecisionRow.__dataclass_fields__},
            "parts": tuple(doc["parts"]),
            "reasons": tuple(doc["reasons"]),
            "obligations": tuple(doc["obligations"]),
            "valid": date.fromisoformat(doc["valid"]),
            "known": log.instant_of(doc["known"]),
            "at": log.instant_of(doc["at"]),
        }
    )
