"""The run folder's own log: a line a step, a line an attempt.

Rank 0 writes; who started the run reads it for progress. An attempt that was killed leaves its
lines: the later line of a step is the one that counts. What could not be written in a step is kept
until `check`, for only rank 0 would know of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from training.errors import CheckpointError
from training.loop.disk import on_disk

METRICS: Final = "metrics.jsonl"
_ATTEMPTS: Final = "attempts.jsonl"
_CURVE: Final = 64  # points of a loss curve in the record


class RunLog:
    """Appends to the log of one run folder; on other ranks than 0 it says nothing."""

    def __init__(self, folder: Path, *, writes: bool) -> None:
        self._folder, self._writes = folder, writes
        self._attempt = 0
        self._failed: CheckpointError | None = None

    def begin_attempt(self, step: int, world: int) -> int:
        """Note where an attempt starts, and return its number.

        Raises:
            CheckpointError: CHECKPOINT_WRITE_FAILED.
        """
        if self._writes:
            for name in (_ATTEMPTS, METRICS):
                _cut(self._folder / name)
        self._attempt = len(list(lines(self._folder / _ATTEMPTS)))
        self._append(_ATTEMPTS, {"from_step": step, "world": world})
        self.check()
        return self._attempt

    def step(self, line: Mapping[str, Any]) -> None:
        """One line of figures; whether it was written says `failed`."""
        self._append(METRICS, {"attempt": self._attempt, **line})

    def failed(self) -> bool:
        """Whether a line could not be written."""
        return self._failed is not None

    def check(self) -> None:
        """Raise what kept a line from being written.

        Raises:
            CheckpointError: CHECKPOINT_WRITE_FAILED.
        """
        if self._failed is not None:
            raise self._failed

    def _append(self, name: str, value: object) -> None:
        if not self._writes:
            return
        path = self._folder / name
        try:
            with on_disk(path):
                self._folder.mkdir(parents=True, exist_ok=True)
                with path.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(value) + "\n")
        except CheckpointError as error:
            self._failed = self._failed or error


def lines(path: Path) -> Iterator[Any]:
    """The whole lines of a log; a line cut off by a kill is left out."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
            if line.endswith("\n"):
                yield json.loads(line)


def steps_of(folder: Path) -> list[dict[str, Any]]:
    """The line of each step that counts, in order of steps."""
    by_step = {line["step"]: line for line in lines(folder / METRICS)}
    return [by_step[at] for at in sorted(by_step)]


def attempts(folder: Path) -> tuple[dict[str, int], ...]:
    """Where each attempt started, on how many ranks, and the last step it finished."""
    reached: dict[int, int] = {}
    for line in lines(folder / METRICS):
        reached[line["attempt"]] = line["step"]
    return tuple(
        {**one, "reached": reached.get(at, one["from_step"])}
        for at, one in enumerate(lines(folder / _ATTEMPTS))
    )


def losses(folder: Path) -> tuple[dict[str, tuple[float, float]], tuple[tuple[int, float], ...]]:
    """Mean loss of the first and the last tenth of each phase, and a sampled curve of (step, loss).

    One batch says little: its windows differ from those of the next.
    """
    steps = steps_of(folder)
    phases: dict[str, list[float]] = {}
    for line in steps:
        phases.setdefault(line["phase"], []).append(line["loss"])
    ends = {
        phase: (_mean(all_[: _tenth(all_)]), _mean(all_[-_tenth(all_) :]))
        for phase, all_ in phases.items()
    }
    every = max(1, len(steps) // _CURVE)
    return ends, tuple((line["step"], round(line["loss"], 6)) for line in steps[::every])


def _cut(path: Path) -> None:
    """Remove a line that a kill or a full disk cut off: the next one would be glued to it."""
    if path.exists():
        raw = path.read_bytes()
        if not raw.endswith(b"\n"):
            with on_disk(path):
                os.truncate(path, raw.rfind(b"\n") + 1)


def _tenth(values: Sequence[float]) -> int:
    return max(1, len(values) // 10)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
