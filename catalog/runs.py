"""Training runs and the checkpoints that they sealed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from catalog import log, mentions, records, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One training run; `record` is the trainer's own RunRecord, from which rows are replayed."""

    run_id: str
    set_id: str
    manifest_digest: str
    config: Mapping[str, Any]
    record: Mapping[str, Any]
    seed: int
    status: str = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRow:
    """One sealed model state; `path` is relative to the home's folder of runs."""

    checkpoint_id: str
    run_id: str
    step: int
    path: str
    digest: str
    metrics: Mapping[str, Any] = field(default_factory=dict)


def record_run(session: Session, row: RunRow, *, now: datetime) -> bool:
    """Record a run with its leaf, anew when its status moved; False when nothing is new."""
    change = records.record_changed(session, schema.runs, asdict(row), column="run_id", now=now)
    mentions.note(session, mentions.of_run(asdict(row)))
    return change is not records.Change.UNCHANGED


def record_checkpoint(session: Session, row: CheckpointRow, *, now: datetime) -> bool:
    """Record a checkpoint with its leaf; False when it is on record."""
    if records.stored(session, schema.checkpoints, checkpoint_id=row.checkpoint_id):
        return False
    log.record(session, schema.checkpoints, asdict(row), key=row.checkpoint_id, now=now)
    return True


def run(session: Session, run_id: str) -> RunRow:
    """Look one run up."""
    return RunRow(**records.one_by_id(session, schema.runs, column="run_id", wanted=run_id).doc)


def runs(session: Session) -> tuple[RunRow, ...]:
    """Return every run, oldest first."""
    rows = records.latest_by(records.stored(session, schema.runs), "run_id")
    return tuple(RunRow(**one.doc) for one in rows)


def runs_with(session: Session, ids: Iterable[str]) -> tuple[RunRow, ...]:
    """Return these runs, oldest first; an id that is no run's is left out."""
    rows = records.stored_any(session, schema.runs, "run_id", wanted=ids)
    return tuple(RunRow(**one.doc) for one in records.latest_by(rows, "run_id"))


def runs_on(session: Session, set_ids: Iterable[str]) -> tuple[RunRow, ...]:
    """Return the runs on these training sets, oldest first."""
    rows = records.stored_any(session, schema.runs, "set_id", wanted=set_ids)
    return tuple(RunRow(**one.doc) for one in records.latest_by(rows, "run_id"))


def checkpoint(session: Session, checkpoint_id: str) -> CheckpointRow:
    """Look one checkpoint up."""
    found = records.one_by_id(
        session, schema.checkpoints, column="checkpoint_id", wanted=checkpoint_id
    )
    return CheckpointRow(**found.doc)


def checkpoints(session: Session) -> tuple[CheckpointRow, ...]:
    """Return every checkpoint, oldest first."""
    return tuple(CheckpointRow(**one.doc) for one in records.stored(session, schema.checkpoints))


def checkpoints_with(session: Session, ids: Iterable[str]) -> tuple[CheckpointRow, ...]:
    """Return these checkpoints, oldest first; an id that is no checkpoint's is left out."""
    rows = records.stored_any(session, schema.checkpoints, "checkpoint_id", wanted=ids)
    return tuple(CheckpointRow(**one.doc) for one in rows)


def checkpoints_of(session: Session, run_ids: Iterable[str]) -> tuple[CheckpointRow, ...]:
    """Return the checkpoints that these runs sealed, oldest first."""
    rows = records.stored_any(session, schema.checkpoints, "run_id", wanted=run_ids)
    return tuple(CheckpointRow(**one.doc) for one in rows)
