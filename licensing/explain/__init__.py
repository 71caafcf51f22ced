"""A decision in words, what would turn it, and what another rulebook would change."""

from licensing.explain.changes import Changed, changed_decisions
from licensing.explain.tree import proof_lines
from licensing.explain.unlock import (
    Part,
    Unlock,
    decision_unlocks,
    rank_unlocks,
    single_unlocks,
    unlock_sets,
)
from licensing.explain.words import explain

__all__ = [
    "Changed",
    "Part",
    "Unlock",
    "changed_decisions",
    "decision_unlocks",
    "explain",
    "proof_lines",
    "rank_unlocks",
    "single_unlocks",
    "unlock_sets",
]
