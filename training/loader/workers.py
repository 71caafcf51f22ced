"""Processes that read batches, for a loop whose own Python would starve decoding threads.

Each is started by a fork server that has loaded nothing, never by a fork of this process: dataset
handles do not survive that. It gets a recipe, opens the set itself and writes frames into shared
memory. A process that hangs or dies is replaced and the batch read once more, window by window in
fresh processes if need be; a window that takes two processes with it is quarantined.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.reduction import DupFd
from typing import Any, Final

import numpy as np

from licensing.errors import ClearwayError
from training.errors import LoaderError
from training.loader.batch import ARRAYS, Asked, Batch
from training.loader.decoder import Frames
from training.loader.reading import Reader, Recipe
from training.loader.shared import SharedSlabs

_START_S: Final = 180.0
_STOP_S: Final = 5.0


class _Lost(Exception):
    """A process did not answer; `args[0]` is the code of why."""


class Workers:
    """So many reading processes, each driven by one thread of this one."""

    def __init__(self, recipe: Recipe, reader: Reader, *, count: int, timeout_s: float) -> None:
        self._recipe, self._reader, self._timeout_s = recipe, reader, timeout_s
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="worker")
        self._local = threading.local()
        self._started: list[_Process] = []
        self._slabs: SharedSlabs | None = None
        self._making = threading.Lock()
        self._count = count

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that read now."""
        return tuple(one.pid for one in self._started if one.is_alive())

    def submit(self, asked: Asked) -> Future[Batch]:
        """Begin to read a batch."""
        return self._threads.submit(self._read, asked)

    def close(self) -> None:
        """Stop the processes; a second call does nothing."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for one in self._started:
            one.stop()
        self._started.clear()
        if self._slabs is not None:
            self._slabs.close()

    def _read(self, asked: Asked) -> Batch:
        shape = self._recipe.frames_shape(len(asked.windows))
        slabs = self._slabs_for(int(np.prod(shape)))
        lent = slabs.lend(shape)
        try:
            return self._ask(slabs, asked, lent)
        except _Lost:
            return self._one_by_one(slabs, asked, lent)

    def _one_by_one(
        self, slabs: SharedSlabs, asked: Asked, lent: tuple[int, Frames] | None
    ) -> Batch:
        offset, frames = lent or (
            None,
            np.empty(self._recipe.frames_shape(len(asked.windows)), np.uint8),
        )
        parts = []
        for at in range(len(asked.windows)):
            here = slice(at, at + 1)
            one = replace(asked, slots=asked.slots[here], windows=asked.windows[here])
            place = None if offset is None else (offset + at * frames[0].nbytes, frames[here])
            try:
                part = self._ask(slabs, one, place)
            except _Lost as lost:
                part = self._reader.blank(one, frames[here], code=lost.args[0])
            if place is None:
                frames[here] = part.frames_BTHWC
            parts.append(part)
        return _joined(parts, frames)

    def _ask(self, slabs: SharedSlabs, asked: Asked, lent: tuple[int, Frames] | None) -> Batch:
        process = self._process(slabs)
        try:
            batch = process.ask((asked, lent and lent[0]), self._timeout_s)
        except _Lost:
            process.stop()
            raise
        return batch if lent is None else replace(batch, frames_BTHWC=lent[1])

    def _process(self, slabs: SharedSlabs) -> _Process:
        process: _Process | None = getattr(self._local, "process", None)
        if process is None or not process.is_alive():
            process = self._local.process = _Process(self._recipe, slabs.fd)
            with self._making:
                self._started = [*(one for one in self._started if one.is_alive()), process]
        return process

    def _slabs_for(self, size: int) -> SharedSlabs:
        """Shared memory is as large as the first batch asks for; a larger one goes by the pipe."""
        with self._making:
            if self._slabs is None:
                self._slabs = SharedSlabs(size, count=2 * self._count + 3)
            return self._slabs


class _Process:
    """One reading process."""

    def __init__(self, recipe: Recipe, fd: int) -> None:
        context = multiprocessing.get_context("forkserver")
        self._here, there = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(there, recipe, _Shared(fd)), name="clearway-feed", daemon=True
        )
        self._process.start()
        there.close()
        self._is_ready = False

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def ask(self, request: tuple[Asked, int | None], timeout_s: float) -> Batch:
        """The batch of a request.

        Raises:
            LoaderError: what the process found; it goes on.
            _Lost: the process does not answer, or has gone.
        """
        if not self._is_ready:
            self._start()
        try:
            self._here.send(request)
            if not self._here.poll(timeout_s):
                raise _Lost("DECODE_TIMEOUT")
            answer = self._here.recv()
        except (EOFError, OSError) as error:
            raise _Lost("DECODE_CRASHED") from error
        if isinstance(answer, ClearwayError):
            raise answer
        batch: Batch = answer
        return batch

    def stop(self) -> None:
        """End the process, whatever it does."""
        self._here.close()
        self._process.kill()
        self._process.join(_STOP_S)

    def _start(self) -> None:
        try:
            answer = self._here.recv() if self._here.poll(_START_S) else None
        except (EOFError, OSError):
            answer = None
        if isinstance(answer, ClearwayError):
            raise answer
        if answer is None:
            raise LoaderError(
                f"a reading process did not start within {_START_S:.0f} s",
                code="WORKER_START",
                subject=str(self.pid),
                way_out="look at its last words on stderr, or set loader_workers = 0",
            )
        self._is_ready = True


class _Shared:
    """A file descriptor on its way to a process that is being started."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (DupFd(self._fd),)


def _arrived(sent: Any) -> mmap.mmap:  # noqa: ANN401 - a private type of the standard library
    fd = sent.detach()
    try:
        return mmap.mmap(fd, 0)
    finally:
        os.close(fd)


def _serve(pipe: Connection, recipe: Recipe, memory: mmap.mmap) -> None:
    """What a process does until its parent goes."""
    try:
        reader = Reader(recipe)
    except ClearwayError as error:
        pipe.send(error)
        return
    pipe.send("ready")
    while True:
        try:
            asked, offset = pipe.recv()
        except EOFError:
            return
        shape = recipe.frames_shape(len(asked.windows))
        size = int(np.prod(shape))
        frames: Frames = (
            np.empty(size, np.uint8)
            if offset is None
            else np.frombuffer(memory, np.uint8, count=size, offset=offset)
        ).reshape(shape)
        try:
            batch = reader.read(asked, frames)
        except ClearwayError as error:
            pipe.send(error)
            continue
        pipe.send(batch if offset is None else replace(batch, frames_BTHWC=frames[:0].copy()))


def _joined(parts: Sequence[Batch], frames: Frames) -> Batch:
    """Batches of one window each as one."""
    together: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ARRAYS
        if name != "frames_BTHWC"
    }
    return replace(
        parts[0],
        **together,
        frames_BTHWC=frames,
        lost=tuple(one for part in parts for one in part.lost),
    )
