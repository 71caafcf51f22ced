"""What ranks tell one another. Alone, each of these is its argument.

A refusal that only one rank sees would leave the others waiting in a collective, so every check
that can refuse goes through `agree` or `together`: all ranks raise, or none. A rank that is gone
ends the others with RANK_LOST: at once where its connection broke, else after `rank_timeout_s`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from licensing.errors import ClearwayError
from training.errors import RankLost

_T = TypeVar("_T")


def rank_and_world() -> tuple[int, int]:
    """This process's number and how many there are."""
    if dist.is_available() and dist.is_initialized():
        return dist.get_rank(), dist.get_world_size()
    return 0, 1


def agree(ask: Callable[[], _T]) -> _T:
    """Rank 0 asks; every rank gets its answer, or raises its refusal."""
    rank, world = rank_and_world()
    box: list[Any] = [None, None]
    if rank == 0:
        try:
            box[0] = ask()
        except ClearwayError as error:
            box[1] = error
    if world > 1:
        with heard():
            dist.broadcast_object_list(box, src=0)
    if box[1] is not None:
        raise box[1]
    answer: _T = box[0]
    return answer


def together(work: Callable[[], _T]) -> _T:
    """Every rank works; if one of them is refused, all raise that refusal."""
    done: _T | None = None
    failed: ClearwayError | None = None
    try:
        done = work()
    except ClearwayError as error:
        failed = error
    if total([float(failed is not None)])[0]:
        raise next(error for error in gathered(failed) if error is not None)
    if done is None:
        raise AssertionError("work that did not fail has an answer")
    return done


def total(values: list[float]) -> list[float]:
    """The sums over all ranks, in float64."""
    _, world = rank_and_world()
    if world == 1:
        return values
    summed = torch.tensor(values, dtype=torch.float64)
    add_up(summed)
    out: list[float] = summed.tolist()
    return out


def gathered(value: _T) -> list[_T]:
    """The values of all ranks, in order of rank."""
    _, world = rank_and_world()
    if world == 1:
        return [value]
    out: list[Any] = [None] * world
    with heard():
        dist.all_gather_object(out, value)
    return out


def add_up(values: Tensor) -> None:
    """Replace the values by their sums over all ranks."""
    with heard():
        dist.all_reduce(values)


@contextmanager
def heard() -> Iterator[None]:
    """Turn what a collective says of a rank that does not answer into a typed error.

    Raises:
        RankLost: RANK_LOST.
    """
    try:
        yield
    except RuntimeError as error:
        raise _lost(error) from error


@contextmanager
def heard_between() -> Iterator[None]:
    """The same around work that itself speaks with other ranks, as sharded layers do.

    What has another cause, such as a device without memory, is raised as it is.

    Raises:
        RankLost: RANK_LOST.
    """
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise
        raise _lost(error) from error


def _lost(error: RuntimeError) -> RankLost:
    rank, world = rank_and_world()
    return RankLost(
        f"rank {rank} of {world} heard nothing from another rank: {error}",
        code="RANK_LOST",
        subject=f"rank {rank}",
        way_out="start the run again, on as many ranks as there are: its last sealed checkpoint"
        " is usable",
    )
