"""The time that a message carries: at which field it stands, and what it is in ns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STAMPS = (
    *("header.stamp", "stamp_ns", "timestamp", "stamp"),
    "transforms.0.header.stamp",  # of a message of transforms: its first
)


def stamp_of(doc: Mapping[str, Any], field_name: str) -> tuple[int, str]:
    """Return the time in ns inside a message and the path it stands at; 0 when there is none."""
    for path in paths_of(field_name):
        value: Any = doc
        for step in path.split("."):
            value = value.get(step) if isinstance(value, Mapping) else None
        time_ns = _stamp_ns(value, path)
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
