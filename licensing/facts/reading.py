"""How a field of a JSON or TOML document is read: strictly, with the name of the field on error.

Comes in: a plain value and its field name. Goes out: a typed value. Anything unexpected is
`BadCase`; an unknown field that were ignored would fail open.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from typing import Any, Final, TypeAlias

from licensing.errors import BadCase
from licensing.facts.vocabulary import is_place

Interval: TypeAlias = tuple[()] | tuple[date | None, date | None]
Read: TypeAlias = Callable[[Any, str], Any]

_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_LAST_NS: Final = 2**53 - 1
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def refuse(field: str, message: str, *, way_out: str = "") -> BadCase:
    """The error for `field`; the caller raises it."""
    return BadCase(
        f"{field[:80]}: {message}", code=f"BAD_CASE:{field[:80]}", subject=field, way_out=way_out
    )


def mapping(value: object, field: str) -> Mapping[str, Any]:
    """A JSON object with text keys."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise refuse(field, f"expected an object, got {_shown(value)}")
    return value


def known_keys(doc: Mapping[str, Any], known: Iterable[str]) -> None:
    """Refuse `doc` if it has a key that is not `known`; name the nearest one."""
    names = tuple(known)
    for key in doc:
        if key not in names:
            near = get_close_matches(key[:80], names, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(sorted(names))}"
            raise refuse(key, f"unknown field; {hint}", way_out=hint)


def sequence(value: object, field: str) -> tuple[Any, ...]:
    """A JSON array."""
    if not isinstance(value, list | tuple):
        raise refuse(field, f"expected a list, got {_shown(value)}")
    return tuple(value)


def text(value: object, field: str) -> str:
    """Text that is not empty and can be written as UTF-8."""
    if not isinstance(value, str) or not value.strip():
        raise refuse(field, f"expected text, got {_shown(value)}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise refuse(field, "text holds half a surrogate pair") from error
    return value


def texts(value: object, field: str) -> tuple[str, ...]:
    """A list of texts, sorted and without repeats."""
    return tuple(sorted({text(one, field) for one in sequence(value, field)}))


def boolean(value: object, field: str) -> bool:
    """True or false, nothing that merely looks like it."""
    if not isinstance(value, bool):
        raise refuse(field, f"expected true or false, got {_shown(value)}")
    return value


def sha256(value: object, field: str) -> str:
    """64 lower-case hex digits."""
    word = text(value, field)
    if not _SHA256.fullmatch(word):
        raise refuse(field, f"expected a sha256 of 64 hex digits, got {word[:40]!r}")
    return word


def day(value: object, field: str) -> date:
    """A calendar day, as text (`2026-12-01`) or as a TOML date."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise refuse(field, f"expected a date such as 2026-12-01, got {_shown(value)}")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise refuse(field, f"{value!r} is not a day of the calendar") from error


def interval(value: object, field: str) -> Interval:
    """`[from, to)`; `[]` is never; a null end is an end that nobody knows."""
    ends = sequence(value, field)
    if not ends:
        return ()
    if len(ends) != 2:
        raise refuse(field, f"expected [from, to] or [], got {len(ends)} entries")
    start, end = (None if one is None else day(one, field) for one in ends)
    if start and end and end < start:
        raise refuse(field, f"ends on {end}, before its start {start}")
    return (start, end)


def span(value: object, field: str) -> tuple[int, int]:
    """`[start, end)` in whole nanoseconds; at most what canonical JSON can carry, 104 days."""
    ends = sequence(value, field)
    whole = all(isinstance(one, int) and not isinstance(one, bool) for one in ends)
    if len(ends) != 2 or not whole or not 0 <= ends[0] < ends[1] <= _LAST_NS:
        raise refuse(field, f"expected [start, end] in ns, 0 <= start < end, got {_shown(value)}")
    return (ends[0], ends[1])


def one_of(known: Collection[str]) -> Read:
    """A reader for one word out of `known`."""

    def read(value: object, field: str) -> str:
        word = text(value, field)
        if word not in known:
            near = get_close_matches(word[:80], tuple(known), n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(sorted(known))}"
            raise refuse(field, f"unknown value {word[:80]!r}; {hint}", way_out=hint)
        return word

    return read


def some_of(known: Collection[str]) -> Read:
    """A reader for a list of words out of `known`, sorted and without repeats."""
    single = one_of(known)

    def read(value: object, field: str) -> tuple[str, ...]:
        return tuple(sorted({single(one, field) for one in sequence(value, field)}))

    return read


def place(value: object, field: str) -> str:
    """EU, WORLD, a country or a subdivision."""
    code = text(value, field)
    if not is_place(code):
        raise refuse(field, f"{code[:40]!r} is no ISO 3166 code, EU or WORLD")
    return code


def places(value: object, field: str) -> tuple[str, ...]:
    """A list of places, sorted and without repeats."""
    return tuple(sorted({place(one, field) for one in sequence(value, field)}))


def fields(doc: Mapping[str, Any], readers: Mapping[str, Read]) -> dict[str, Any]:
    """Read every field of `doc` that is there and not null."""
    known_keys(doc, readers)
    return {
        key: readers[key](value, key) for key, value in sorted(doc.items()) if value is not None
    }


def plain(value: object) -> object:
    """The JSON form of a read value: dates as text, tuples as lists."""
    if isinstance(value, str):
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return [plain(one) for one in value]
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    return value


def _shown(value: object) -> str:
    return f"{type(value).__name__} {str(value)[:40]!r}"
