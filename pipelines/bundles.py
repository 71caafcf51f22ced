"""What one worker takes at a time: light items together, so that a task is worth its start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def bundled(
    items: Iterable[Item], weight: Callable[[Item], int], *, most: int, heaviest: int
) -> Iterator[tuple[Item, ...]]:
    """Yield light items together, no more than `most` or `heaviest` in all; a heavy one alone."""
    bundle: list[Item] = []
    total = 0
    for one in items:
        if bundle and (len(bundle) >= most or total + weight(one) > heaviest):
            yield tuple(bundle)
            bundle, total = [], 0
        bundle.append(one)
        total += weight(one)
    if bundle:
        yield tuple(bundle)
