"""The terms of one agreement against one request: its box, what it bars, what it demands of us.

The agreement may be our own or one above it in a chain of sublicences; `prefix` names it in the
proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Final

from licensing.decide.matter import Matter
from licensing.facts import Basis
from licensing.facts.model import Obligation, Restriction
from licensing.facts.vocabulary import STREAMS, place_inside, touches
from licensing.logic import (
    FOREVER,
    Step,
    Truth,
    all_of,
    any_of,
    grants,
    inside,
    negate,
    reached,
    truth,
)


def term_steps(matter: Matter, basis: Basis, prefix: str) -> tuple[list[Step], Truth]:
    """What must hold of the agreement itself, and whether a model of its term outlives it."""
    started, ended = period(basis, matter.request.at)
    outlives = all_of([ended, _survives(matter, basis)])
    running = any_of([negate(ended), outlives])
    over = "EXPIRED:void" if basis.valid == () else "EXPIRED"
    steps = [
        Step(rule=f"{prefix}.start", truth=started, code=code(started, "NOT_YET_VALID", "TIME")),
        Step(rule=f"{prefix}.end", truth=running, code=code(running, over, "TIME")),
        *(_term(name, matter, basis, prefix=prefix) for name in _TERMS),
        *_restrictions(matter, basis, prefix),
        *_obligations(matter, basis, prefix),
    ]
    if basis.unmapped or "unmapped" in basis.unread:
        steps.append(Step(rule=f"{prefix}.unmapped", truth=Truth.U, code="TERM_UNMAPPED"))
    return [_or_survives(one, outlives) for one in steps], outlives


def period(basis: Basis, at: date | None) -> tuple[Truth, Truth]:
    """Has the basis begun at `at`, and has it ended?"""
    if basis.valid is None:
        return (Truth.U, Truth.U) if "valid" in basis.unread else (Truth.T, Truth.F)
    if not basis.valid:
        return Truth.F, Truth.T
    start, end = basis.valid
    return reached(start, at), Truth.F if end == FOREVER else reached(end, at)


def code(value: Truth, no: str, unknown: str) -> str:
    """The reason code of a condition, empty when it holds."""
    if value is Truth.T:
        return ""
    return no if value is Truth.F else _UNKNOWN.get(unknown, f"{unknown}_UNKNOWN")


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
    if not step.rule.endswith(".actions") or step.truth >= outlives:
        return step
    return replace(step, truth=outlives, code=code(outlives, "", "TIME"))


def _term(name: str, matter: Matter, basis: Basis, *, prefix: str) -> Step:
    """One term of the box: not limited, not read, or compared with the request."""
    judge, no, unknown, actions = _TERMS[name]
    limit = getattr(basis, name)
    if not touches(actions, matter.request.action):
        value = Truth.T
    elif name in basis.unread:
        value = Truth.U
    else:
        value = Truth.T if limit is None and name != "sublicense" else judge(limit, matter)
    return Step(rule=f"{prefix}.{name}", truth=value, code=code(value, no, unknown))


def _restrictions(matter: Matter, basis: Basis, prefix: str) -> list[Step]:
    """A barred use that the request touches fails; a dimension that it leaves open may be one."""
    if "restrictions" in basis.unread:
        return [Step(rule=f"{prefix}.restrictions", truth=Truth.U, code="RESTRICTION_UNKNOWN")]
    free = [(one, negate(_barred(one, matter))) for one in basis.restrictions]
    return [
        Step(
            rule=f"{prefix}.restriction[{number}]",
            truth=value,
            code=code(value, "RESTRICTED", "RESTRICTION"),
            cite=one.clause or "",
        )
        for number, (one, value) in enumerate(free)
    ]


def _barred(bars: Restriction, matter: Matter) -> Truth:
    """Is anything that is asked for barred? Each dimension must meet the request somewhere."""
    request = matter.request
    asked = (matter.layer.stream,) if matter.layer.stream else request.streams or STREAMS
    met = [truth(bars.actions is None or touches(bars.actions, request.action))]
    met += [
        _met(limit, value)
        for limit, value in (
            (bars.release, request.release),
            (bars.model_kind, request.model_kind),
            (bars.purpose, request.purpose),
        )
    ]
    if bars.streams is not None:
        met.append(truth(not set(asked).isdisjoint(bars.streams)))
    if bars.commercial is not None:
        paid = truth(request.commercial)
        met.append(paid if bars.commercial else negate(paid))
    if bars.territory is not None:
        met.append(_overlap(request.territory, bars.territory))
    return all_of(met)


def _met(limit: tuple[str, ...] | None, asked: str | None) -> Truth:
    if limit is None:
        return Truth.T
    return Truth.U if asked is None else truth(asked in limit)


def _overlap(asked: tuple[str, ...] | None, area: tuple[str, ...]) -> Truth:
    if asked is None:
        return Truth.U
    here = any(place_inside(one, area) for one in asked)
    return truth(here or any(place_inside(one, asked) for one in area))


def _obligations(matter: Matter, basis: Basis, prefix: str) -> list[Step]:
    """A condition precedent must be met; a duty that was broken or is overdue leaves it open."""
    if "obligations" in basis.unread:
        return [Step(rule=f"{prefix}.obligations", truth=Truth.U, code="OBLIGATION_UNKNOWN")]
    judged = [(one, _standing(one, matter.request.at)) for one in basis.obligations]
    return [
        Step(
            rule=f"{prefix}.obligation[{number}]",
            truth=value,
            code="" if value is Truth.T else said,
            cite=one.clause or "",
        )
        for number, (one, (value, said)) in enumerate(judged)
    ]


def _standing(duty: Obligation, at: date | None) -> tuple[Truth, str]:
    if duty.state == "met":
        return Truth.T, ""
    if duty.state == "breached":
        return Truth.U, "OBLIGATION_BREACHED"
    if duty.precedent:
        unmet = Truth.U if duty.state is None else Truth.F
        return unmet, "CONDITION_PRECEDENT"
    overdue = Truth.F if duty.deadline is None else reached(duty.deadline, at)
    if duty.state == "due" and overdue is not Truth.F:
        return Truth.U, "OBLIGATION_OVERDUE" if overdue is Truth.T else "TIME_UNKNOWN"
    return Truth.T, ""


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
