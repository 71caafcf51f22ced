"""Record a run and its checkpoints in the catalog, also those of a run that was stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import runs
from catalog.engine import open_catalog, reading, transaction
from catalog.errors import NotFound
from licensing.manifest import digest
from training.config import config_doc

if TYPE_CHECKING:
    from pipelines.settings import Settings
    from pipelines.train.asked import Asked
    from training.checkpoint import RunRecord

DONE = "done"


def recorded(settings: Settings, run: str) -> runs.RunRow | None:
    """The run as it is on record, if it is."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        try:
            return runs.run(session, run)
        except NotFound:
            return None


def record_done(
    asked: Asked, record: RunRecord, settings: Settings, *, station_run: str, now: datetime
) -> runs.RunRow:
    """Record a run that came to its end, in the few kilobytes that replay it; its row."""
    from training.checkpoint import lineage_doc

    kept = {
        **lineage_doc(record),
        "evaluation": record.doc()["evaluation"],
        "checkpoint": record.checkpoints[-1]["digest"],
        "station_run": station_run,
    }
    done = _row(asked, run_id=asked.run, record=kept, status=DONE)
    _record(settings, done, record.checkpoints, folder=asked.folder, now=now)
    return done


def record_stopped(asked: Asked, settings: Settings, *, why: str, now: datetime) -> None:
    """Record what a stopped run had sealed: those checkpoints saw rows, whatever stopped it."""
    from training.checkpoint import checkpoints
    from training.loop.recalled import kept_of

    sealed = checkpoints(asked.folder) if asked.folder.is_dir() else ()
    if not sealed:
        return
    stopped = _row(
        asked,
        run_id=digest({"run": asked.run, "sealed": len(sealed), "stopped": why})[:32],
        record=kept_of(asked.folder) | {"stopped": why},
        status=f"stopped:{why}",
    )
    _record(settings, stopped, sealed, folder=asked.folder, now=now)


def _row(asked: Asked, *, run_id: str, record: Mapping[str, Any], status: str) -> runs.RunRow:
    return runs.RunRow(
        run_id=run_id,
        set_id=asked.row.set_id,
        manifest_digest=asked.row.manifest_digest,
        config=config_doc(asked.config),
        record=record,
        seed=asked.config.seed,
        status=status,
    )


def _record(
    settings: Settings,
    row: runs.RunRow,
    sealed: Sequence[Mapping[str, Any]],
    *,
    folder: Path,
    now: datetime,
) -> None:
    measured = {one: row.record.get(one, {}) for one in ("losses", "evaluation")}
    last = max((int(one["step"]) for one in sealed), default=0)
    with transaction(open_catalog(settings.catalog_url)) as session:
        runs.record_run(session, row, now=now)
        for one in sealed:
            point = runs.CheckpointRow(
                checkpoint_id=str(one["digest"])[:32],
                run_id=row.run_id,
                step=int(one["step"]),
                path=_relative(folder / str(one["path"]), settings.runs_dir),
                digest=str(one["digest"]),
                metrics=measured if int(one["step"]) == last else {},
            )
            runs.record_checkpoint(session, point, now=now)


def _relative(path: Path, base: Path) -> str:
    return str(path.relative_to(base)) if path.is_relative_to(base) else str(path)
