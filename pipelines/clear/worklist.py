"""The worklist of licensing staff: which new grant or answer frees the most hours.

In: a clearance. Out: sets of grants and answers, ranked. The layers come from the proofs, once per
key: how many parts stand under it does not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from licensing.explain import Part, Unlock, rank_unlocks
from licensing.facts import read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook

if TYPE_CHECKING:
    from pipelines.clear.clearance import Clearance


def worklist(
    done: Clearance, *, told: Callable[[int, int], None] = lambda _done, _total: None
) -> tuple[Unlock, ...]:
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
