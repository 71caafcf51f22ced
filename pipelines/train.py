"""Train: from a configuration to recorded checkpoints, through the trainer's own gate.

In: a training configuration. Out: checkpoints below the runs folder and, in the catalog, the run's
record: what it consumed comes back as a value, for a trainer has no database.

A run is named by what decides it (manifest and configuration). The same again finishes what was
begun, or finds that it is done. A run that the gate stopped is recorded with the code and with the
checkpoints it had sealed: they saw the rows all the same.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from catalog import rights, runs, training_sets
from catalog.engine import open_catalog, reading, transaction
from catalog.errors import NotFound
from licensing.errors import ClearwayError
from licensing.manifest import digest
from licensing.request import read_request
from pipelines.keys import trusted_publics
from training.config import TrainConfig, config_doc, read_config
from training.errors import ConfigError

if TYPE_CHECKING:
    from catalog.training_sets import TrainingSetRow
    from pipelines.settings import Settings
    from training.checkpoint import RunRecord
    from training.distributed import Access

Progress = Callable[[str, int, int], None]
DONE = "done"


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
    config: Path | str | Mapping[str, Any],
    settings: Settings,
    *,
    now: datetime,
    run_id: str,
    progress: Progress | None = None,
) -> Trained:
    """Train as `config` says; `use` defaults to all that the training set was cleared for.

    Raises:
        ConfigError: a key or value of the configuration that cannot be used.
        Refused: the gate's answer, with its code.
        NotFound: UNKNOWN_ID, no such training set.
    """
    doc = _doc_of(config)
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        row = training_sets.training_set(session, _set_id(str(doc.get("set", ""))))
        seen = len(rights.revocations(session))
    planned = read_config({**doc, "use": doc.get("use") or dict(row.request)})
    run = digest({"manifest": row.manifest_digest, "config": config_doc(planned)})[:32]
    before = _recorded(settings, run)
    if before is not None and before.status == DONE:
        return _trained(before, settings, reused=True)
    try:
        record = _train(planned, row, settings, run=run, now=now, seen=seen, progress=progress)
    except ClearwayError as error:
        _record_stopped(settings, (run, row, planned), why=error.code, now=now)
        raise
    done = runs.RunRow(
        run_id=run,
        set_id=row.set_id,
        manifest_digest=row.manifest_digest,
        config=config_doc(planned),
        record={**record.doc(), "station_run": run_id},
        seed=planned.seed,
        status=DONE,
    )
    folder = run_folder(planned, settings, run)
    _record(settings, done, record.checkpoints, folder=folder, now=now)
    return _trained(done, settings, reused=False)


def _train(  # noqa: PLR0913 - a planned run is its configuration, its set and its moment
    config: TrainConfig,
    row: TrainingSetRow,
    settings: Settings,
    *,
    run: str,
    now: datetime,
    seen: int,
    progress: Progress | None,
) -> RunRecord:
    from training.distributed import Access, Launch, train

    access = Access(
        uri=settings.set_uri(row.name, row.version),
        use=config.use,
        keys=trusted_publics(settings),
        revocations=settings.revocations,
        seen_sequence=seen,
    )
    folder = run_folder(config, settings, run)
    if config.workers == 1:
        return _train_here(config, access, folder=folder, now=now, progress=progress)
    launch = Launch(
        folder=folder,
        num_workers=config.workers,
        ray_address=settings.ray_address,
        code_version=version("clearway"),
    )
    return train(config, access, launch=launch, now=now, progress=progress)


def _train_here(
    config: TrainConfig, access: Access, *, folder: Path, now: datetime, progress: Progress | None
) -> RunRecord:
    """One rank, in this process, without Ray: the same loop."""
    from training.gate import check_again, open_training_set
    from training.loop import Job, judge, train

    cleared = open_training_set(
        access.uri,
        read_request(access.use),
        keys=access.keys,
        now=now,
        revocations=access.revocations,
        seen_sequence=access.seen_sequence,
    )
    folder.mkdir(parents=True, exist_ok=True)
    job = Job(
        config=config,
        cleared=cleared,
        folder=folder,
        device="cpu",
        code_version=version("clearway"),
    )
    started = perf_counter()
    record = train(
        job,
        watch=lambda sequence: check_again(
            cleared,
            keys=access.keys,
            now=now + timedelta(seconds=perf_counter() - started),
            revocations=access.revocations,
            seen_sequence=sequence,
        ),
        progress=progress,
    )
    judged = judge(cleared, folder / record.checkpoints[-1]["path"])
    return replace(record, evaluation=judged.evaluation.doc())


def run_folder(config: TrainConfig, settings: Settings, run: str) -> Path:
    """Where the checkpoints of a run lie."""
    return Path(config.out).absolute() if config.out else settings.runs_dir / run


def _doc_of(config: Path | str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(config, Mapping):
        return dict(config)
    try:
        return tomllib.loads(Path(config).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{config} cannot be read: {error}, expected a TOML file",
            code="CONFIG_INVALID",
            subject=str(config),
            way_out="give a TOML file with at least `set`",
        ) from error


def _set_id(name: str) -> str:
    """The recorded id of a set named by id, by name, or by the folder it lies in."""
    if "/" not in name:
        return name
    folder, number = name.rstrip("/").split("/")[-2:]
    return f"{folder}@{number}"


def _recorded(settings: Settings, run: str) -> runs.RunRow | None:
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        try:
            return runs.run(session, run)
        except NotFound:
            return None


def _record_stopped(
    settings: Settings,
    planned: tuple[str, TrainingSetRow, TrainConfig],
    *,
    why: str,
    now: datetime,
) -> None:
    """Record what a stopped run had sealed: those checkpoints saw rows, whatever stopped it."""
    from training.checkpoint import checkpoints

    run, row, config = planned
    folder = run_folder(config, settings, run)
    sealed = checkpoints(folder) if folder.is_dir() else ()
    if not sealed:
        return
    stopped = runs.RunRow(
        run_id=digest({"run": run, "sealed": len(sealed), "stopped": why})[:32],
        set_id=row.set_id,
        manifest_digest=row.manifest_digest,
        config=config_doc(config),
        record={"checkpoints": list(sealed), "stopped": why},
        seed=config.seed,
        status=f"stopped:{why}",
    )
    _record(settings, stopped, sealed, folder=folder, now=now)


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


def _trained(row: runs.RunRow, settings: Settings, *, reused: bool) -> Trained:
    sealed = row.record["checkpoints"]
    last = sealed[-1]
    folder = run_folder(read_config(row.config), settings, row.run_id)
    ends = [each for pair in row.record["losses"].values() for each in pair]
    return Trained(
        run_id=row.run_id,
        set_id=row.set_id,
        checkpoint_id=str(last["digest"])[:32],
        steps=int(row.record["steps"]),
        loss_first=float(ends[-2]),
        loss_last=float(ends[-1]),
        picture=str(folder / f"{last['path']}.png"),
        evaluation=row.record.get("evaluation", {}),
        reused=reused,
    )
