"""What was known at a day: a basis as it looked before its end or voidness was recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from licensing.facts import Basis
from licensing.logic import FOREVER, Outcome, Truth, unique


def as_known(basis: Basis, known: date | None) -> tuple[Basis, tuple[str, ...]]:
    """The basis as it was recorded at `known`, and the duties that mark an old view as such."""
    void = basis.valid == () or basis.void_from is not None
    later = known is not None and basis.recorded is not None and known < basis.recorded
    if not later:
        return (replace(basis, valid=()) if void else basis), ()
    if void:
        seen = replace(basis, valid=(basis.void_from, FOREVER), void_from=None, erased=None)
        return seen, ("mark-standing:defeated", "open-blast-radius")
    if basis.valid is None and basis.erased is None:
        return basis, ()
    start = basis.valid[0] if basis.valid else None
    valid = basis.valid and (start, FOREVER)
    return replace(basis, valid=valid, erased=None), ("mark-standing:ended",)


def marked(outcome: Outcome, duties: tuple[str, ...]) -> Outcome:
    """An outcome that rests on the old view says so."""
    if outcome.grant is not Truth.T or not duties:
        return outcome
    return replace(
        outcome, codes=unique(("AS_OF", *outcome.codes)), duties=(*outcome.duties, *duties)
    )
