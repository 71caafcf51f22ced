"""A graph in columns: where each node stands, so that edges run from left to right.

In: keys in the order in which they should be seen, and edges. Out: a column and a place in it for
each key, and for each edge the places that it passes through on its way. A node stands one column
before the first that came of it; within a column, near those that it is joined to. Edges that
close a circle are drawn, and do not decide where a node stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from catalog.lineage.graph import Key

SWEEPS: Final = 8
Edge = tuple[Key, Key]
Point = tuple[int, int]  # a column, and a place in it


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where nodes stand and edges pass."""

    places: Mapping[Key, Point]
    routes: Mapping[Edge, tuple[Point, ...]]
    num_columns: int
    heights: tuple[int, ...]  # of each column: how many places it has


def lay_out(keys: Sequence[Key], edges: Sequence[Edge]) -> Layout:
    """Give every key a place, the same for the same graph."""
    column = _columns(keys, edges)
    columns, chains = _filled(keys, edges, column)
    near = _neighbours(chains)
    for sweep in range(SWEEPS):
        _settle(columns, near, leftwards=bool(sweep % 2))
    places = {key: (x, y) for x, own in enumerate(columns) for y, key in enumerate(own)}
    routes = {(chain[0], chain[-1]): tuple(places[one] for one in chain) for chain in chains}
    real = set(keys)
    return Layout(
        places={key: place for key, place in places.items() if key in real},
        routes=routes,
        num_columns=len(columns),
        heights=tuple(map(len, columns)),
    )


def _columns(keys: Sequence[Key], edges: Sequence[Edge]) -> dict[Key, int]:
    """The longest way to a node, then as far right as what came of it allows."""
    above: dict[Key, list[Key]] = {key: [] for key in keys}
    below: dict[Key, list[Key]] = {key: [] for key in keys}
    for one, other in edges:
        above[other].append(one)
        below[one].append(other)
    waiting = {key: len(above[key]) for key in keys}
    order, ready = list[Key](), [key for key in keys if not waiting[key]]
    column = dict.fromkeys(keys, 0)
    while ready:
        key = ready.pop()
        order.append(key)
        for other in below[key]:
            column[other] = max(column[other], column[key] + 1)
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    for key in reversed(order):
        ahead = [column[other] for other in below[key] if column[other] > column[key]]
        column[key] = min(ahead) - 1 if ahead else column[key]
    return column


def _filled(
    keys: Sequence[Key], edges: Sequence[Edge], column: Mapping[Key, int]
) -> tuple[list[list[Key]], list[list[Key]]]:
    """The columns, with a place for each edge that passes, and the chain of each edge."""
    columns: list[list[Key]] = [[] for _ in range(max(column.values(), default=0) + 1)]
    for key in keys:
        columns[column[key]].append(key)
    chains = []
    for number, (one, other) in enumerate(edges):
        first, last = column[one], column[other]
        passed = [("", f"{number}/{x}") for x in range(first + 1, last)]
        for x, key in enumerate(passed, first + 1):
            columns[x].append(key)
        chains.append([one, *passed, other])
    return columns, chains


def _neighbours(chains: Sequence[Sequence[Key]]) -> dict[Key, tuple[list[Key], list[Key]]]:
    near: dict[Key, tuple[list[Key], list[Key]]] = {}
    for chain in chains:
        for one, other in pairwise(chain):
            near.setdefault(one, ([], []))[1].append(other)
            near.setdefault(other, ([], []))[0].append(one)
    return near


def _settle(
    columns: list[list[Key]], near: Mapping[Key, tuple[list[Key], list[Key]]], *, leftwards: bool
) -> None:
    """Order each column by the middle of what it is joined to on the side that was settled last."""
    at = {key: y - len(own) / 2 for own in columns for y, key in enumerate(own)}
    span = range(len(columns) - 2, -1, -1) if leftwards else range(1, len(columns))
    for x in span:
        middle = {}
        for key in columns[x]:
            own = near.get(key, ([], []))[1 if leftwards else 0]
            middle[key] = sum(at[one] for one in own) / len(own) if own else at[key]
        columns[x].sort(key=middle.__getitem__)
        at.update((key, y - len(columns[x]) / 2) for y, key in enumerate(columns[x]))
