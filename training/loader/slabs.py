"""Memory for the frames of a batch, used again once nobody holds the batch before.

Fresh memory costs a page fault for every 4 KB that is written, about as much as a sixth of the
decoding. Nothing has to be given back by hand: a slab is free when the last array that looks at it
has gone. For CUDA slabs are page-locked, so that a copy to the device runs beside the compute.
"""

from __future__ import annotations

import weakref
from collections import deque
from math import prod
from typing import Any

import numpy as np

from training.loader.decoder import Frames


class Slabs:
    """Frames of one shape after another; as many slabs as were ever held at once."""

    def __init__(self, *, pinned: bool = False) -> None:
        self._pinned = pinned
        self._free: deque[Any] = deque()  # appended to by whichever thread drops an array
        self._size = 0

    def lend(self, shape: tuple[int, ...]) -> Frames:
        """An array with anything in it."""
        size = prod(shape)
        if size > self._size:
            self._size = size
            self._free.clear()
        try:
            memory = self._free.pop()  # the one whose pages are warm
        except IndexError:
            memory = self._made(self._size)
        # over an object that is no array: every view of `frames` keeps `frames` itself alive
        frames = np.frombuffer(memory, dtype=np.uint8, count=size).reshape(shape)
        base = frames.base
        weakref.finalize(base, self._back, memory).atexit = False
        return frames

    def _back(self, memory: Any) -> None:  # noqa: ANN401 - bytes of numpy or of torch
        if len(memory) == self._size:
            self._free.append(memory)

    def _made(self, size: int) -> Any:  # noqa: ANN401
        if self._pinned:
            import torch

            return torch.empty(size, dtype=torch.uint8, pin_memory=True).numpy().data
        return memoryview(bytearray(size))
