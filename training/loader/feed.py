"""Batches in the order asked for, read ahead of the loop within a budget of bytes.

The feed chooses nothing. The loop asks for windows by number; what cannot be decoded keeps its slot
with zeros and weight 0, so that shapes, order and exposure counts hold.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.errors import LoaderError
from training.loader.batch import Asked, Batch
from training.loader.reading import Reader, Recipe, recipe_of
from training.loader.signals import NO_LOOKBACK, Lookback
from training.loader.slabs import Slabs
from training.loader.workers import Workers
from training.windows import Windows, WindowSpec, windows_of

if TYPE_CHECKING:
    from training.gate import Cleared


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSpec:
    """How a feed reads; nothing here changes what it delivers but the lookback."""

    decode_threads: int = 2
    prefetch_bytes: int = 256 << 20  # of batches read ahead, encoded and decoded
    lookback: Lookback = NO_LOOKBACK
    workers: int = 0  # processes that read; 0: threads of this one
    timeout_s: float = 60.0  # for a batch of a process
    decode_on: str = "cpu"  # or a CUDA device with a decoder of its own
    pinned: bool = False  # page-locked frames, for copies to a CUDA device


_DEFAULT = FeedSpec()
_AHEAD = 2  # batches a reader at most, besides the one that is handed over next


def windows_in(cleared: Cleared, *, length: int, stride: int, split: str = "train") -> Windows:
    """The windows of one split of a set that passed the gate."""
    columns = ["source_id", "clip_id", "camera", "num_frames", "split"]
    return windows_of(
        cleared.index.select(columns).to_pylist(),
        WindowSpec(length=length, stride=stride),
        split=split,
        tombstones=cleared.manifest["tombstones"],
    )


class Feed:
    """Reads batches ahead of the loop, in threads of this process or in processes of its own."""

    def __init__(self, cleared: Cleared, windows: Windows, spec: FeedSpec = _DEFAULT) -> None:
        self._spec = spec
        self._recipe: Recipe = recipe_of(
            cleared.uri,
            cleared.manifest,
            cleared.index,
            windows=windows,
            lookback=spec.lookback,
            decode_on=spec.decode_on,
        )
        self._reader = Reader(self._recipe)
        self._slabs = Slabs(pinned=spec.pinned)
        self._workers = self._processes() if spec.workers else None
        self._decoders = ThreadPoolExecutor(spec.decode_threads, thread_name_prefix="decode")
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="feed")
        self._pid = os.getpid()

    def follow(self, plan: Iterable[Asked]) -> Iterator[tuple[Asked, Batch]]:
        """The batches of `plan` in its order, the ones after being read already.

        What is read ahead of the batch in the caller's hands stays within `prefetch_bytes`, or is
        one batch where a single one is larger.
        """
        waiting: deque[tuple[Asked, int, Future[Batch]]] = deque()
        rest = ((one, self.cost(one)) for one in plan)
        following = next(rest, None)
        try:
            while following is not None or waiting:
                while following is not None and self._has_room(waiting, following[1]):
                    waiting.append((*following, self.submit(following[0])))
                    following = next(rest, None)
                asked, _, batch = waiting.popleft()
                yield asked, batch.result()
        finally:  # nobody wants the others any more
            for _, _, batch in waiting:
                batch.cancel()

    def _has_room(self, waiting: Collection[tuple[Asked, int, Future[Batch]]], more: int) -> bool:
        if not waiting:
            return True
        ahead = sum(cost for _, cost, _ in waiting)
        return (
            len(waiting) <= _AHEAD * max(1, self._spec.workers)
            and ahead + more <= self._spec.prefetch_bytes
        )

    def cost(self, asked: Asked) -> int:
        """Bytes that a batch takes while it is read and held: its video, encoded and decoded."""
        count, length, height, width, colours = self._recipe.frames_shape(len(asked.windows))
        return count * length * height * width * colours + self._reader.encoded_bytes(asked)

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that read now, if any do."""
        return () if self._workers is None else self._workers.pids

    def submit(self, asked: Asked) -> Future[Batch]:
        """Begin to read a batch."""
        if self._workers is not None:
            return self._workers.submit(asked)
        return self._ahead.submit(self.read, asked)

    def read(self, asked: Asked) -> Batch:
        """One batch. Raises LoaderError when bytes are not as the manifest promises."""
        if os.getpid() != self._pid:
            raise LoaderError(
                "the feed was forked; its dataset handle does not survive that",
                code="FORK_REFUSED",
                subject="feed",
                way_out="start workers with spawn or forkserver and open the feed inside",
            )
        if self._workers is not None:
            return self._workers.submit(asked).result()
        frames = self._slabs.lend(self._recipe.frames_shape(len(asked.windows)))
        spread = map if self._spec.decode_threads == 1 else self._decoders.map
        return self._reader.read(asked, frames, spread=spread)

    def close(self) -> None:
        """Stop the threads and processes; a second call does nothing."""
        if self._workers is not None:
            self._workers.close()
        self._ahead.shutdown(wait=True, cancel_futures=True)
        self._decoders.shutdown(wait=True, cancel_futures=True)

    def _processes(self) -> Workers:
        return Workers(
            self._recipe,
            self._reader,
            count=self._spec.workers,
            timeout_s=self._spec.timeout_s,
        )
