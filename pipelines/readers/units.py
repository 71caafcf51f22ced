"""In which unit a log counts its time, and what to do when its counter runs over.

A unit is declared (by the config, by the type of the column, by the field's name) or proved by the
range of the values. What is declared is checked too: a unit that puts a log's rows nanoseconds
apart, where another one makes them a date of our days and a rate that a recorder has, is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.clocks import forward_step_ns, steps_of
from pipelines.ondisk import laid_down, stretches
from pipelines.readers.written_times import Times
from pipelines.records import Int64s

UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
UNIX_RANGES = {"s": 10**9, "ms": 10**12, "us": 10**15, "ns": 10**18}
SOME = 1 << 20  # times that tell the usual step
WIDTHS = (16, 24, 32)  # bits of counters that run over within a recording
ABSURD_STEP_NS = 100_000  # rows of a log are rarely closer: 10,000 a second
USUAL_STEPS_NS = (10**6, 60 * 10**9)
SLOWEST_STEP_S = 10
_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|UTC|[+-]\d\d:?\d\d)?"
)


def written(value: object) -> Decimal | None:
    """Return the number as it was written, not as a float holds it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    try:
        number = Decimal(str(getattr(value, "text", value)).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def date_ns(value: object) -> Decimal | None:
    """Return a date and time of ISO 8601 as ns of the unix epoch; without a zone it is UTC."""
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    whole, fraction, zone = found.groups()
    zone = "+00:00" if zone in {None, "Z", "UTC"} else zone
    try:
        seconds = int(datetime.fromisoformat(whole + zone).timestamp())
    except ValueError:
        return None
    return Decimal(seconds * 10**9 + int((fraction or "").ljust(9, "0")))


def proved_unit(field: str, times: Times) -> str:
    """Return the unit that the field's name declares or the values prove, else nothing."""
    low, high = times.least, times.most
    known = _named(field) or _dated(low, high)
    if known or times.is_whole:
        return known
    return "s" if high < 10**9 and _step(times) <= SLOWEST_STEP_S else ""


def unit_of_one(field: str, time: Decimal) -> str:
    """Return the same of a single time."""
    known = _named(field) or _dated(time, time)
    if known or time == time.to_integral_value():
        return known
    return "s" if time < 10**9 else ""


def likelier_unit(unit: str, times: Times) -> str:
    """Return the unit that the values are in, where they cannot be in `unit`; else nothing."""
    other = _dated(times.least, times.most)
    if not other or other == unit or len(times) < 3:
        return ""
    step = _step(times)
    low, high = USUAL_STEPS_NS
    wrong = step * UNITS[unit] < ABSURD_STEP_NS and low <= step * UNITS[other] <= high
    return other if wrong else ""


def may_run_over(low: Decimal, high: Decimal) -> bool:
    """Say whether counter values of this range come near the end of a counter."""
    return any(_widths(int(low), int(high)))


def unwrapped(ticks: Int64s, folder: Path | None = None) -> tuple[Int64s, int, int]:
    """Return counter values that go on where the counter ran over, its bits, and how often."""
    low = min((int(part.min()) for part in stretches(ticks)), default=-1)
    high = max((int(part.max()) for part in stretches(ticks)), default=-1)
    for bits in _widths(low, high):
        full = 1 << bits
        furthest = max(100 * forward_step_ns(ticks), 1.0)
        turns = sum(int(_over(part, full, furthest).sum()) for part in steps_of(ticks))
        if turns:
            going_on = _going_on(ticks, full, furthest)
            return laid_down(going_on, len(ticks), folder), bits, turns
    return ticks, 0, 0


def _widths(low: int, high: int) -> Iterator[int]:
    """Yield the bits of the counters that would be near their end."""
    for bits in WIDTHS:
        if low >= 0 and (1 << bits) * 0.9 <= high < 1 << bits:
            yield bits


def _over(steps: Int64s, full: int, furthest: float) -> npt.NDArray[np.bool_]:
    """Say at which steps a counter ran over."""
    return np.asarray((steps < -full // 2) & (steps + full <= furthest), np.bool_)


def _going_on(ticks: Int64s, full: int, furthest: float) -> Iterator[Int64s]:
    """Yield the counter values as if the counter had no end."""
    yield ticks[:1]
    turns = 0
    for part in stretches(ticks, beyond=1):
        over = turns + np.cumsum(_over(np.diff(part), full, furthest))
        yield part[1:] + over.astype(np.int64) * full
        turns = int(over[-1]) if len(over) else turns


def _named(field: str) -> str:
    """Return the unit that a field's name declares."""
    named = next((unit for unit in UNITS if field.endswith(f"_{unit}")), "")
    return named or ("ns" if field == "timeUnixNano" else "")


def _dated(low: Decimal, high: Decimal) -> str:
    """Return the unit in which the values are dates between 2001 and 2286."""
    for unit, floor in UNIX_RANGES.items():
        if floor <= low and high < floor * 10:
            return unit
    return ""


def _step(times: Times) -> float:
    """Return the usual step between times, in their own unit; of many, the first ones tell."""
    steps = np.diff(np.sort(times.since_first(SOME)))
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 0.0
