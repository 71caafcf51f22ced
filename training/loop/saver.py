"""Save beside the training: copy, write in a thread, seal when the gate holds at that moment.

One checkpoint is under way at most: the next one waits for it. Ranks write their parts and speak of
them in a group of their own; rank 0 seals once all parts are on disk. What went wrong on any rank
is raised on all of them, at the next save or at the next step that sees it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.staging import AsyncStager, DefaultStager, StagingOptions

from training.checkpoint import Seal, Weights, prune, sealed_at, start_save
from training.checkpoint.seals import empty
from training.loop.disk import not_written
from training.loop.ranks import agree, heard, rank_and_world, together


class Saver:
    """Writes the checkpoints of one run folder; every rank has one."""

    def __init__(
        self,
        folder: Path,
        *,
        keep: int,
        holds: Callable[[], object],
        device: torch.device,
        timeout_s: int,
    ) -> None:
        """`holds` asks the gate, and raises where it refuses; `keep` is 0 for all.

        Without a `timeout_s` of its own, a group waits half an hour for a rank that is silent.
        """
        self._folder, self._keep, self._holds = folder, keep, holds
        self._rank, world = rank_and_world()
        with heard():
            self._group = (
                dist.new_group(backend="gloo", timeout=timedelta(seconds=timeout_s))
                if world > 1
                else None
            )
        self._stager = _pinned() if device.type == "cuda" else None
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="seal")
        self._pending: Future[Path] | None = None

    def begin(self, weights: Weights, seal: Seal) -> None:
        """Wait for the checkpoint before, then start this one; returns when it is copied."""
        self.wait()
        path = self._folder / f"step-{seal.cursor.step:08d}"
        agree(lambda: self._cleared(path))
        saving = start_save(
            path, weights, cursor=seal.cursor, group=self._group, stager=self._stager
        )
        self._pending = self._threads.submit(self._finish, saving, path, seal)

    def failed(self) -> bool:
        """Whether this rank knows that the checkpoint under way has failed."""
        pending = self._pending
        return pending is not None and pending.done() and pending.exception() is not None

    def wait(self) -> None:
        """All ranks wait until the checkpoint under way is sealed, or all raise why it is not."""
        pending, self._pending = self._pending, None
        if pending is not None:
            together(pending.result)

    def close(self) -> None:
        """Let the checkpoint under way come to its end, whatever that is."""
        if self._pending is not None:
            wait([self._pending])
        self._threads.shutdown()
        if self._stager is not None:
            self._stager.close()

    def _cleared(self, path: Path) -> None:
        """No file of an attempt that was killed may count as one of this checkpoint's."""
        with _on_disk(path):
            if path.exists():
                empty(path)

    def _finish(self, saving: Future[Any], path: Path, seal: Seal) -> Path:
        with _on_disk(path):
            saving.result()
        if self._rank == 0:
            self._holds()
            with _on_disk(path):
                sealed_at(path, seal)
                if self._keep:
                    prune(self._folder, self._keep)
        return path


@contextmanager
def _on_disk(path: Path) -> Iterator[None]:
    """Turn what a disk, a writer or a lost rank says into CHECKPOINT_WRITE_FAILED."""
    try:
        yield
    except (CheckpointException, OSError, RuntimeError) as error:
        raise not_written(path, _cause(error)) from error


def _cause(error: BaseException) -> str:
    """What the first writer said that failed."""
    if isinstance(error, CheckpointException):
        return "; ".join(f"rank {rank}: {one[0]}" for rank, one in sorted(error.failures.items()))
    return str(error)


def _pinned() -> AsyncStager:
    """Keep pinned memory between saves: copying from the device is then a fraction of a second."""
    options = StagingOptions(
        use_pinned_memory=True,
        use_shared_memory=False,
        use_async_staging=False,
        use_non_blocking_copy=True,
    )
    return DefaultStager(options)
