"""Every random draw, keyed by what it is for: nothing depends on ranks, slices or what ran before.

A generator is made on the spot from (seed, step, slot), so a resumed run draws what the whole one
drew, and there is no state of it to save.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor


class Draw(IntEnum):
    """What a draw is for; each has numbers of its own."""

    DROPOUT = 0
    LEVEL = 1
    NOISE = 2
    FRAME = 3  # a frame that is to be predicted starts as this
    CONTEXT = 4  # a frame that others are predicted from is mixed with this


def stream(draw: Draw, *, seed: int, step: int, slot: int) -> np.random.Generator:
    """A generator for this draw alone."""
    counter = np.array([0, slot, int(draw), 0], np.uint64)
    return np.random.Generator(
        np.random.Philox(key=np.array([seed, step], np.uint64), counter=counter)
    )


def normal(
    draw: Draw, size: tuple[int, ...], *, keys: Iterable[tuple[int, int, int]], device: torch.device
) -> Tensor:
    """Standard normal values of this size for each (seed, step, slot), drawn on the device.

    The same kind of device gives the same values; another kind draws others.
    """
    drawn = []
    for seed, step, slot in keys:
        numbers = torch.Generator(device)
        numbers.manual_seed(int(stream(draw, seed=seed, step=step, slot=slot).integers(2**62)))
        drawn.append(torch.randn(size, generator=numbers, device=device))
    return torch.stack(drawn)
