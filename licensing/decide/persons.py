"""Bases that speak for a depicted or recorded person: consent, anonymity, and their absence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from licensing.decide.matter import Matter, nothing_known
from licensing.decide.terms import period
from licensing.facts import Basis, Layer
from licensing.facts.vocabulary import PERSON_LAYERS
from licensing.logic import (
    Outcome,
    Step,
    Truth,
    any_of,
    conclude,
    grants,
    negate,
    reached,
    truth,
)

SPECIFIC_LAYERS: Final = frozenset({"likeness", "voice", "biometric"})


def judge_consent(matter: Matter, basis: Basis) -> Outcome:
    """Consent covers what it names, until it is withdrawn; then it forbids."""
    if matter.layer.layer not in PERSON_LAYERS:
        return nothing_known(matter)
    request = matter.request
    started, ended = period(basis, request.at)
    named = Truth.U if basis.scope is None else grants(basis.scope, request.action)
    scope_code = "PURPOSE" if named is Truth.F or basis.scope is None else "ACTION_NOT_NAMED"
    start_code = "TIME_UNKNOWN" if started is Truth.U else "NOT_YET_VALID"
    paid = any_of([truth(basis.commercial), negate(truth(request.commercial))])
    specific = truth(basis.specific) if matter.layer.layer in SPECIFIC_LAYERS else Truth.T
    parent = basis.capacity in {"parent", "guardian"}
    minor = Truth.U if matter.layer.minor and not parent else Truth.T
    able = Truth.U if basis.capacity == "incapable" else Truth.T
    void = truth(basis.valid != ())
    steps = [
        Step(rule="consent.standing", truth=void, code="EXPIRED:void"),
        Step(rule="consent.start", truth=started, code=start_code),
        Step(rule="consent.scope", truth=named, code=scope_code),
        Step(rule="consent.commercial", truth=paid, code="CONSENT_SCOPE"),
        Step(rule="consent.specific", truth=specific, code="CONSENT_SCOPE:specific"),
        Step(rule="consent.minor", truth=minor, code="MINOR_CONSENT"),
        Step(rule="consent.capacity", truth=able, code="CAPACITY"),
    ]
    outcome = conclude(steps, duties=["keep-evidence:consent"])
    return _ended(outcome, matter, basis=basis, ended=Truth.F if basis.valid == () else ended)


def erasure(matter: Matter, bases: Sequence[Basis]) -> Outcome:
    """An erasure that has taken effect forbids, whatever was agreed before or after."""
    forbids = any_of(
        _erased(one.erased, matter.request.at) for one in bases if one.erased is not None
    )
    return Outcome(
        grant=Truth.U,
        codes=(),
        forbids=forbids,
        bars=("ERASURE",),
        consequences=("erase:P1M", "notify-recipients"),
    )


def judge_anonymised(matter: Matter, basis: Basis) -> Outcome:
    """Verified anonymity closes the layer of a person, and no other layer."""
    if matter.layer.layer not in PERSON_LAYERS:
        return nothing_known(matter)
    code = "ANON_FAILED" if basis.verified is False else "ANON_UNVERIFIED"
    step = Step(rule="anonymised.verified", truth=truth(basis.verified), code=code)
    return conclude([step], special=["ANONYMISED"], duties=["keep-evidence:anonymisation"])


def nothing_granted(matter: Matter) -> Outcome:
    """What the basis `none` says: it is known that nobody granted anything."""
    layer = matter.layer
    code, consequences = _absence(layer)
    return Outcome(grant=Truth.F, codes=(code,), consequences=consequences)


def _absence(layer: Layer) -> tuple[str, tuple[str, ...]]:
    country = (layer.territory or "").partition("-")[0]
    if layer.layer == "personal_data" and layer.minor and country == "US":
        return "COPPA", ("delete-data", "delete-checkpoints")
    if layer.layer == "biometric" and layer.territory == "US-IL":
        return "BIPA_RELEASE", ()
    codes = {
        "likeness": "LIKENESS_CONSENT",
        "voice": "VOICE_CONSENT",
        "biometric": "BIOMETRIC_CONSENT",
        "personal_data": "NO_LEGAL_BASIS",
    }
    return codes.get(layer.layer, "NO_GRANT"), ()


def _erased(day: date | None, at: date | None) -> Truth:
    return Truth.T if at is None else reached(day, at)


def _ended(outcome: Outcome, matter: Matter, *, basis: Basis, ended: Truth) -> Outcome:
    """Withdrawal reached forbids; a model trained before it is left to a person."""
    request = matter.request
    forbids = ended
    if request.action == "deploy_existing_model" and basis.valid:
        _, trained_after = period(basis, request.trained_at)
        forbids = min(ended, max(trained_after, Truth.U))
    if forbids is Truth.F:
        return outcome
    bars = "TIME_UNKNOWN" if forbids is Truth.U and request.at is None else "CONSENT_WITHDRAWN"
    return replace(
        outcome,
        forbids=forbids,
        bars=(bars,),
        consequences=("flag-checkpoints", "evaluate-retire"),
    )
