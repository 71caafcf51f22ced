"""When each row of a log happened, by its own time.

A unit that is neither declared nor proved is refused (`units.py`), and so are times that start anew
(`restarts.py`). Beside a video, rows stand on its pictures (`on_pictures.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pipelines.clocks import UNIX_NS, skew_figures
from pipelines.ondisk import laid_down, stretches
from pipelines.readers.reading import Config, Refused
from pipelines.readers.restarts import refuse_restarts
from pipelines.readers.units import (
    UNITS,
    date_ns,
    likelier_unit,
    may_run_over,
    proved_unit,
    unwrapped,
    written,
)
from pipelines.readers.written_times import Times
from pipelines.records import Clock, Int64s

_TIME_FIELDS = """
t_ns ts_ns timestamp_ns time_ns stamp_ns timeUnixNano t_us timestamp_us time_us t_ms timestamp_ms
time_ms timestamp time stamp ts t_s time_s t
"""
TIME_FIELDS = tuple(_TIME_FIELDS.split())
LONGEST_NS = 10 * 366 * 86_400 * 10**9
AT_ONCE = 4_096  # rows
STANDSTILL = 10  # rows of one time in a log of no other time: its clock stood still


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Times of the rows in their order, the fields they came from, and the clock."""

    ts_ns: Int64s
    clock: Clock
    fields: tuple[str, ...] = ()


class RowTimes:
    """What rows say of their time, taken from one row after another."""

    def __init__(
        self, first: Mapping[str, Any], config: Config, *, folder: Path | None = None
    ) -> None:
        self.first, self.config, self.folder = first, config, folder
        self.field = time_field([first], config)
        self.dated = bool(self.field) and date_ns(value_at(first, self.field)) is not None
        self.times = Times(folder=folder)
        self.count = 0  # of rows
        self.missing: list[int] = []  # the first row without a time, counted from 1
        self.num_missing = 0

    @classmethod
    def of(cls, docs: Sequence[Mapping[str, Any]], config: Config) -> RowTimes:
        """Take all rows there are."""
        told = cls(docs[0], config)
        rows = iter(docs)
        while block := list(islice(rows, AT_ONCE)):
            told.add(block)
        return told

    def add(self, docs: Sequence[Mapping[str, Any]]) -> None:
        """Take some more rows."""
        cells = [value_at(doc, self.field) for doc in docs] if self.field else []
        if self.dated or not self.times.extend(cells):
            self._add_each(cells)
        self.count += len(docs)

    def _add_each(self, cells: Sequence[object]) -> None:
        read = date_ns if self.dated else written
        for number, cell in enumerate(cells, start=self.count + 1):
            time = read(cell)
            if time is not None:
                self.times.append(time)
                continue
            self.num_missing += 1
            self.missing = self.missing or [number]


def own_times(
    told: RowTimes,
    name: str,
    *,
    units: Mapping[str, str] | None = None,
    unit: str = "",
) -> Timed:
    """Return the times that the rows carry themselves; `units` is what the columns' types say.

    `unit` is what they are in where neither says it.
    """
    field, known = told.field, told.times
    _refuse_missing(told, name)
    typed = "ns" if told.dated else (units or {}).get(field, "")
    declared = typed or str(told.config.get("time_unit", unit))
    found = declared or proved_unit(field, known)
    if found not in UNITS:
        raise broken(
            f"{name}: the unit of {field!r} is neither declared nor proved by its range",
            name,
            way_out="set time_unit (s, ms, us or ns) in the source's config",
            evidence={"field": field, "first": str(known[0]), "last": str(known[-1])},
        )
    if not typed and (likelier := likelier_unit(found, known)):
        raise broken(
            f"{name}: {field!r} is said to be in {found} and counts {likelier}",
            name,
            way_out=f"set time_unit to {likelier} in the source's config",
            evidence={"field": field, "first": str(known[0]), "unit": found, "fits": likelier},
        )
    ts_ns, turns = _exact(told, found, name)
    refuse_restarts(ts_ns, field, name)
    least = min(int(part.min()) for part in stretches(ts_ns))
    clock = Clock(
        kind="stamp",
        epoch="unix" if least >= UNIX_NS else "start",
        resolution_ns=UNITS[found],
        how=f"field {field!r}, " + ("a date" if told.dated else f"in {found}") + turns,
        skew=skew_figures(ts_ns),
    )
    return Timed(ts_ns=ts_ns, clock=clock, fields=(field,))


def _refuse_missing(told: RowTimes, name: str) -> None:
    """Refuse rows that carry no time, all of them or some."""
    field = told.field
    if not field:
        raise broken(
            f"{name}: no row carries a time",
            name,
            way_out="name the field as time_field in the source's config",
            evidence={"fields": sorted(told.first)[:40]},
        )
    if told.missing:
        raise broken(
            f"{name}: {told.num_missing} rows without {field!r}",
            name,
            evidence={"field": field, "rows": told.count, "row": told.missing[0]},
        )


def _exact(told: RowTimes, unit: str, name: str) -> tuple[Int64s, str]:
    """Return the times in ns, and what was done about a counter that ran over."""
    times, field = told.times, told.field
    least, most = times.least, times.most
    low, high = int(least * UNITS[unit]), int(most * UNITS[unit])
    if high - low > LONGEST_NS or max(abs(low), abs(high)) >= 2**63:
        raise broken(
            f"{name}: the times of {field!r} span over ten years, or lie beyond the year 2262",
            name,
            evidence={"field": field, "unit": unit, "least": str(least), "most": str(most)},
        )
    if len(times) >= STANDSTILL and low == high:
        raise broken(
            f"{name}: all {len(times)} rows have the same time",
            name,
            evidence={"field": field, "time": str(times[0])},
        )
    if may_run_over(least, most) and times.is_whole:
        counted = laid_down(times.scaled(1), len(times), told.folder)
        ticks, bits, turns = unwrapped(counted, told.folder)
        if turns:
            ns = (part * UNITS[unit] for part in stretches(ticks))
            how = f"; the counter of {bits} bits ran over {turns} times"
            return laid_down(ns, len(ticks), told.folder), how
    return laid_down(times.scaled(UNITS[unit]), len(times), told.folder), ""


def time_field(docs: Sequence[Mapping[str, Any]], config: Config) -> str:
    """Return the field that holds the time: the declared one, or the first usual name."""
    if "time_field" in config:
        return str(config["time_field"])
    usual = (name for name in TIME_FIELDS if name in docs[0])
    return next((name for name in usual if _is_time(docs[0][name])), "")


def _is_time(value: object) -> bool:
    return written(value) is not None or date_ns(value) is not None


def value_at(doc: Mapping[str, Any], field: str) -> object:
    """Return what stands at a field, whose name may be a path (`header.stamp_ns`)."""
    if field in doc:
        return doc[field]
    value: object = doc
    for step in field.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def broken(message: str, name: str, *, evidence: Mapping[str, Any], way_out: str = "") -> Refused:
    """Return the refusal of a clock that tells nothing."""
    return Refused(message, code="CLOCK_BROKEN", subject=name, way_out=way_out, evidence=evidence)
