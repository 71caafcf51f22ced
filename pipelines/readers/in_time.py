"""Rows of a log in order of time, where they do not come in it.

In: the times of rows as they came. Out: the places of the rows in order of time, equal ones as they
came. Rows are late by a little, so they are put in order a stretch at a time: one may end where
everything before is over when anything behind happens. Memory holds one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipelines import ondisk
from pipelines.clocks import steps_of
from pipelines.ondisk import Order, laid_down, let_go, stretches
from pipelines.records import Int64s


def order_of(ts_ns: Int64s, folder: Path) -> Order | None:
    """Return the places of the rows in order of time; None where they come in it."""
    if not any((steps < 0).any() for steps in steps_of(ts_ns)):
        return None
    return laid_down(_sorted(ts_ns), len(ts_ns), folder)


def in_order(ts_ns: Int64s, order: Order, folder: Path) -> Int64s:
    """Return the times of the rows in an order of them."""
    return laid_down(_taken(ts_ns, order), len(ts_ns), folder)


def _sorted(ts_ns: Int64s) -> Iterator[Order]:
    for low, high in pairwise(_ends(ts_ns)):
        yield np.argsort(ts_ns[low:high], kind="stable") + low
        let_go(ts_ns)


def _taken(ts_ns: Int64s, order: Order) -> Iterator[Int64s]:
    for places in stretches(order):
        yield ts_ns[places]
        let_go(ts_ns)


def _ends(ts_ns: Int64s) -> Iterator[int]:
    """Yield 0 and places in ascending order that no row crosses when put in order of time."""
    least = _least_behind(ts_ns)
    yield 0
    most = np.iinfo(np.int64).min
    for number, part in enumerate(stretches(ts_ns)):
        before = np.maximum.accumulate(np.maximum(part, most))
        behind = np.minimum.accumulate(np.append(part[1:], least[number + 1])[::-1])[::-1]
        ends = np.flatnonzero(before <= behind)
        if len(ends):
            yield number * ondisk.STRETCH + int(ends[-1]) + 1
        most = before[-1]


def _least_behind(ts_ns: Int64s) -> Int64s:
    """Return the least time in or behind each stretch, and what is later than all."""
    least = [int(part.min()) for part in stretches(ts_ns)]
    later = np.append(least, np.iinfo(np.int64).max)
    return np.minimum.accumulate(later[::-1])[::-1]
