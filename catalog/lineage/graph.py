"""A trace as a graph: each thing once, however many ways lead to it.

Edges run from what something came from to what came of it. Of many alike one node is kept, with
their count; it stands for all of them, so that everything above and below it stays in sight.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Key = tuple[str, str]  # a kind, and what tells a node from others of its kind
Tree = dict[str, Any]
# What a node is told after: recordings on their way before the papers about them.
_TOLD: Final = (
    "training set", "run", "checkpoint", "release", "shard", "shards", "clip", "clips", "stream",
    "streams", "episode", "episodes", "file", "files", "source", "sources", "instrument",
    "decision", "decisions",
)  # fmt: skip
REVOKED, CLEARED, REFUSED = "revoked", "cleared", "refused"  # states; "" is none of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One thing, or `count` of a kind; `node_id` traces it again, but that of several does not."""

    kind: str
    node_id: str
    label: str
    note: str = ""  # what has become of it, in words
    source_id: str = ""
    state: str = ""
    status: str = ""  # of a run
    count: int = 1
    of: tuple[str, ...] = ()  # ids of the episodes or decisions that it stands for

    @property
    def key(self) -> Key:
        """What tells it apart: sources keep equal bytes each for itself."""
        return self.kind, f"{self.source_id}/{self.node_id}" if self.source_id else self.node_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What was reached from `roots`, upwards or `downward`; an edge is (from, what came of it).

    One that `is_wide` ended early: it reached more sources than who asked wants to see named.
    """

    roots: tuple[Key, ...]
    nodes: Mapping[Key, Node]
    edges: frozenset[tuple[Key, Key]]
    downward: bool
    is_wide: bool = False

    def following(self) -> dict[Key, list[Key]]:
        """The nodes next to each one, in the direction of the trace, as they are told."""
        found: dict[Key, list[Key]] = {key: [] for key in self.nodes}
        for above, below in self.edges:
            if self.downward:
                found[above].append(below)
            else:
                found[below].append(above)
        return {key: in_order(own) for key, own in found.items()}


def in_order(keys: Iterable[Key]) -> list[Key]:
    """Keys by kind, then by id; numbers in ids count as numbers."""
    return sorted(keys, key=lambda one: (_TOLD.index(one[0]), _natural(one[1]), one[1]))


def trees(trace: Trace) -> list[Tree]:
    """Draw a trace as one tree a root, as nested documents.

    What was told before, on another way or in an earlier tree, is named `again` without what
    follows it: the trees are as long as the graph.
    """
    following, told = trace.following(), set[Key]()
    return [_tree(trace.nodes, key, following=following, told=told) for key in trace.roots]


def _tree(
    nodes: Mapping[Key, Node], key: Key, *, following: Mapping[Key, list[Key]], told: set[Key]
) -> Tree:
    node, again = nodes[key], key in told
    told.add(key)
    ahead = () if again else following[key]
    below = [_tree(nodes, one, following=following, told=told) for one in ahead]
    found: Tree = {
        "kind": node.kind, "id": node.node_id, "label": node.label, "state": node.state or None,
        "note": node.note or None,
    }  # fmt: skip
    if again and following[key]:
        found["again"] = True
    return {**found, "children": below}


def _natural(text: str) -> list[tuple[int, str]]:
    parts = re.findall(r"(\d+)|(\D+)", text)
    return [(int(number), "") if number else (-1, word) for number, word in parts]
