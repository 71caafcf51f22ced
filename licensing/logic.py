"""Kleene's strong three-valued logic, and conditions written as data.

A condition in the rulebook is `{all|any|not: [...]}` over triples `[fact, op, value]`, never code.
Missing knowledge comes out as `U`; only what every completion of the facts agrees on is `T` or `F`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import IntEnum
from typing import Any, Final, TypeAlias

from licensing.errors import RulebookError
from licensing.facts import vocabulary


class Truth(IntEnum):
    """False < unknown < true: `and` is the minimum, `or` the maximum."""

    F = 0
    U = 1
    T = 2


FOREVER: Final = date(9999, 12, 31)
When: TypeAlias = Mapping[str, Any] | Sequence[Any]
Look: TypeAlias = Callable[[str], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One condition as it was judged: `code` says why it is not true."""

    rule: str
    truth: Truth
    code: str = ""
    cite: str = ""
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one basis says: does it grant (`codes`), does it forbid (`bars`), what follows."""

    grant: Truth
    codes: tuple[str, ...]
    duties: tuple[str, ...] = ()
    forbids: Truth = Truth.F
    bars: tuple[str, ...] = ()
    consequences: tuple[str, ...] = ()
    share_alike: frozenset[str] | None = None
    steps: tuple[Step, ...] = ()


def all_of(values: Iterable[Truth]) -> Truth:
    """Conjunction; true when there is nothing to hold."""
    return min(values, default=Truth.T)


def any_of(values: Iterable[Truth]) -> Truth:
    """Disjunction; false when there is nothing to choose from."""
    return max(values, default=Truth.F)


def negate(value: Truth) -> Truth:
    """True and false change places; unknown stays."""
    return Truth(2 - value)


def truth(value: bool | None) -> Truth:  # noqa: FBT001  the value itself is what is read
    """A boolean fact, `None` being unknown."""
    return Truth.U if value is None else Truth.T if value else Truth.F


def conclude(
    steps: Sequence[Step], *, special: Sequence[str] = (), duties: Sequence[str] = ()
) -> Outcome:
    """The conjunction of `steps`; its codes are those of the steps that hold it down."""
    grant = all_of(step.truth for step in steps)
    codes = [step.code for step in steps if step.truth is grant and step.code]
    if grant is Truth.T:
        codes = [*special, "GRANT"]
    return Outcome(grant=grant, codes=unique(codes), duties=unique(duties), steps=tuple(steps))


def meet(outcomes: Sequence[Outcome]) -> Outcome:
    """All of `outcomes` at once (`AND`): every duty, and share-alike under both licences."""
    sets = [one.share_alike for one in outcomes if one.share_alike is not None]
    grant = all_of(one.grant for one in outcomes)
    codes = unique(code for one in outcomes if one.grant is grant for code in one.codes)
    return Outcome(
        grant=grant,
        codes=unique((*(code for code in codes if code != "GRANT"), *codes)),
        duties=unique(duty for one in outcomes for duty in one.duties),
        share_alike=frozenset.intersection(*sets) if sets else None,
        steps=tuple(step for one in outcomes for step in one.steps),
    )


def best(outcomes: Sequence[Outcome]) -> Outcome:
    """The best of `outcomes` (`OR`): the licensee's choice, so no duty of the others."""
    chosen = max(
        outcomes, key=lambda one: (one.grant, one.share_alike is None, -len(one.duties), one.codes)
    )
    if chosen.grant is Truth.T:
        return replace(chosen, codes=unique(("CHOICE", *chosen.codes)))
    return replace(
        chosen,
        codes=unique(code for one in outcomes for code in one.codes if one.grant is chosen.grant),
    )


def holds(when: When, look: Look) -> Truth:
    """The truth of a condition, with facts from `look`."""
    if isinstance(when, Mapping):
        (word, inner), *_ = when.items()
        parts = (holds(one, look) for one in inner)
        if word == "all":
            return all_of(parts)
        return any_of(parts) if word == "any" else negate(any_of(parts))
    fact, op, value = when
    left = look(fact)
    if isinstance(value, str) and value.startswith("licence."):
        value = look(value)
    return Truth.U if left is None else _OPS[op](left, value)


def facts_of(when: When) -> tuple[str, ...]:
    """The names of the facts that a condition reads; raises RulebookError if it is no condition."""
    if isinstance(when, Mapping):
        if len(when) != 1 or not {*when} <= {"all", "any", "not"}:
            raise RulebookError(f"condition {dict(when)!r}: expected one of all, any, not")
        return tuple(name for inner in when.values() for one in inner for name in facts_of(one))
    if len(when) != 3 or when[1] not in _OPS:
        raise RulebookError(f"condition {list(when)!r}: expected [fact, {' | '.join(_OPS)}, value]")
    return (str(when[0]),)


def grants(named: Sequence[str], action: str) -> Truth:
    """Does a grant of the `named` actions reach `action`? One on another parent leaves it open."""
    if action in named or "use" in named:
        return Truth.T
    return Truth.U if set(vocabulary.ancestors(action)) & set(named) else Truth.F


def inside(places: Sequence[str] | None, area: Sequence[str]) -> Truth:
    """Do all `places` lie inside `area`?"""
    if "WORLD" in area:
        return Truth.T
    if places is None:
        return Truth.U
    return truth(all(vocabulary.place_inside(one, area) for one in places))


def reached(day: date | None, at: date | None) -> Truth:
    """Has `day` come at `at`?"""
    if day is None or at is None:
        return Truth.U
    return truth(at >= day)


def unique(words: Iterable[str]) -> tuple[str, ...]:
    """Each word once, in the order of first appearance."""
    return tuple(dict.fromkeys(words))


_OPS: Final[dict[str, Callable[[Any, Any], Truth]]] = {
    "is": lambda left, right: truth(left == right),
    "in": lambda left, right: truth(left in right),
    "inside": inside,
    "before": lambda left, right: truth(left < right),
    "covers": grants,
}
