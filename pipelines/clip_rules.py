"""What a source says about its clips: who cuts them, which are kept, which belong together.

Three keys beside those that speak to the reader:

    cut = "fixed:4"                          fixed[:SECONDS] | shots | events:FIELD[=VALUE]
    filters = {black = "< 0.5", blur = "> 40"}      what a clip must measure to be kept
    session = "path:player_(\\d+)"            path:PATTERN | field:FIELD

In: the words of the registration. Out: frozen values, or a refusal that names the word.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.errors import RegistrationError
from pipelines.measures import NAMES

KEYS = ("cut", "filters", "session")
CUTTERS = {"fixed": "fixed@1", "shots": "shots@1", "events": "events@1"}
CLIP_S = 2.0
SHORTEST_NS = 500_000_000  # shots and events: less is no clip
LONGEST_NS = 60_000_000_000  # and more is cut into equal parts: a clip is rendered in memory
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
CONDITION = re.compile(r"(<=|>=|<|>)\s*(-?\d+(?:\.\d+)?(?:e-?\d+)?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutter:
    """Who cuts, with what: `cut_id` names both, and so does the id of every clip."""

    name: str = "fixed"
    clip_ns: int = int(CLIP_S * 10**9)  # of fixed
    field: str = ""  # of events
    value: str | None = None

    @property
    def cut_id(self) -> str:
        """`name@version` and the parameters that the windows depend on."""
        if self.name == "fixed":
            told: dict[str, Any] = {"clip_ns": self.clip_ns}
        else:
            told = {"shortest_ns": SHORTEST_NS, "longest_ns": LONGEST_NS}
        if self.name == "events":
            told |= {"field": self.field, "value": self.value}
        return f"{CUTTERS[self.name]} {json.dumps(told, sort_keys=True, separators=(',', ':'))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One condition that a clip must meet to be kept."""

    measure: str
    comparison: str
    bound: float

    @property
    def reason(self) -> str:
        """What a clip that fails is filtered for."""
        return self.measure.upper()

    def keeps(self, value: float | None) -> bool:
        """Say whether a clip of this value is kept; what was not measured cannot fail."""
        return value is None or COMPARISONS[self.comparison](value, self.bound)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Where the name of the session stands that an episode was recorded in."""

    kind: str  # path | field
    what: str

    def named(self, value: str) -> str:
        """Return the name of a session: what it was found by, and what was found."""
        return f"{self.kind}:{self.what}={value}"

    def in_path(self, path: str) -> str | None:
        """Return what the pattern finds in a path: its first group, or all of it."""
        found = re.search(self.what, path)
        if found is None:
            return None
        return str(found.group(1) if found.re.groups else found.group(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRules:
    """What one source says about its clips."""

    cutter: Cutter = Cutter()
    filters: tuple[Filter, ...] = ()  # by the name of their measure
    session: Session | None = None

    def failed(self, measures: Mapping[str, Any]) -> str:
        """Return the reason of the first filter that a clip fails, or nothing."""
        return next(
            (one.reason for one in self.filters if not one.keeps(measures.get(one.measure))), ""
        )


def read_rules(said: Mapping[str, Any]) -> ClipRules:
    """Read the rules of a source; what is not said is as everywhere.

    Raises:
        RegistrationError: CLIP_RULE, a word that cannot be read.
    """
    filters = said.get("filters", {})
    if not isinstance(filters, Mapping):
        raise _odd("filters", filters, 'a table as {black = "< 0.5"}')
    return ClipRules(
        cutter=read_cutter(str(said.get("cut", "fixed"))),
        filters=tuple(_filter(name, filters[name]) for name in sorted(filters)),
        session=_session(said["session"]) if said.get("session") else None,
    )


def read_cutter(text: str) -> Cutter:
    """Read `fixed[:SECONDS]`, `shots` or `events:FIELD[=VALUE]`.

    Raises:
        RegistrationError: CLIP_RULE.
    """
    name, colon, what = text.partition(":")
    if name == "fixed" and (seconds := _seconds(what if colon else str(CLIP_S))):
        return Cutter(name="fixed", clip_ns=round(seconds * 10**9))
    if name == "shots" and not colon:
        return Cutter(name="shots")
    field, equals, value = what.partition("=")
    if name == "events" and field:
        return Cutter(name="events", field=field, value=value if equals else None)
    raise _odd("cut", text, "fixed[:SECONDS] from 0.01 to 60, shots, or events:FIELD[=VALUE]")


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        return 0.0
    return seconds if 0.01 <= seconds <= LONGEST_NS / 10**9 else 0.0


def _filter(name: str, text: object) -> Filter:
    if name not in NAMES:
        raise _odd("filters", name, f"a measure: {', '.join(NAMES)}")
    found = CONDITION.fullmatch(str(text).strip())
    if found is None:
        raise _odd(f"filters.{name}", text, "a comparison with a number, as < 0.5 or >= 40")
    return Filter(measure=name, comparison=found[1], bound=float(found[2]))


def _session(text: object) -> Session:
    kind, _, what = str(text).partition(":")
    if kind not in {"path", "field"} or not what:
        raise _odd("session", text, "path:PATTERN or field:FIELD")
    try:
        re.compile(what if kind == "path" else "")
    except re.error as error:
        raise _odd("session", text, f"a regular expression ({error})") from error
    return Session(kind=kind, what=what)


def _odd(key: str, got: object, expected: str) -> RegistrationError:
    return RegistrationError(
        f"{key} is {got!r}, expected {expected}",
        code="CLIP_RULE",
        subject=key,
        way_out="register the source again with a rule of that form; docs/assess.md has them all",
    )
