"""Many alike as one: more than SHOWN things of a group, or FEW, share a node with their count."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
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
    said: Callable[[list[Raw]], str] = lambda _: "",
) -> dict[Raw, Node]:
    """Give each of `raws`, which know their group, its node, or the one node of its group."""
    groups: dict[str, list[Raw]] = {}
    most = FEW if kind == "stream" else SHOWN
    for raw, group in raws.items():
        groups.setdefault(group, []).append(raw)
    found = dict(name([raw for own in groups.values() if len(own) <= most for raw in own]))
    for group, own in groups.items():
        if len(own) > most:
            ids = tuple(sorted(raw for raw in own if isinstance(raw, str)))
            many = Node(
                kind=f"{kind}s", node_id=group, label=f"{len(own)} {kind}s of {group}{said(own)}",
                state=state(group), count=len(own), of=ids,
            )  # fmt: skip
            found |= dict.fromkeys(own, many)
    return found


def lost_among(
    raws: Mapping[Raw, str], lost: set[Raw], *, whole: str = ""
) -> tuple[Callable[[list[Raw]], str], Callable[[str], str]]:
    """What to say of many alike: how many were lost, and what state the group is in."""
    groups = {raws[one] for one in lost}

    def said(own: list[Raw]) -> str:
        number = len(lost.intersection(own))
        return f", {number} revoked" if number else ""

    return said, lambda group: REVOKED if group in groups else whole
