"""Many ranks under Ray Train: gloo on CPUs, NCCL on GPUs, the same loop.

Every rank passes the gate for itself; rank 0 looks at the revocation list for all. Ray restarts a
group that lost a worker, and the loop goes on from the run folder's last sealed checkpoint. A
refusal is an answer, not a failure: it is returned and raised here, and Ray never retries it. No
file carries an answer: the disk may be what failed.
The run folder must be one that driver and workers share.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from licensing import errors as licensing_errors
from training import errors
from training.checkpoint import RunRecord, record_of
from training.cluster import check_cluster
from training.config import TrainConfig, config_doc, read_config
from training.gate import Access
from training.loop import Job, judge
from training.loop import train as train_here
from training.loop.devices import check_here, use_threads
from training.loop.disk import on_disk
from training.loop.log import METRICS, lines
from training.loop.ranks import rank_and_world, together

Progress = Callable[[str, int, int], None]
_POLL_S: Final = 1.0
_LOOK: Final = ("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")  # between polls of workers; its own: 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """Where the run lives and its ranks run. An empty address is a Ray of this process's own."""

    folder: Path
    ray_address: str = ""
    code_version: str = ""
    parent: Path | None = None  # the checkpoint that the configuration names; ranks read it


def train(
    config: TrainConfig,
    access: Access,
    *,
    launch: Launch,
    now: datetime,
    progress: Progress | None = None,
) -> RunRecord:
    """Train on `config.workers` ranks, judge the last checkpoint, return the run's record.

    Raises:
        Refused, LoaderError, CheckpointError: what a rank was told; the last seal stands.
        DeviceError: CUDA_MISSING, NCCL_MISSING on the cluster, before a rank is started.
        TrainingError: TRAINING_FAILED, when workers died more often than `max_failures`.
    """
    folder = launch.folder.resolve()
    with on_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
    told = {
        "config": config_doc(config),
        "access": asdict(access),
        "folder": str(folder),
        "device": config.device,
        "code_version": launch.code_version,
        "parent": launch.parent and str(launch.parent.resolve()),
        # a worker's clock runs on from the caller's `now`
        "ahead_s": (now - datetime.now(UTC)).total_seconds(),
    }
    with _session(launch, config.workers), _watched(folder, config.steps, progress):
        check_cluster(config)
        answer = _fit(config, launch, told)
    if "refusal" in answer:
        raise _told_error(answer["refusal"])
    return record_of(answer["record"])


def work(told: Mapping[str, Any]) -> dict[str, Any]:
    """What one rank does, under Ray Train or under any launcher that made a process group.

    The answer of rank 0 counts: `record`, or the `refusal` that ended the run.
    """
    config = read_config(told["config"])
    use_threads(config)
    try:
        together(lambda: _ready(config))
        record = _work(config, told)
    except errors.RankLost:  # no answer but a failure: whoever started the ranks tries again
        raise
    except licensing_errors.ClearwayError as error:  # every rank raises the same one
        return {"refusal": _error_doc(error)}
    return {"record": json.loads(json.dumps(record.doc()))}  # plain values, whatever made them


def _work(config: TrainConfig, told: Mapping[str, Any]) -> RunRecord:
    access = Access(**told["access"])
    ahead = timedelta(seconds=told["ahead_s"])
    folder = Path(told["folder"])
    parent = Path(told["parent"]) if told["parent"] else None
    cleared = together(lambda: access.opened(datetime.now(UTC) + ahead))
    job = Job(
        config=config,
        cleared=cleared,
        folder=folder,
        device=told["device"],
        code_version=told["code_version"],
        parent=parent,
        began_s=(datetime.now(UTC) + ahead).timestamp(),
    )
    record = train_here(
        job,
        watch=lambda seen: access.again(cleared, now=datetime.now(UTC) + ahead, seen_sequence=seen),
    )
    if not _is_first():
        return record
    last = folder / record.checkpoints[-1]["path"]
    judged = judge(cleared, last, parent=parent, device=told["device"])
    return replace(record, evaluation=judged.evaluation.doc())


def _ready(config: TrainConfig) -> bool:
    check_here(config)
    return True


def _under_ray(told: Mapping[str, Any]) -> dict[str, Any]:
    """Work on the device that Ray Train gave this worker."""
    import torch
    from ray.train.torch import get_device

    if told["device"] == "cuda":
        device = get_device()
        torch.cuda.set_device(device)
        told = {**told, "device": str(device)}
    return work(told)


def _fit(config: TrainConfig, launch: Launch, told: Mapping[str, Any]) -> dict[str, Any]:
    from ray.train import (
        FailureConfig,
        RunConfig,
        ScalingConfig,
        TrainingFailedError,
    )
    from ray.train.torch import TorchConfig, TorchTrainer

    num_workers = (config.min_workers, config.workers) if config.min_workers else config.workers
    trainer = TorchTrainer(
        _under_ray,  # type: ignore[arg-type]  # may answer in v2; v1's type says None
        train_loop_config=dict(told),
        torch_config=TorchConfig(
            # checkpoints are written from CPU memory, so ranks on CUDA speak gloo as well
            backend="cpu:gloo,cuda:nccl" if config.device == "cuda" else "gloo",
            timeout_s=config.rank_timeout_s,
        ),
        scaling_config=ScalingConfig(
            num_workers=num_workers,  # type: ignore[arg-type]  # a pair is elastic; v1's type says int
            use_gpu=config.device == "cuda",
        ),
        run_config=RunConfig(
            name="ray",
            storage_path=str(launch.folder.resolve()),
            failure_config=FailureConfig(max_failures=config.max_failures),
        ),
    )
    try:
        answer: dict[str, Any] = trainer.fit().return_value  # type: ignore[attr-defined]  # v1 has none
    except TrainingFailedError as error:
        raise errors.TrainingError(
            f"the workers failed more than {config.max_failures} times: {error}",
            code="TRAINING_FAILED",
            subject=str(launch.folder),
            way_out="read the workers' logs; the same run goes on from its last checkpoint",
        ) from error
    return answer


@contextmanager
def _session(launch: Launch, num_workers: int) -> Iterator[None]:
    """A Ray to run on: the one that is there, the one at the address, or one of our own."""
    import ray

    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    own = not launch.ray_address
    if own:  # a few workers on this machine: their end, or a failure, is seen sooner
        os.environ.setdefault(*_LOOK)
    ray.init(
        address=launch.ray_address or "local",
        num_cpus=num_workers + 1 if own else None,
        include_dashboard=False if own else None,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _watched(folder: Path, steps: int, progress: Progress | None) -> Iterator[None]:
    """Tell `progress` what the run's log says, until the run has ended."""
    if progress is None:
        yield
        return
    ended = threading.Event()

    def follow() -> None:
        told = -1
        while not ended.wait(_POLL_S):
            told = _tell(folder, steps, progress, told=told)
        _tell(folder, steps, progress, told=told)

    follower = threading.Thread(target=follow, name="progress", daemon=True)
    progress("starting workers", 0, steps)
    follower.start()
    try:
        yield
    finally:
        ended.set()
        follower.join()


def _tell(folder: Path, steps: int, progress: Progress, *, told: int) -> int:
    """Report the log's last line once; returns the step it is about."""
    last = next(iter(deque(lines(folder / METRICS), maxlen=1)), None)
    if last is None or last["step"] == told:
        return told
    progress(f"{last['phase']} loss {last['loss']:.4f}", last["step"], steps)
    return int(last["step"])


def _is_first() -> bool:
    return rank_and_world()[0] == 0


def _error_doc(error: licensing_errors.ClearwayError) -> dict[str, str]:
    return {
        "kind": type(error).__name__,
        "message": str(error),
        "code": error.code,
        "subject": error.subject,
        "way_out": error.way_out,
    }


def _told_error(doc: Mapping[str, str]) -> licensing_errors.ClearwayError:
    """The refusal that the ranks were told, as it was raised there."""
    kinds = {**vars(licensing_errors), **vars(errors)}
    kind: type[licensing_errors.ClearwayError] = kinds.get(doc["kind"], errors.TrainingError)
    return kind(doc["message"], code=doc["code"], subject=doc["subject"], way_out=doc["way_out"])
