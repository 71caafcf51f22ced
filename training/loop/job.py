"""One run as it is asked for: what to train, on what, and where its checkpoints and log go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training.config import TrainConfig
from training.loader import FeedSpec, lookback_of

if TYPE_CHECKING:
    from training.gate import Cleared


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to train, on what, and where its checkpoints and log go."""

    config: TrainConfig
    cleared: Cleared
    folder: Path
    device: str = "cpu"
    code_version: str = ""
    parent: Path | None = None  # the checkpoint that `config.parent` names
    began_s: float = 0.0  # moment of the start in seconds since 1970, for what others display


def feed_spec(job: Job) -> FeedSpec:
    """How the run reads its set."""
    config = job.config
    return FeedSpec(
        decode_threads=config.decode_threads,
        prefetch_bytes=config.prefetch_bytes,
        workers=config.loader_workers,
        decode_on=job.device if config.decode_on == "cuda" else "cpu",
        timeout_s=config.decode_timeout_s,
        lookback=lookback_of(config, job.cleared.manifest["render"]["fps"]),
        pinned=job.device.startswith("cuda"),
    )
