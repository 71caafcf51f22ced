"""The time that a message carries: at which field it stands, and what it is in ns."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pipelines.readers.units import UNITS, date_ns, unit_of_one, written

NAMED = tuple(f"_{unit}" for unit in UNITS)
LEAST_DATE = 10**9  # seconds: 2001
STAMPS = (
    *("header.stamp", "stamp_ns", "timestamp", "stamp"),
    "transforms.0.header.stamp",  # of a message of transforms: its first
)


def stamp_of(doc: Mapping[str, Any], field_name: str, unit: str = "") -> tuple[int, str]:
    """Return the time in ns inside a message and the path it stands at; 0 when there is none.

    `unit` is what the source says that numbers at `field_name` count.
    """
    for path in paths_of(field_name):
        value: Any = doc
        for step in path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        time_ns = _stamp_ns(value, path)
        if time_ns is None and field_name:
            time_ns = _declared_ns(value, path, unit)
        if time_ns is not None:
            return time_ns, path
    return 0, ""


def paths_of(field_name: str) -> tuple[str, ...]:
    """Return the places where the time may stand."""
    return (field_name,) if field_name else STAMPS


def _stamp_ns(value: object, path: str) -> int | None:
    if isinstance(value, Mapping):
        seconds = value.get("sec", value.get("seconds"))
        rest = next((value[key] for key in ("nanosec", "nsec", "nanos") if key in value), 0)
        if isinstance(seconds, int) and isinstance(rest, int):
            return _kept(seconds * 10**9 + rest)
    if isinstance(value, int) and not isinstance(value, bool) and path.endswith("_ns"):
        return _kept(value)
    return None


def _declared_ns(value: object, path: str, unit: str) -> int | None:
    """Return a date, or a number whose unit is declared or known by its name or its size."""
    date = date_ns(value)
    if date is not None:
        return _kept(int(date))
    number = written(value)
    scale = scale_of(number, path, unit) if number is not None else 0
    return _kept(int(number * scale)) if number is not None and scale else None


def scale_of(number: Decimal, path: str, unit: str = "") -> int:
    """Return how many ns one of a declared field's numbers counts; 0 where nothing says so.

    `unit` is what the source says; else the name of the field tells, or the size of the number.
    """
    named = path.endswith(NAMED) or number >= LEAST_DATE
    return UNITS.get(unit or (unit_of_one(path, number) if named else ""), 0)


def _kept(time_ns: int) -> int:
    """Return a time that int64 can hold; any other is none."""
    return time_ns if abs(time_ns) < 2**63 else 0


def without(doc: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Return the message without what stands at `path`: its time is the stream's own."""
    if not path:
        return doc
    head, _, tail = path.partition(".")
    if not tail:
        return {key: value for key, value in doc.items() if key != head}
    return {**doc, head: without(doc[head], tail)}
