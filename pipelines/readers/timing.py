"""When each row of a log happened: by its own time, or by the picture that it names.

A unit that is neither declared nor proved is refused (`units.py`). Beside a video, rows stand on
the times of its pictures: by the frame that each row names, by equal counts, by one picture more
than rows (row k leads to picture k + 1), or by their own times counted from the first picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from pipelines.clocks import UNIX_NS, skew_figures
from pipelines.readers.reading import Config, Refused
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
FRAME_FIELDS = ("frame", "frame_index", "frame_idx", "frame_id")
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
        raise _broken(
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
        raise _broken(
            f"{name}: the unit of {field!r} is neither declared nor proved by its range",
            name,
            way_out="set time_unit (s, ms, us or ns) in the source's config",
            evidence={"field": field, "first": str(known[0]), "last": str(known[-1])},
        )
    if not typed and (likelier := likelier_unit(unit, known)):
        raise _broken(
            f"{name}: {field!r} is said to be in {unit} and counts {likelier}",
            name,
            way_out=f"set time_unit to {likelier} in the source's config",
            evidence={"field": field, "first": str(known[0]), "unit": unit, "fits": likelier},
        )
    ts_ns, turns = _exact(known, unit, field, name=name)
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
    dated = date_ns(_at(docs[0], field)) is not None
    read = date_ns if dated else written
    known, missing = Times(), list[int]()
    for number, doc in enumerate(docs, start=1):
        time = read(_at(doc, field))
        if time is None:
            missing.append(number)
        else:
            known.append(time)
    if missing:
        raise _broken(
            f"{name}: {len(missing)} rows without {field!r}",
            name,
            evidence={"field": field, "rows": len(docs), "row": missing[0]},
        )
    return known, dated


def _exact(times: Sequence[Decimal], unit: str, field: str, *, name: str) -> tuple[Int64s, str]:
    """Return the times in ns, and what was done about a counter that ran over."""
    low, high = (int(one * UNITS[unit]) for one in (min(times), max(times)))
    if high - low > LONGEST_NS or max(abs(low), abs(high)) >= 2**63:
        raise _broken(
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
        raise _broken(
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


def _broken(message: str, name: str, *, evidence: Mapping[str, Any], way_out: str = "") -> Refused:
    return Refused(message, code="CLOCK_BROKEN", subject=name, way_out=way_out, evidence=evidence)


def picture_times(
    docs: Sequence[Mapping[str, Any]],
    frames_ns: Int64s,
    config: Config,
    *,
    name: str,
    units: Mapping[str, str] | None = None,
) -> Timed:
    """Return the times of the rows on the clock of the pictures beside them."""
    field = _frame_field(docs, config, len(frames_ns))
    if field:
        return _by_frame(docs, frames_ns, field, config=config, name=name)
    ahead = len(frames_ns) - len(docs)
    if ahead in {0, 1}:
        how = "row k is picture k" if ahead == 0 else "row k leads to picture k + 1"
        return Timed(
            ts_ns=frames_ns[ahead:],
            clock=Clock(kind="pts", epoch="start", how=f"{how}: the counts say so"),
            fields=tuple(filter(None, [time_field(docs, config)])),
        )
    return _by_time(docs, frames_ns, config, name=name, units=units)


def _by_frame(
    docs: Sequence[Mapping[str, Any]],
    frames_ns: Int64s,
    field: str,
    *,
    config: Config,
    name: str,
) -> Timed:
    frames = np.array([int(doc[field]) for doc in docs], np.int64)
    outside = int(((frames < 0) | (frames >= len(frames_ns))).sum())
    dense = len(frames) > 1 and bool((np.diff(frames) == 1).all())
    missing = len(frames_ns) - 1 - int(frames.max()) if dense else 0
    allowed = int(config.get("tolerance", max(2, len(frames_ns) // 100)))
    if outside > int(config.get("tolerance", 0)) or missing > allowed:
        raise Refused(
            f"{name}: rows and pictures disagree",
            code="PARTS_DISAGREE",
            subject=name,
            evidence={
                "rows": len(docs),
                "pictures": len(frames_ns),
                "rows_outside": outside,
                "pictures_after_the_last_row": missing,
            },
        )
    fields = (field, *filter(None, [time_field(docs, config)]))
    ts_ns = frames_ns[np.clip(frames, 0, len(frames_ns) - 1)]
    return Timed(
        ts_ns=ts_ns,
        clock=Clock(kind="pts", epoch="start", how=f"field {field!r} names the picture"),
        fields=fields,
    )


def _by_time(
    docs: Sequence[Mapping[str, Any]],
    frames_ns: Int64s,
    config: Config,
    *,
    name: str,
    units: Mapping[str, str] | None,
) -> Timed:
    start, length = int(frames_ns[0]), int(frames_ns[-1] - frames_ns[0])
    timed = own_times(docs, _with_unit(docs, length, config), name, units=units)
    ts_ns = timed.ts_ns - int(timed.ts_ns.min()) + start
    lasts = int(ts_ns.max()) - start
    fits = _fitting(lasts / timed.clock.resolution_ns, length) if lasts else ""
    if fits and not 0.01 <= lasts / max(1, length) <= 100:
        raise _broken(
            f"{name}: the rows last {lasts} ns beside pictures of {length} ns; {fits} would fit",
            name,
            way_out=f"set time_unit to {fits} in the source's config",
            evidence={"rows_ns": lasts, "pictures_ns": length, "fits": fits},
        )
    if lasts > length + max(10**9, length // 20):
        raise Refused(
            f"{name}: the rows last longer than the pictures",
            code="PARTS_DISAGREE",
            subject=name,
            evidence={"rows_ns": lasts, "pictures_ns": length},
        )
    how = f"{timed.clock.how}, the first row at the first picture"
    return Timed(
        ts_ns=ts_ns,
        clock=Clock(kind="stamp", epoch="start", how=how, skew=timed.clock.skew),
        fields=timed.fields,
    )


def _with_unit(docs: Sequence[Mapping[str, Any]], length_ns: int, config: Config) -> dict[str, Any]:
    """Prove an undeclared unit by the length of the video, where exactly one fits."""
    settled, field = dict(config), time_field(docs, config)
    times = [written(_at(doc, field)) for doc in docs] if field else []
    known = [time for time in times if time is not None]
    if "time_unit" in settled or not known or proved_unit(field, known):
        return settled
    fits = _fitting(float(max(known) - min(known)), length_ns)
    return settled | ({"time_unit": fits} if fits else {})


def _fitting(lasts: float, length_ns: int) -> str:
    """Return the only unit in which rows that last so long are about as long as the pictures."""
    fits = [unit for unit, ns in UNITS.items() if 0.5 <= lasts * ns / max(1, length_ns) <= 1.5]
    return fits[0] if len(fits) == 1 else ""


def time_field(docs: Sequence[Mapping[str, Any]], config: Config) -> str:
    """Return the field that holds the time: the declared one, or the first usual name."""
    if "time_field" in config:
        return str(config["time_field"])
    usual = (name for name in TIME_FIELDS if name in docs[0])
    return next((name for name in usual if _is_time(docs[0][name])), "")


def _is_time(value: object) -> bool:
    return written(value) is not None or date_ns(value) is not None


def _at(doc: Mapping[str, Any], field: str) -> object:
    """Return what stands at a field, whose name may be a path (`header.stamp_ns`)."""
    if field in doc:
        return doc[field]
    value: object = doc
    for step in field.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _frame_field(docs: Sequence[Mapping[str, Any]], config: Config, count: int) -> str:
    if "frame_field" in config:
        asked = str(config["frame_field"])
        lacking = sum(not _whole(doc.get(asked)) for doc in docs)
        if not lacking:
            return asked
        raise _broken(
            f"{lacking} of {len(docs)} rows have no whole number at {asked!r}",
            "",
            way_out="name the field that holds the number of the picture as frame_field",
            evidence={"field": asked, "rows": len(docs), "lacking": lacking},
        )
    for name in FRAME_FIELDS:
        if all(_whole(doc.get(name)) and 0 <= doc[name] < 2 * count for doc in docs):
            return name
    return ""


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
