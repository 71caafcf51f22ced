"""How much is measured, and from which seed: the same plan gives the same figures.

Every draw of an evaluation (which windows, whose actions, which clips of a bootstrap) comes from a
generator made on the spot of the plan's seed and the draw's name; no global generator is touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from training.windows import Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an evaluation takes its time for."""

    seed: int = 0
    windows: int = 0  # 0: as many as the run's configuration says
    draws: int = 3  # of other actions, so that one lucky exchange decides nothing
    batch: int = 8  # windows on the device at once
    euler_steps: int = 4  # a frame, where frames are made by diffusion
    long_windows: int = 8
    long_frames: int = 256  # predicted at most in a long rollout
    fit_windows: int = 64  # real windows that the probe of actions learns from
    timed_frames: int = 48
    shown: int = 4  # windows in pictures


def chunks(total: int, size: int) -> Iterator[Ints]:
    """Places 0 .. total - 1, `size` at a time."""
    for first in range(0, total, size):
        yield np.arange(first, min(first + size, total), dtype=np.int64)


def drawn(seed: int, *names: str | int) -> np.random.Generator:
    """A generator of its own for one purpose."""
    text = "|".join(map(str, (seed, *names)))
    key = np.frombuffer(hashlib.sha256(text.encode()).digest()[:16], np.uint64)
    return np.random.Generator(np.random.Philox(key=key))
