"""Bases that the rulebook decides: public licences, expressions, classes, claims, exceptions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from licensing.decide.matter import (
    Matter,
    against_signals,
    find_licence,
    nothing_known,
    unknown_code,
)
from licensing.decide.terms import period
from licensing.expression import Tree, parse
from licensing.facts import Basis
from licensing.facts.vocabulary import PERSON_LAYERS, touches
from licensing.logic import (
    Look,
    Outcome,
    Step,
    Truth,
    all_of,
    best,
    conclude,
    facts_of,
    holds,
    meet,
    negate,
    reached,
)
from licensing.rulebook import Clause, Licence


def judge_licence(matter: Matter, basis: Basis) -> Outcome:
    """A public licence, an SPDX expression or somebody's claim of one."""
    if matter.layer.layer in PERSON_LAYERS:
        return Outcome(grant=Truth.U, codes=(unknown_code(matter.layer),))
    name = basis.id or ""
    tree = parse(name) if find_licence(name, matter.rulebook) is None else name
    return _judge_tree(tree if tree is not None else name, matter, basis)


def judge_custom(matter: Matter, basis: Basis) -> Outcome:
    """Terms of the holder's own, as far as somebody has read them into a class."""
    if basis.class_ is None:
        return Outcome(grant=Truth.U, codes=("CUSTOM_TEXT_UNREAD",))
    return judge_licence(matter, replace(basis, id=f"LicenseRef-{basis.class_}"))


def judge_statutory(matter: Matter, basis: Basis) -> Outcome:
    """A statutory exception, if counsel has enabled it and not taken that back by the day."""
    begun, ended = period(basis, matter.request.at)
    stands = all_of([begun, negate(ended)])
    if matter.request.profile == "tdm_disabled" or basis.enabled is False or stands is Truth.F:
        return Outcome(grant=Truth.U, codes=("TDM_NOT_ENABLED",))
    if stands is Truth.U:
        return Outcome(grant=Truth.U, codes=("TIME_UNKNOWN",))
    licence = matter.rulebook.find(basis.id or "")
    if licence is None or not licence.statutory:
        return Outcome(grant=Truth.U, codes=("LICENCE_UNKNOWN",))
    if matter.layer.layer not in licence.layers:
        return nothing_known(matter)
    reservation = [_reservation(matter)] if licence.reservable else []
    return _judge_clauses(
        licence, matter, basis=basis, steps=reservation, special=[licence.special]
    )


def _judge_tree(tree: Tree, matter: Matter, basis: Basis) -> Outcome:
    if isinstance(tree, str):
        return _judge_name(tree, matter, basis)
    word, parts = tree
    outcomes = [_judge_tree(part, matter, basis) for part in parts]
    return best(outcomes) if word == "OR" else meet(outcomes)


def _judge_name(name: str, matter: Matter, basis: Basis) -> Outcome:
    licence = find_licence(name, matter.rulebook)
    if licence is None or licence.statutory:
        return Outcome(grant=Truth.U, codes=("LICENCE_UNKNOWN",))
    steps, special = _standing(licence, matter)
    outcome = _judge_clauses(licence, matter, basis=basis, steps=steps, special=special)
    return against_signals(outcome, matter)


def _judge_clauses(
    licence: Licence, matter: Matter, *, basis: Basis, steps: list[Step], special: list[str]
) -> Outcome:
    look, profile = matter.look(basis, licence), matter.request.profile
    speaking = [one for one in licence.clauses if _speaks(one, matter)]
    judged = [
        _judge_clause(one, matter, look)
        for one in speaking
        if one.effect != "duty" and one.profiles.get(profile) != "off"
    ]
    duties = [
        one.duty for one in speaking if one.effect == "duty" and _guard(one, look) is not Truth.F
    ]
    bound = any(one.binds for one in speaking)
    outcome = conclude([*steps, *judged], special=special, duties=duties)
    return replace(outcome, share_alike=licence.compatible_out if bound else None)


def _speaks(clause: Clause, matter: Matter) -> bool:
    """Is the clause about this action, this kind of operation and this kind of layer?"""
    return (
        touches(clause.actions, matter.request.action)
        and (not clause.ops or matter.request.op in clause.ops)
        and (not clause.layers or matter.layer.layer in clause.layers)
    )


def _guard(clause: Clause, look: Look) -> Truth:
    return Truth.T if clause.guard is None else holds(clause.guard, look)


def _judge_clause(clause: Clause, matter: Matter, look: Look) -> Step:
    guard = _guard(clause, look)
    held = holds(clause.when, look)
    doubtful = clause.effect == "doubt" or clause.profiles.get(matter.request.profile) == "unknown"
    value = max(negate(guard), held, Truth.U if doubtful else Truth.F)
    code = clause.fails if value is Truth.F or doubtful else clause.unknown
    if guard is Truth.U and not doubtful:
        code = _unknown_fact(clause, look)
    return Step(
        rule=clause.key,
        truth=value,
        code="" if value is Truth.T else code or clause.unknown,
        cite=clause.cite,
    )


def _unknown_fact(clause: Clause, look: Look) -> str:
    """The code of the first fact that keeps it open whether the clause speaks."""
    names = facts_of(clause.guard or {"all": []})
    unknown = next(one for one in names if look(one) is None)
    return f"{unknown.rpartition('.')[2].upper()}_UNKNOWN"


def _standing(licence: Licence, matter: Matter) -> tuple[list[Step], list[str]]:
    """Does the licence still stand after its author's withdrawal, or after a breach of ours?"""
    layer, at = matter.layer, matter.request.at
    steps, special = [], []
    gone = reached(layer.withdrawn, at) if layer.withdrawn else Truth.F
    if gone is not Truth.F and licence.irrevocable and layer.archived_proof:
        special.append("IRREVOCABLE")
    elif gone is not Truth.F:
        code = "WITHDRAWN_UNPROVEN" if gone is Truth.T else "TIME_UNKNOWN"
        steps.append(Step(rule="withdrawal", truth=Truth.U, code=code))
    found, cured = layer.breach or (None, None)
    broken = reached(found, at) if found else Truth.F
    if broken is Truth.U:
        steps.append(Step(rule="breach", truth=Truth.U, code="TIME_UNKNOWN"))
    if broken is Truth.T and found:
        healed = cured is not None and cured - found <= timedelta(days=licence.cure_days)
        if healed and reached(cured, at) is Truth.T:
            special.append("REINSTATED")
        else:
            steps.append(Step(rule="breach", truth=Truth.F, code="BREACH"))
    return steps, special


def _reservation(matter: Matter) -> Step:
    """Has mining been reserved, as far as the signals were captured?"""
    if matter.layer.signals is None:
        return Step(rule="reservation", truth=Truth.U, code="SIGNALS_NOT_CAPTURED")
    states = {"reserved": Truth.F, "malformed": Truth.U, "conditional": Truth.U}
    for one in matter.signals[:1]:
        value = states.get(one.state, Truth.T)
        code = "" if value is Truth.T else one.code
        return Step(rule="reservation", truth=value, code=code, cite="Art. 4(3)")
    return Step(rule="reservation", truth=Truth.T, cite="Art. 4(3)")
