"""The worklist of licensing staff: what is nearly cleared, and which grant frees the most hours.

In: a clearance. Out: parts that lack one fact, and sets of grants and answers, ranked. The layers
come from the proofs, once per key: how many parts stand under it does not matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from licensing.explain import Part, Unlock, rank_unlocks, single_unlocks
from licensing.facts import read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook

if TYPE_CHECKING:
    from licensing.request import Request
    from licensing.rulebook import Rulebook
    from pipelines.clear.clearance import Clearance
    from pipelines.clear.clearance import Part as Held

_Told = Callable[[int, int], None]  # how many of how many are tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearly:
    """Parts of a source that one new grant or answer frees; each of `keys` alone is enough.

    `hours` are those of the recordings, `clips` the kept clips that this decision holds back.
    """

    source: str
    decision: str
    verdict: str
    reasons: tuple[str, ...]
    keys: tuple[str, ...]
    hours: float
    clips: int


def nearly_cleared(
    done: Clearance, *, told: _Told = lambda _done, _total: None
) -> tuple[Nearly, ...]:
    """What `done` holds back for want of a single fact, the most hours first."""
    held = [part for part in done.parts if part.verdict != "permit"]
    if not held:
        return ()
    clips: Counter[str] = Counter()
    for row in done.rows:
        for one in row.clips:
            clips[one.part.decision_id] += one.num_clips
    found = [
        Nearly(
            source=part.source_id,
            decision=part.decision_id,
            verdict=part.verdict,
            reasons=part.reasons,
            keys=keys,
            hours=part.hours,
            clips=clips[part.decision_id],
        )
        for part, keys in zip(held, single_unlocks(*_asked(held), told=told), strict=True)
        if keys
    ]
    return tuple(sorted(found, key=lambda one: (-one.hours, one.source, one.decision)))


def worklist(done: Clearance, *, told: _Told = lambda _done, _total: None) -> tuple[Unlock, ...]:
    """Rank what would free something of what `done` does not permit, the most hours first."""
    held = [part for part in done.parts if part.verdict != "permit"]
    return rank_unlocks(*_asked(held), told=told) if held else ()


def _asked(held: Sequence[Held]) -> tuple[list[Part], Request, Rulebook]:
    """Parts with the layers of their proofs, and what was asked of them."""
    parts = [
        Part(
            source_id=one.source_id,
            layers=read_layers([layer["facts"] for layer in one.doc["proof"]["layers"]]),
            hours=one.hours,
        )
        for one in held
    ]
    return parts, read_request(held[0].doc["proof"]["request"]), load_rulebook()
