"""When each row of a log happened, by its own time.

A unit that is neither declared nor proved is refused (`units.py`), and so are times that start anew
(`restarts.py`). Beside a video, rows stand on its pictures (`on_pictures.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from pipelines.clocks import UNIX_NS, skew_figures
from pipelines.readers.reading import Config, Refused
from pipelines.readers.restarts import refuse_restarts
from pipelines.readers.units import (
    UNITS,
    Times,
    date_ns,
    likelier_unit,
    proved_unit,
    unwrapped,
    written,
)
from pipelines.records import Clock, Int64s

_TIME_FIELDS = """
t_ns ts_ns timestamp_ns time_ns stamp_ns timeUnixNano t_us timestamp_us time_us t_ms timestamp_ms
time_ms timestamp time stamp ts t_s time_s t
"""
TIME_FIELDS = tuple(_TIME_FIELDS.split())
LONGEST_NS = 10 * 366 * 86_400 * 10**9
STANDSTILL = 10  # rows of one time in a log of no other time: its clock stood still


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Times of the rows in their order, the fields they came from, and the clock."""

    ts_ns: Int64s
    clock: Clock
    fields: tuple[str, ...] = ()


def own_times(
    docs: Sequence[Mapping[str, Any]],
    config: Config,
    name: str,
    *,
    units: Mapping[str, str] | None = None,
) -> Timed:
    """Return the times that the rows carry themselves; `units` is what the columns' types say."""
    field = time_field(docs, config)
    if not field:
        raise broken(
            f"{name}: no row carries a time",
            name,
            way_out="name the field as time_field in the source's config",
            evidence={"fields": sorted(docs[0])[:40]},
        )
    known, dated = _known(docs, field, name)
    typed = "ns" if dated else (units or {}).get(field, "")
    declared = typed or str(config.get("time_unit", ""))
    unit = declared or proved_unit(field, known)
    if unit not in UNITS:
        raise broken(
            f"{name}: the unit of {field!r} is neither declared nor proved by its range",
            name,
            way_out="set time_unit (s, ms, us or ns) in the source's config",
            evidence={"field": field, "first": str(known[0]), "last": str(known[-1])},
        )
    if not typed and (likelier := likelier_unit(unit, known)):
        raise broken(
            f"{name}: {field!r} is said to be in {unit} and counts {likelier}",
            name,
            way_out=f"set time_unit to {likelier} in the source's config",
            evidence={"field": field, "first": str(known[0]), "unit": unit, "fits": likelier},
        )
    ts_ns, turns = _exact(known, unit, field, name=name)
    refuse_restarts(ts_ns, field, name)
    clock = Clock(
        kind="stamp",
        epoch="unix" if int(ts_ns.min()) >= UNIX_NS else "start",
        resolution_ns=UNITS[unit],
        how=f"field {field!r}, " + ("a date" if dated else f"in {unit}") + turns,
        skew=skew_figures(ts_ns),
    )
    return Timed(ts_ns=ts_ns, clock=clock, fields=(field,))


def _known(docs: Sequence[Mapping[str, Any]], field: str, name: str) -> tuple[Times, bool]:
    """Return the value of every row, and whether they are dates."""
    dated = date_ns(value_at(docs[0], field)) is not None
    read = date_ns if dated else written
    known, missing = Times(), list[int]()
    for number, doc in enumerate(docs, start=1):
        time = read(value_at(doc, field))
        if time is None:
            missing.append(number)
        else:
            known.append(time)
    if missing:
        raise broken(
            f"{name}: {len(missing)} rows without {field!r}",
            name,
            evidence={"field": field, "rows": len(docs), "row": missing[0]},
        )
    return known, dated


def _exact(times: Sequence[Decimal], unit: str, field: str, *, name: str) -> tuple[Int64s, str]:
    """Return the times in ns, and what was done about a counter that ran over."""
    low, high = (int(one * UNITS[unit]) for one in (min(times), max(times)))
    if high - low > LONGEST_NS or max(abs(low), abs(high)) >= 2**63:
        raise broken(
            f"{name}: the times of {field!r} span over ten years, or lie beyond the year 2262",
            name,
            evidence={
                "field": field,
                "unit": unit,
                "least": str(min(times)),
                "most": str(max(times)),
            },
        )
    if len(times) >= STANDSTILL and low == high:
        raise broken(
            f"{name}: all {len(times)} rows have the same time",
            name,
            evidence={"field": field, "time": str(times[0])},
        )
    exact = np.fromiter((int(time * UNITS[unit]) for time in times), np.int64, len(times))
    if all(time == time.to_integral_value() for time in times):
        ticks, bits, turns = unwrapped(exact // UNITS[unit])
        if turns:
            return ticks * UNITS[unit], f"; the counter of {bits} bits ran over {turns} times"
    return exact, ""


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
