"""Many alike as one: more than SHOWN things of a group, or FEW, share a node with their count."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Set
from typing import Final, TypeVar

from catalog.lineage.graph import REVOKED, Node

SHOWN: Final = 20  # of one kind and group that are named one by one
FEW: Final = 8  # the same of clips and streams, which are joined crosswise
Raw = TypeVar("Raw", bound=Hashable)


def few_or_many(
    kind: str,
    raws: Mapping[Raw, str],
    name: Callable[[list[Raw]], Mapping[Raw, Node]],
    *,
    state: Callable[[str], str],
    lost: Set[Raw] = frozenset(),
) -> dict[Raw, Node]:
    """Give each of `raws`, which know their group, its node, or the one node of its group.

    The node of a group says how many of it are `lost`, and is revoked with the first of them.
    """
    groups: dict[str, list[Raw]] = {}
    most = FEW if kind == "stream" else SHOWN
    for raw, group in raws.items():
        groups.setdefault(group, []).append(raw)
    found = dict(name([raw for own in groups.values() if len(own) <= most for raw in own]))
    for group, own in groups.items():
        if len(own) > most:
            gone = sum(raw in lost for raw in own)
            told = f"{len(own)} {kind}s of {group}{f', {gone} revoked' if gone else ''}"
            ids = tuple(sorted(raw for raw in own if isinstance(raw, str)))
            many = Node(
                kind=f"{kind}s", node_id=group, label=told, count=len(own), of=ids,
                state=REVOKED if gone else state(group),
            )  # fmt: skip
            found |= dict.fromkeys(own, many)
    return found
