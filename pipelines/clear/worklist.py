"""The worklist of licensing staff: what is nearly cleared, and which grant frees the most hours.

In: a clearance. Out: parts that lack one fact, and sets of grants and answers, ranked. The layers
come from the proofs, once per key: how many parts stand under it does not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from licensing.explain import Part, Unlock, rank_unlocks, unlock_sets
from licensing.facts import doc_digest, read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook

if TYPE_CHECKING:
    from pipelines.clear.clearance import Clearance

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
    held = [(row, part) for row in done.rows for part in row.parts if part.verdict != "permit"]
    rulebook, tried = load_rulebook(), dict[str, tuple[str, ...]]()
    found: list[Nearly] = []
    for number, (row, part) in enumerate(held, 1):
        facts = [layer["facts"] for layer in part.doc["proof"]["layers"]]
        if (said := doc_digest(facts)) not in tried:
            request = read_request(part.doc["proof"]["request"])
            sets = unlock_sets(read_layers(facts), request, rulebook)
            tried[said] = tuple(one[0] for one in sets if len(one) == 1)
        if tried[said]:
            one = Nearly(
                source=row.source,
                decision=part.decision_id,
                verdict=part.verdict,
                reasons=part.reasons,
                keys=tried[said],
                hours=part.hours,
                clips=sum(each.num_clips for each in row.clips if each.part == part),
            )
            found.append(one)
        told(number, len(held))
    return tuple(sorted(found, key=lambda one: (-one.hours, one.source, one.decision)))


def worklist(done: Clearance, *, told: _Told = lambda _done, _total: None) -> tuple[Unlock, ...]:
    """Rank what would free something of what `done` does not permit, the most hours first."""
    held = [part for part in done.parts if part.verdict != "permit"]
    if not held:
        return ()
    parts = [
        Part(
            source_id=one.source_id,
            layers=read_layers([layer["facts"] for layer in one.doc["proof"]["layers"]]),
            hours=one.hours,
        )
        for one in held
    ]
    request = read_request(held[0].doc["proof"]["request"])
    return rank_unlocks(parts, request, load_rulebook(), told=told)
