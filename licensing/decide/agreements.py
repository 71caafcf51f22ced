"""Bases that somebody agreed to with us: contracts, chains of sublicences, and RSL terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from licensing.decide.matter import Matter, against_signals, unknown_code
from licensing.decide.terms import period, term_steps
from licensing.facts import Basis
from licensing.facts.vocabulary import PERSON_LAYERS, below, touches
from licensing.logic import Outcome, Step, Truth, all_of, any_of, conclude, grants, truth

_RSL_ACTIONS: Final[dict[str, tuple[str, ...]]] = {
    "all": ("use",),
    "ai-all": ("infer", "train", "train_discriminative", "train_generative"),
    "ai-train": ("train", "train_discriminative", "train_generative"),
    "ai-input": ("infer",),
    "ai-index": ("index",),
    "search": ("search", "index"),
}


def judge_contract(matter: Matter, basis: Basis) -> Outcome:
    """A signed agreement: every term that limits it must hold; an unread term leaves it open.

    A sublicence is no wider than any agreement above it: all of the chain must hold at once.
    """
    steps, outlives = term_steps(matter, basis, "contract")
    for number, link in enumerate(basis.chain):
        above, _ = term_steps(matter, link, f"chain[{number}]")
        steps += above
        steps.append(_may_sublicense(link, number))
    steps += _connected(matter, basis)
    if matter.layer.minor and matter.layer.layer in PERSON_LAYERS:
        steps.append(Step(rule="contract.minor", truth=Truth.U, code="MINOR_CONSENT"))
    special = ["SURVIVAL"] if outlives is Truth.T else []
    if any(one.state == "reserved" for one in matter.signals):
        special.append("CONTRACT_OVER_SIGNAL")
    named = basis.instrument_id or basis.id
    outcome = conclude(
        steps, special=special, duties=[f"contract-duties:{named}" if named else "contract-duties"]
    )
    destroyed = any_of(_must_be_destroyed(matter, one) for one in (*basis.chain, basis))
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


def _may_sublicense(link: Basis, number: int) -> Step:
    """An agreement above ours carries it only if it allows to pass the rights on."""
    return Step(
        rule=f"chain[{number}].sublicense", truth=truth(link.sublicense), code="NO_SUBLICENCE"
    )


def _connected(matter: Matter, basis: Basis) -> Iterator[Step]:
    """The chain must lead from the holder to our licensor without a gap and without a circle.

    Where no holder is named, an agreement without a chain is taken to be with the holder.
    """
    holder, links = matter.layer.holder, (*basis.chain, basis)
    if not basis.chain and holder is None:
        return
    passed_on = [(one.licensee, other.licensor) for one, other in pairwise(links)]
    whole = all(
        None is not one == other for one, other in [(holder, links[0].licensor), *passed_on]
    )
    word = "CHAIN_CYCLIC" if _circular(links) else "" if whole else "CHAIN_BROKEN"
    yield Step(rule="contract.chain", truth=Truth.U if word else Truth.T, code=word)


def _circular(links: Sequence[Basis]) -> bool:
    givers = [one.licensor for one in links if one.licensor is not None]
    return len(givers) != len(set(givers))


def _must_be_destroyed(matter: Matter, basis: Basis) -> Truth:
    """Does the end of the term forbid to run the models made in it?"""
    if "deploy_existing_model" not in below(matter.request.action):
        return Truth.F
    unread = Truth.U if "on_end" in basis.unread else Truth.F
    ordered = Truth.T if basis.on_end == "destroy_models" else unread
    return all_of([ordered, period(basis, matter.request.at)[1]])


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
