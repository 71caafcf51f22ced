"""When a named field changes, in a stream of numbers or of events; pure.

A field is `stream.channel`, a bare channel, or the path of a field in the documents of a stream. In
numbers a mark is where the value becomes another, or the one asked for; in documents where a
document says another value than the last one that had the field, or each that says the one asked
for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from pipelines.dotted import MISSING, document, value_at
from pipelines.lake.streams import StreamRows


def event_marks(
    streams: Iterable[StreamRows], field: str, value: str | None
) -> tuple[list[int], bool]:
    """Return the times of the marks in order, and whether any stream has the field."""
    marks: set[int] = set()
    is_there = False
    for stream in streams:
        for found in (*_in_numbers(stream, field, value), *_in_documents(stream, field, value)):
            is_there = True
            marks.update(found)
    return sorted(marks), is_there


def _in_numbers(stream: StreamRows, field: str, value: str | None) -> Iterator[list[int]]:
    for place, channel in enumerate(stream.channels):
        if field not in {channel, f"{stream.stream}.{channel}"}:
            continue
        numbers = stream.values[:, place]
        known = ~np.isnan(numbers)
        numbers, ts_ns = numbers[known], stream.ts_ns[known]
        states = numbers if value is None else (numbers == _number(value)).astype(np.float64)
        becomes = np.diff(states) != 0
        if value is not None:
            becomes &= states[1:] > 0
        yield ts_ns[1:][becomes].tolist()


def _in_documents(stream: StreamRows, field: str, value: str | None) -> Iterator[list[int]]:
    path = field.removeprefix(f"{stream.stream}.")
    found, last, is_there = [], MISSING, False
    for time_ns, text in zip(stream.ts_ns.tolist(), stream.events, strict=False):
        here = value_at(document(text), path)
        if here is MISSING:
            continue
        is_mark = here != last if value is None else _says(here, value)
        if is_mark and (is_there or value is not None):
            found.append(time_ns)
        last, is_there = here, True
    if is_there:
        yield found


def _says(here: object, value: str) -> bool:
    return str(here) == value or (isinstance(here, float | int) and here == _number(value))


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
