"""Bases that somebody agreed to with us: contracts and RSL terms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Final

from licensing.decide.matter import Matter, against_signals, unknown_code
from licensing.facts import Basis
from licensing.facts.vocabulary import PERSON_LAYERS, STREAMS, below, touches
from licensing.logic import (
    FOREVER,
    Outcome,
    Step,
    Truth,
    all_of,
    any_of,
    conclude,
    grants,
    inside,
    negate,
    reached,
    truth,
)

_RSL_ACTIONS: Final[dict[str, tuple[str, ...]]] = {
    "all": ("use",),
    "ai-all": ("infer", "train", "train_discriminative", "train_generative"),
    "ai-train": ("train", "train_discriminative", "train_generative"),
    "ai-input": ("infer",),
    "ai-index": ("index",),
    "search": ("search", "index"),
}


def judge_contract(matter: Matter, basis: Basis) -> Outcome:
    """A signed agreement: every term that limits it must hold; an unread term leaves it open."""
    started, ended = period(basis, matter.request.at)
    outlives = all_of([ended, _survives(matter, basis)])
    running = any_of([negate(ended), outlives])
    over = "EXPIRED:void" if basis.valid == () else "EXPIRED"
    steps = [
        Step(rule="contract.start", truth=started, code=_code(started, "NOT_YET_VALID", "TIME")),
        Step(rule="contract.end", truth=running, code=_code(running, over, "TIME")),
        *(_term(name, matter, basis) for name in _TERMS),
    ]
    steps = [_or_survives(one, outlives) for one in steps]
    survives = outlives is Truth.T
    steps += _left_open(matter, basis)
    special = ["SURVIVAL"] if survives else []
    if any(one.state == "reserved" for one in matter.signals):
        special.append("CONTRACT_OVER_SIGNAL")
    named = basis.instrument_id or basis.id
    outcome = conclude(
        steps, special=special, duties=[f"contract-duties:{named}" if named else "contract-duties"]
    )
    destroyed = _must_be_destroyed(matter, basis, ended)
    if destroyed is Truth.F:
        return outcome
    return replace(
        outcome,
        forbids=destroyed,
        bars=("POST_TERM_DESTROY",),
        consequences=("delete-checkpoints",),
    )


def judge_rsl(matter: Matter, basis: Basis) -> Outcome:
    """RSL terms: a token must cover the action, and what it costs must be paid."""
    if matter.layer.layer in PERSON_LAYERS:
        return Outcome(grant=Truth.U, codes=(unknown_code(matter.layer),))
    barred = any(
        touches(_RSL_ACTIONS[token], matter.request.action)
        for token in basis.prohibits or ()
        if token in _RSL_ACTIONS
    )
    payment = basis.payment or "free"
    paid = Truth.T if payment in {"none", "free", "attribution"} else truth(basis.paid)
    steps = [
        Step(
            rule="rsl.permits", truth=_rsl_covers(matter, basis.permits), code="RSL_NOT_PERMITTED"
        ),
        Step(rule="rsl.prohibits", truth=truth(not barred), code="RSL_NOT_PERMITTED"),
        Step(rule="rsl.user", truth=_rsl_user(matter, basis), code="RSL_NOT_PERMITTED"),
        Step(rule="rsl.payment", truth=paid, code="PAYMENT_CONDITION"),
    ]
    duties = {"none": [], "free": [], "attribution": ["attribute"]}.get(payment, ["pay"])
    return against_signals(conclude(steps, duties=duties), matter)


def period(basis: Basis, at: date | None) -> tuple[Truth, Truth]:
    """Has the basis begun at `at`, and has it ended?"""
    if basis.valid is None:
        return (Truth.U, Truth.U) if "valid" in basis.unread else (Truth.T, Truth.F)
    if not basis.valid:
        return Truth.F, Truth.T
    start, end = basis.valid
    return reached(start, at), Truth.F if end == FOREVER else reached(end, at)


def _survives(matter: Matter, basis: Basis) -> Truth:
    """May a model that was made within the term be used after its end?"""
    request = matter.request
    if request.action != "deploy_existing_model":
        return Truth.F
    begun, over = period(basis, request.trained_at)
    named = grants(basis.survival or (), request.action)
    unread = Truth.U if "survival" in basis.unread else Truth.F
    return all_of([any_of([named, unread]), begun, negate(over)])


def _or_survives(step: Step, outlives: Truth) -> Step:
    """What survives the end need not be named among the actions of the term."""
    if step.rule != "contract.actions" or step.truth >= outlives:
        return step
    return replace(step, truth=outlives, code=_code(outlives, "", "TIME"))


def _left_open(matter: Matter, basis: Basis) -> list[Step]:
    """What keeps a signed paper from being enough: a minor, or a term that has no field here."""
    steps = []
    if matter.layer.minor and matter.layer.layer in PERSON_LAYERS:
        steps.append(Step(rule="contract.minor", truth=Truth.U, code="MINOR_CONSENT"))
    if basis.unmapped or "unmapped" in basis.unread:
        steps.append(Step(rule="contract.unmapped", truth=Truth.U, code="TERM_UNMAPPED"))
    return steps


def _must_be_destroyed(matter: Matter, basis: Basis, ended: Truth) -> Truth:
    """Does the end of the term forbid to run the models made in it?"""
    if "deploy_existing_model" not in below(matter.request.action):
        return Truth.F
    unread = Truth.U if "on_end" in basis.unread else Truth.F
    ordered = Truth.T if basis.on_end == "destroy_models" else unread
    return all_of([ordered, ended])


def _term(name: str, matter: Matter, basis: Basis) -> Step:
    """One term of the box: not limited, not read, or compared with the request."""
    judge, no, unknown, actions = _TERMS[name]
    limit = getattr(basis, name)
    if not touches(actions, matter.request.action):
        value = Truth.T
    elif name in basis.unread:
        value = Truth.U
    else:
        value = Truth.T if limit is None and name != "sublicense" else judge(limit, matter)
    return Step(rule=f"contract.{name}", truth=value, code=_code(value, no, unknown))


def _code(value: Truth, no: str, unknown: str) -> str:
    if value is Truth.T:
        return ""
    return no if value is Truth.F else _UNKNOWN.get(unknown, f"{unknown}_UNKNOWN")


def _one_in(field: str) -> Callable[[tuple[str, ...], Matter], Truth]:
    def judge(limit: tuple[str, ...], matter: Matter) -> Truth:
        asked = getattr(matter.request, field)
        return Truth.U if asked is None else truth(asked in limit)

    return judge


def _commercial(limit: bool, matter: Matter) -> Truth:  # noqa: FBT001  a fact, not a switch
    return Truth.T if limit else negate(truth(matter.request.commercial))


def _streams(limit: tuple[str, ...], matter: Matter) -> Truth:
    own = (matter.layer.stream,) if matter.layer.stream else matter.request.streams or STREAMS
    return truth(set(own) <= set(limit))


def _sublicense(limit: bool | None, _: Matter) -> Truth:  # noqa: FBT001  a fact, not a switch
    return truth(limit)


_MADE: Final = ("train", "deploy_existing_model")
_UNKNOWN: Final = {"ACTION": "ACTION_NOT_NAMED", "SUBLICENCE": "NO_SUBLICENCE"}
_TERMS: Final[
    dict[str, tuple[Callable[..., Truth], str, str, tuple[str, ...]]]
] = {  # how it is judged, its code when false and when unknown, the actions it limits
    "actions": (
        lambda limit, matter: grants(limit, matter.request.action),
        *("ACTION_NOT_GRANTED", "ACTION", ("use",)),
    ),
    "territory": (
        lambda limit, matter: inside(matter.request.territory, limit),
        *("TERRITORY", "TERRITORY", ("use",)),
    ),
    "release": (_one_in("release"), "RELEASE", "RELEASE", _MADE),
    "model_kind": (_one_in("model_kind"), "MODEL_KIND", "MODEL_KIND", _MADE),
    "purpose": (_one_in("purpose"), "PURPOSE", "PURPOSE", ("use",)),
    "streams": (_streams, "STREAM", "STREAM", ("use",)),
    "commercial": (_commercial, "NC", "COMMERCIAL", ("use",)),
    "sublicense": (
        _sublicense,
        *("NO_SUBLICENCE", "SUBLICENCE", ("share_third_party", "sublicense")),
    ),
}


def _rsl_covers(matter: Matter, tokens: tuple[str, ...] | None) -> Truth:
    """Do the usage tokens reach the action?"""
    usages = [token for token in tokens or () if token in _RSL_ACTIONS]
    if not usages:
        return Truth.U if tokens is None or tokens else Truth.F
    named = [action for token in usages for action in _RSL_ACTIONS[token]]
    return grants(named, matter.request.action)


def _rsl_user(matter: Matter, basis: Basis) -> Truth:
    """Are we one of the users that the terms permit, and none that they bar?"""
    commercial = matter.request.commercial
    users = set(basis.permits or ()) - set(_RSL_ACTIONS)
    barred = set(basis.prohibits or ()) - set(_RSL_ACTIONS)
    if commercial is None:
        return Truth.U if users | barred else Truth.T
    own = "commercial" if commercial else "non-commercial"
    if own in barred or (users and own not in users and not users & _SPECIAL_USERS):
        return Truth.F
    return Truth.T if not users or own in users else Truth.U


_SPECIAL_USERS: Final = frozenset({"education", "government", "personal"})
