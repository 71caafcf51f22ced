"""How the outcomes of many layers become those of the whole.

Comes in: what every layer in scope said. Goes out: codes that hold the whole down although each
layer alone would do, and the union of duties with the strictest of each kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from licensing.facts.vocabulary import touches
from licensing.logic import unique
from licensing.request import Request

_KEPT_APART: Final = frozenset({"copy", "collection"})


def incompatible(bound: Sequence[frozenset[str]], request: Request) -> tuple[str, ...]:
    """INCOMPATIBLE_SA when no licence satisfies every share-alike licence in one shared work."""
    shared = touches(("share",), request.action) and request.op not in _KEPT_APART
    if not shared or not bound or frozenset.intersection(*bound):
        return ()
    return ("INCOMPATIBLE_SA",)


def duties(stated: Iterable[str], request: Request) -> tuple[str, ...]:
    """Every duty once, sorted; a full attribution takes the place of a link."""
    found = set(stated)
    if request.op == "collection":
        found.add("keep-item-licence")
    if "attribute" in found:
        found.discard("attribute:dataset-link")
    return tuple(sorted(found))


def reasons(codes: Iterable[str], *, first: Sequence[str] = ()) -> tuple[str, ...]:
    """Each code once, the decisive first, `GRANT` last."""
    listed = unique((*first, *codes))
    return (*(code for code in listed if code != "GRANT"), *({"GRANT"} & set(listed)))


def consequences(stated: Iterable[str]) -> tuple[str, ...]:
    """What a denial or an open question asks for: each duty once, sorted."""
    return tuple(sorted(set(stated)))
