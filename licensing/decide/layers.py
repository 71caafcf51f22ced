"""The verdict of one layer: every basis judged, then weighed by evidence and by rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from licensing.decide.agreements import judge_contract, judge_rsl
from licensing.decide.licences import judge_custom, judge_licence, judge_statutory
from licensing.decide.matter import Matter, nothing_known
from licensing.decide.persons import (
    SPECIFIC_LAYERS,
    erasure,
    judge_anonymised,
    judge_consent,
    nothing_granted,
)
from licensing.decide.replay import as_known, marked
from licensing.facts import Basis, Layer, canonical, layer_doc
from licensing.facts.vocabulary import GRADES, STREAMS
from licensing.logic import Outcome, Truth, unique

_JUDGES: Final[dict[str, Callable[[Matter, Basis], Outcome]]] = {
    "public_licence": judge_licence,
    "expression": judge_licence,
    "aggregator_claim": judge_licence,
    "custom": judge_custom,
    "statutory": judge_statutory,
    "contract": judge_contract,
    "rsl": judge_rsl,
    "consent": judge_consent,
    "anonymised": judge_anonymised,
    "unknown": lambda matter, _: nothing_known(matter),
    "none": lambda matter, _: nothing_granted(matter),
}
_RANKS: Final = {
    "consent": 1,
    "anonymised": 1,
    "contract": 2,
    "public_licence": 3,
    "expression": 3,
    "rsl": 3,
    "custom": 3,
    "statutory": 4,
    "aggregator_claim": 6,
    "none": 7,
    "unknown": 8,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One basis, what it says, how much it weighs."""

    basis: Basis
    outcome: Outcome
    rank: int
    low: bool

    @property
    def grant(self) -> Truth:
        """What the basis grants at its grade: a permissive statement below the floor is unknown."""
        return min(self.outcome.grant, Truth.U) if self.low else self.outcome.grant


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerVerdict:
    """What holds for one layer: `value` as Kleene, the codes that hold it, what follows."""

    layer: Layer
    value: Truth
    codes: tuple[str, ...]
    duties: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    bound: tuple[frozenset[str], ...] = ()
    bases: tuple[Judged, ...] = ()


def judge_layer(matter: Matter) -> LayerVerdict:
    """The verdict of one layer, caps included."""
    layer = matter.layer
    found = _weighed(matter)
    scope = ["STREAM_UNMAPPED"] if layer.stream is not None and layer.stream not in STREAMS else []
    if layer.layer == "tool" and layer.covers_output is None:
        scope.append("TOOL_OUTPUT_UNKNOWN")
    kept = () if found.value is Truth.T else found.codes
    if scope:
        return replace(found, value=Truth.U, codes=unique((*scope, *kept)), consequences=())
    if layer.taken_down and found.value is not Truth.F:
        codes = unique(("TAKEDOWN_SIGNAL", *kept))
        return replace(found, value=Truth.U, codes=codes, consequences=("review",))
    return found


def bases_in_order(layer: Layer) -> list[Basis]:
    """Every basis once, as a proof lists what was judged; of consents the latest.

    The order does not depend on the file.
    """
    if len(layer.basis) < 2:
        return list(layer.basis)
    alone = {canonical(layer_doc(replace(layer, basis=(one,)))): one for one in layer.basis}
    bases = [alone[key] for key in sorted(alone)]
    begun = [_begun(one) for one in bases if one.type == "consent"]
    return [one for one in bases if one.type != "consent" or _begun(one) == max(begun)]


def _weighed(matter: Matter) -> LayerVerdict:
    judged = tuple(_judge(basis, matter) for basis in bases_in_order(matter.layer))
    erased = erasure(matter, [as_known(one, matter.request.known)[0] for one in matter.layer.basis])
    barring = [erased, *(one.outcome for one in judged)]
    worst = max(one.forbids for one in barring)
    if worst is not Truth.F:
        held = [one for one in barring if one.forbids is worst]
        return LayerVerdict(
            layer=matter.layer,
            value=Truth.F if worst is Truth.T else Truth.U,
            codes=unique(code for one in held for code in one.bars),
            consequences=unique(duty for one in held for duty in one.consequences)
            if worst is Truth.T
            else (),
            bases=judged,
        )
    speaking = [one for one in judged if one.rank < _RANKS["unknown"]]
    high = [one for one in speaking if not one.low]
    verdict = _by_rank(high, matter) if high else _open(speaking, matter)
    return replace(_with_low(verdict, speaking), bases=judged)


def _judge(basis: Basis, matter: Matter) -> Judged:
    seen, duties = as_known(basis, matter.request.known)
    floor = 1 if matter.layer.layer in SPECIFIC_LAYERS else 2
    usual = 4 if basis.type == "aggregator_claim" else floor
    links = (basis, *basis.chain)  # a sublicence is proven as well as its weakest link
    grade = max(GRADES.index(one.grade) if one.grade else usual for one in links)
    return Judged(
        basis=basis,
        outcome=marked(_JUDGES[basis.type](matter, seen), duties),
        rank=_RANKS[basis.type],
        low=basis.type == "aggregator_claim" or (grade > floor and basis.type != "none"),
    )


def _begun(consent: Basis) -> date:
    start = consent.valid[0] if consent.valid else None
    return start or date.min


def _by_rank(high: Sequence[Judged], matter: Matter) -> LayerVerdict:
    """Bases at or above the floor: agreements first, then licences, then exceptions."""
    true = [one for one in high if one.grant is Truth.T]
    agreed = [one for one in true if one.rank <= 2]
    licences = [one for one in high if one.rank == 3]
    failing = [one for one in licences if one.grant is not Truth.T]
    absent = [one for one in high if one.basis.type == "none"]
    refused = [one for one in high if one.rank == 1 and one.grant is not Truth.T]
    if agreed and refused and not any(one.basis.type == "anonymised" for one in agreed):
        return _conflict(refused, matter)
    if agreed:
        return _of(agreed, Truth.T, matter)
    licensed = [one for one in true if one.rank == 3]
    beside = (failing or absent) if licensed else failing
    if true and beside and (licensed or matter.request.profile != "legalistic"):
        return _conflict(beside, matter)
    value = max(one.grant for one in high)
    return _of([one for one in high if one.grant is value], value, matter)


def _open(speaking: Sequence[Judged], matter: Matter) -> LayerVerdict:
    """Nothing at or above the floor speaks: the low statements, or nothing at all."""
    if not speaking:
        outcome = nothing_known(matter)
        return LayerVerdict(layer=matter.layer, value=outcome.grant, codes=outcome.codes)
    value = max(one.grant for one in speaking)
    return _of([one for one in speaking if one.grant is value], value, matter)


def _with_low(verdict: LayerVerdict, speaking: Sequence[Judged]) -> LayerVerdict:
    """A low statement that contradicts the high ones is named, and a restrictive one counts."""
    if all(one.low for one in speaking):
        return verdict
    low = {one.outcome.grant for one in speaking if one.low}
    against = [one for one in speaking if one.low and _restricts(one.outcome)]
    if verdict.value is Truth.F and Truth.T in low:
        return replace(verdict, codes=unique(("HIGHER_GRADE_RESTRICTS", *verdict.codes)))
    agreed = any(one.rank <= 2 and one.grant is Truth.T for one in speaking)
    if verdict.value is Truth.T and against and not agreed:
        codes = [code for one in against for code in one.outcome.codes]
        return replace(verdict, value=Truth.U, codes=unique(("CONFLICT", *codes)))
    return verdict


def _restricts(outcome: Outcome) -> bool:
    """Does a weak statement restrict, or may it, once the missing fact is known?"""
    return outcome.grant is Truth.F or (outcome.grant is Truth.U and bool(outcome.steps))


def _of(holding: Sequence[Judged], value: Truth, matter: Matter) -> LayerVerdict:
    """The verdict that the `holding` bases carry together."""
    codes = [code for one in holding for code in _codes(one)]
    sets = [one.outcome.share_alike for one in holding]
    stated = [one.outcome for one in holding]
    return LayerVerdict(
        layer=matter.layer,
        value=value,
        codes=unique(codes),
        duties=unique(duty for one in stated for duty in one.duties) if value is Truth.T else (),
        consequences=unique(
            duty for one in stated if value is Truth.F for duty in one.consequences
        ),
        bound=tuple(one for one in sets if one is not None),
    )


def _codes(one: Judged) -> tuple[str, ...]:
    return ("EVIDENCE_GRADE",) if one.low and one.outcome.grant is Truth.T else one.outcome.codes


def _conflict(against: Sequence[Judged], matter: Matter) -> LayerVerdict:
    """Statements that contradict each other: a person decides."""
    codes = unique(("CONFLICT", *(code for one in against for code in one.outcome.codes)))
    return LayerVerdict(layer=matter.layer, value=Truth.U, codes=codes)
