"""Memory that reading processes write into and the loop looks at, without a name anywhere.

An anonymous file has no entry in /dev/shm: whatever is killed, nothing is left behind. It is
divided into slabs; a slab is free when the last array that looks at it has gone.
"""

from __future__ import annotations

import mmap
import os
import tempfile
import weakref
from collections import deque
from math import prod

import numpy as np

from training.loader.decoder import Frames


class SharedSlabs:
    """Slabs of one size; pages that nobody has written take no memory."""

    def __init__(self, size: int, *, count: int) -> None:
        self.fd = _anonymous()
        self._size = size
        os.ftruncate(self.fd, size * count)
        self._memory = mmap.mmap(self.fd, size * count)
        self._free = deque(range(count))

    def lend(self, shape: tuple[int, ...]) -> tuple[int, Frames] | None:
        """Where a slab begins, and an array over it; `None` when all are looked at."""
        size = prod(shape)
        if size > self._size or not self._free:
            return None
        number = self._free.pop()  # the one whose pages are warm
        offset = number * self._size
        whole = np.frombuffer(self._memory, dtype=np.uint8, count=size, offset=offset)
        weakref.finalize(whole, self._free.append, number).atexit = False
        return offset, whole.reshape(shape)

    def close(self) -> None:
        """Give the file up; arrays that are still looked at keep their memory."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _anonymous() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("clearway-feed", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
