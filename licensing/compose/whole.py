"""How the outcomes of many layers become those of the whole.

Comes in: what every layer in scope said. Goes out: codes that hold the whole down although each
layer alone would do, and the union of duties with the strictest of each kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from licensing.facts.vocabulary import touches
from licensing.logic import unique
from licensing.request import Request

_PERIOD: Final = re.compile(r"P\d{1,6}[DWMY]", re.ASCII)
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
    return _strictest(found)


def reasons(codes: Iterable[str], *, first: Sequence[str] = ()) -> tuple[str, ...]:
    """Each code once, the decisive first, `GRANT` last."""
    listed = unique((*first, *codes))
    return (*(code for code in listed if code != "GRANT"), *({"GRANT"} & set(listed)))


def consequences(stated: Iterable[str]) -> tuple[str, ...]:
    """What a denial or an open question asks for: each duty once, sorted."""
    return _strictest(stated)


def _strictest(stated: Iterable[str]) -> tuple[str, ...]:
    """Each duty once, sorted; of one duty with several time limits only the shortest."""
    found, limits = set(stated), dict[str, str]()
    for duty in sorted(found):
        key, _, limit = duty.partition(":")
        if _PERIOD.fullmatch(limit):
            limits[key] = min(limits.get(key, limit), limit, key=_days)
    timed = {duty for duty in found if _PERIOD.fullmatch(duty.partition(":")[2])}
    return tuple(sorted((found - timed) | {f"{key}:{limit}" for key, limit in limits.items()}))


def _days(limit: str) -> int:
    """The least number of days that an ISO 8601 period of whole units can last."""
    return int(limit[1:-1]) * {"D": 1, "W": 7, "M": 28, "Y": 365}[limit[-1]]
