"""In which unit a log counts its time, and what to do when its counter runs over.

A unit is declared (by the config, by the type of the column, by the field's name) or proved by the
range of the values. What is declared is checked too: a unit that puts a log's rows nanoseconds
apart, where another one makes them a date of our days and a rate that a recorder has, is wrong.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import overload

import numpy as np

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


class Times(Sequence[Decimal]):
    """Numbers as they were written, 8 bytes each: whole multiples of one power of ten.

    Those that int64 cannot hold so are held as they are.
    """

    def __init__(self) -> None:
        self._places = 0
        self._ticks = array("q")
        self._wide: list[Decimal] = []

    def append(self, time: Decimal) -> None:
        """Add a number."""
        places = max(0, -int(time.as_tuple().exponent))
        if not self._wide and places > self._places:
            self._widen(places)
        if self._wide:
            self._wide.append(time)
            return
        try:
            self._ticks.append(int(time.scaleb(self._places)))
        except OverflowError:
            self._wide = [*self, time]

    def __len__(self) -> int:
        return len(self._wide) or len(self._ticks)

    @overload
    def __getitem__(self, at: int) -> Decimal: ...
    @overload
    def __getitem__(self, at: slice) -> list[Decimal]: ...
    def __getitem__(self, at: int | slice) -> Decimal | list[Decimal]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        return self._wide[at] if self._wide else Decimal(self._ticks[at]).scaleb(-self._places)

    def _widen(self, places: int) -> None:
        more = 10 ** (places - self._places)
        try:
            self._ticks = array("q", (tick * more for tick in self._ticks))
            self._places = places
        except OverflowError:
            self._wide = list(self)


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


def proved_unit(field: str, times: Sequence[Decimal]) -> str:
    """Return the unit that the field's name declares or the values prove, else nothing."""
    named = next((unit for unit in UNITS if field.endswith(f"_{unit}")), "")
    if named or field == "timeUnixNano":
        return named or "ns"
    dated = _dated(times)
    if dated:
        return dated
    fractional = any(time != time.to_integral_value() for time in times)
    return "s" if fractional and max(times) < 10**9 and _step(times) <= SLOWEST_STEP_S else ""


def likelier_unit(unit: str, times: Sequence[Decimal]) -> str:
    """Return the unit that the values are in, where they cannot be in `unit`; else nothing."""
    other = _dated(times)
    if not other or other == unit or len(times) < 3:
        return ""
    step = _step(times)
    low, high = USUAL_STEPS_NS
    wrong = step * UNITS[unit] < ABSURD_STEP_NS and low <= step * UNITS[other] <= high
    return other if wrong else ""


def unwrapped(ticks: Int64s) -> tuple[Int64s, int, int]:
    """Return counter values that go on where the counter ran over, its bits, and how often."""
    steps = np.diff(ticks)
    for bits in WIDTHS:
        full = 1 << bits
        if not len(steps) or int(ticks.min()) < 0 or not full * 0.9 <= int(ticks.max()) < full:
            continue
        usual = float(np.median(steps[steps > 0])) if (steps > 0).any() else 0.0
        over = (steps < -full // 2) & (steps + full <= max(100 * usual, 1.0))
        if over.any():
            turns = np.concatenate([[0], np.cumsum(over)])
            return ticks + turns.astype(np.int64) * full, bits, int(over.sum())
    return ticks, 0, 0


def _dated(times: Sequence[Decimal]) -> str:
    """Return the unit in which the values are dates between 2001 and 2286."""
    for unit, floor in UNIX_RANGES.items():
        if floor <= min(times) and max(times) < floor * 10:
            return unit
    return ""


def _step(times: Sequence[Decimal]) -> float:
    """Return the usual step between times, in their own unit; of many, the first ones tell."""
    some = times if len(times) <= SOME else times[:SOME]
    whole = np.sort(np.array([float(time - times[0]) for time in some]))
    steps = np.diff(whole)
    steps = steps[steps > 0]
    return float(np.median(steps)) if len(steps) else 0.0
