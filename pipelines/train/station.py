"""Train: from a configuration to recorded checkpoints, through the trainer's own gate.

In: a training configuration. Out: checkpoints below the runs folder and, in the catalog, the run's
record: what it consumed comes back as a value, for a trainer has no database.

A run is named by what decides it (manifest and configuration). The same again finishes what was
begun, or finds that it is done. A run that the gate stopped is recorded with the code and with the
checkpoints it had sealed: they saw the rows all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from time import perf_counter
from typing import TYPE_CHECKING, Any

from licensing.errors import ClearwayError
from pipelines.train.asked import (
    NO_OPTIONS,
    Asked,
    Config,
    Options,
    access_of,
    asked_of,
    run_folder,
)
from pipelines.train.parents import check_clean
from pipelines.train.recording import DONE, record_done, record_stopped, recorded
from pipelines.workers import probe
from training.config import read_config

if TYPE_CHECKING:
    from pathlib import Path

    from catalog.runs import RunRow
    from pipelines.settings import Settings
    from training.checkpoint import RunRecord
    from training.gate import Access

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What came of a run; `reused` when it was done before."""

    run_id: str
    set_id: str
    checkpoint_id: str
    steps: int
    loss_first: float
    loss_last: float
    picture: str
    plot: str
    evaluation: Mapping[str, Any]
    reused: bool

    def line(self) -> dict[str, Any]:
        """The report as `train --json` prints it."""
        return {
            "id": self.checkpoint_id,
            "run": self.run_id,
            "set": self.set_id,
            "step": self.steps,
            "loss_first": self.loss_first,
            "loss_last": self.loss_last,
            "picture": self.picture,
            "plot": self.plot,
            "evaluation": dict(self.evaluation),
            "reused": self.reused,
        }

    def summary(self) -> str:
        """Say it in one line."""
        how = "was trained before" if self.reused else "trained"
        return (
            f"run {self.run_id[:12]} on {self.set_id} {how}: {self.steps} steps, loss "
            f"{self.loss_first:.4f} -> {self.loss_last:.4f}; checkpoint {self.checkpoint_id[:12]}; "
            f"picture {self.picture}"
        )


def train_set(
    config: Config,
    settings: Settings,
    *,
    now: datetime,
    run_id: str,
    options: Options = NO_OPTIONS,
    progress: Progress | None = None,
) -> Trained:
    """Train as `config` says; `use` defaults to all that the training set was cleared for.

    Raises:
        ConfigError: a key or value of the configuration that cannot be used.
        DeviceError: CUDA_MISSING, NCCL_MISSING, before anything begins.
        Refused: the gate's answer, with its code; PARENT_SAW_REVOKED, PARENT_USE_NOT_COVERED.
        NotFound: UNKNOWN_ID, no such training set or parent.
        WorkersError: RAY_UNREACHABLE, LAKE_NOT_SHARED, for more ranks than one.
        TrainingError: what stopped the run; what it had sealed is on record.
    """
    asked = asked_of(config, settings, options)
    before = recorded(settings, asked.run)
    if before is not None and before.status == DONE:
        return _trained(before, settings, reused=True)
    if asked.parent is not None:
        check_clean(asked.parent, settings)
    try:
        record = _train(asked, settings, now=now, progress=progress)
    except BaseException as error:  # whatever stopped it: what was sealed has seen its rows
        why = error.code if isinstance(error, ClearwayError) else type(error).__name__
        record_stopped(asked, settings, why=why, now=now)
        raise
    done = record_done(asked, record, settings, station_run=run_id, now=now)
    return _trained(done, settings, reused=False)


def _train(
    asked: Asked, settings: Settings, *, now: datetime, progress: Progress | None
) -> RunRecord:
    from training.distributed import Launch, train
    from training.loop.devices import check_here

    config = asked.config
    if config.workers > 1:
        probe(settings)
    if config.workers == 1 or not settings.ray_address:
        check_here(config)
    access = access_of(asked, settings)
    if config.workers == 1:
        return _train_here(asked, access, now=now, progress=progress)
    launch = Launch(
        folder=asked.folder,
        ray_address=settings.ray_address,
        code_version=version("clearway"),
        parent=_parent_path(asked),
    )
    return train(config, access, launch=launch, now=now, progress=progress)


def _train_here(
    asked: Asked, access: Access, *, now: datetime, progress: Progress | None
) -> RunRecord:
    """One rank, in this process, without Ray: the same loop."""
    from training.loop import Job, judge, train
    from training.loop.devices import use_threads
    from training.loop.disk import on_disk

    cleared = access.opened(now)
    folder = asked.folder
    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
    use_threads(asked.config)
    job = Job(
        config=asked.config,
        cleared=cleared,
        folder=folder,
        device=asked.config.device,
        code_version=version("clearway"),
        began_s=now.timestamp(),
        parent=_parent_path(asked),
    )
    started = perf_counter()
    record = train(
        job,
        watch=lambda sequence: access.again(
            cleared,
            now=now + timedelta(seconds=perf_counter() - started),
            seen_sequence=sequence,
        ),
        progress=progress,
    )
    judged = judge(
        cleared,
        folder / record.checkpoints[-1]["path"],
        parent=job.parent,
        device=asked.config.device,
    )
    return replace(record, evaluation=judged.evaluation.doc())


def _parent_path(asked: Asked) -> Path | None:
    return None if asked.parent is None else asked.parent.path


def _trained(row: RunRow, settings: Settings, *, reused: bool) -> Trained:
    from training.loop.plot import PLOT

    last = str(row.record["checkpoint"])
    folder = run_folder(read_config(row.config), settings, row.run_id)
    ends = [each for pair in row.record["losses"].values() for each in pair]
    return Trained(
        run_id=row.run_id,
        set_id=row.set_id,
        checkpoint_id=last[:32],
        steps=int(row.record["steps"]),
        loss_first=float(ends[-2]),
        loss_last=float(ends[-1]),
        picture=str(folder / f"step-{row.record['steps']:08d}.png"),
        plot=str(folder / PLOT),
        evaluation=row.record.get("evaluation", {}),
        reused=reused,
    )
