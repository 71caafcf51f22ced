"""Training sets and the clearances that were signed over their manifests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from catalog import log, records, schema
from catalog.errors import NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSetRow:
    """One version of a training set; `set_id` is name@version."""

    set_id: str
    name: str
    version: int
    manifest_digest: str
    content_digest: str
    request_name: str
    request_digest: str
    request: Mapping[str, Any]
    decisions: tuple[str, ...]
    num_clips: int
    num_frames: int
    sources: tuple[str, ...]
    predecessor: str | None
    made_at: datetime
    not_after: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ClearanceRow:
    """One signed clearance: which statement, from when to when."""

    set_id: str
    statement_digest: str
    not_before: datetime
    not_after: datetime


def record_training_set(
    session: Session, row: TrainingSetRow, *, run_id: str, now: datetime
) -> bool:
    """Record a version with its leaf; False when it is on record."""
    if records.stored(session, schema.training_sets, set_id=row.set_id):
        return False
    doc = {**asdict(row), "made_at": log.stamp(row.made_at), "run_id": run_id}
    log.record(session, schema.training_sets, doc, key=row.set_id, now=now)
    return True


def training_set(session: Session, name: str) -> TrainingSetRow:
    """Look a version up by id or manifest digest, or the latest one by name."""
    named = records.stored(session, schema.training_sets, name=name)
    if named:
        return max((_row(one.doc) for one in named), key=lambda row: row.version)
    try:
        return _row(
            records.one_by_id(session, schema.training_sets, column="set_id", wanted=name).doc
        )
    except NotFound:
        column = "manifest_digest"
        return _row(
            records.one_by_id(session, schema.training_sets, column=column, wanted=name).doc
        )


def recorded_at(session: Session, set_id: str) -> datetime:
    """When a version was recorded: what it rests on was on record by then."""
    (row,) = records.stored(session, schema.training_sets, set_id=set_id)
    return row.recorded_at


def training_sets(session: Session) -> tuple[TrainingSetRow, ...]:
    """Return every version of every set, oldest first."""
    return tuple(_row(one.doc) for one in records.stored(session, schema.training_sets))


def training_sets_with(session: Session, ids: Iterable[str]) -> tuple[TrainingSetRow, ...]:
    """Return these versions, oldest first; an id that is no version's is left out."""
    rows = records.stored_any(session, schema.training_sets, "set_id", wanted=ids)
    return tuple(_row(one.doc) for one in rows)


def record_clearance(
    session: Session,
    set_id: str,
    statement_digest: str,
    *,
    not_before: datetime,
    not_after: datetime,
    now: datetime,
) -> None:
    """Record a signed clearance with its leaf."""
    values = {"set_id": set_id, "statement_digest": statement_digest}
    doc = {**values, "not_before": log.stamp(not_before), "not_after": log.stamp(not_after)}
    log.record(session, schema.clearances, doc, key=set_id, now=now)


def clearances_of(session: Session, set_id: str) -> tuple[ClearanceRow, ...]:
    """Return the clearances of a version, oldest first."""
    return tuple(
        ClearanceRow(
            set_id=set_id, statement_digest=one.doc["statement_digest"],
            not_before=log.instant_of(one.doc["not_before"]),
            not_after=log.instant_of(one.doc["not_after"]),
        )
        for one in records.stored(session, schema.clearances, set_id=set_id)
    )  # fmt: skip


def _row(doc: Mapping[str, Any]) -> TrainingSetRow:
    return TrainingSetRow(
        **{
            **{name: doc[name] for name in TrainingSetRow.__dataclass_fields__},
            "decisions": tuple(doc["decisions"]),
            "sources": tuple(doc["sources"]),
            "made_at": log.instant_of(doc["made_at"]),
            "not_after": date.fromisoformat(doc["not_after"]),
        }
    )
