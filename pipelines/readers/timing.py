"""When each row of a log happened: by its own time, or by the picture that it names.

Units are declared (by the config or by the field's name) or proved by the range of the values; a
unit that is neither is refused. Beside a video, rows stand on the times of its pictures: by the
frame that each row names, by equal counts, by one picture more than rows (row k leads to picture
k + 1), or by their own times counted from the first picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from pipelines.clocks import UNIX_NS, skew_figures
from pipelines.readers.reading import Config, Refused
from pipelines.records import Clock, Int64s

UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_TIME_FIELDS = """
t_ns ts_ns timestamp_ns time_ns stamp_ns timeUnixNano t_us timestamp_us time_us t_ms timestamp_ms
time_ms timestamp time stamp ts t_s time_s t
"""
TIME_FIELDS = tuple(_TIME_FIELDS.split())
FRAME_FIELDS = ("frame", "frame_index", "frame_idx", "frame_id")
LONGEST_NS = 10 * 366 * 86_400 * 10**9
UNIX_RANGES = (("s", 10**9), ("ms", 10**12), ("us", 10**15), ("ns", 10**18))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Times of the rows in their order, the fields they came from, and the clock."""

    ts_ns: Int64s
    clock: Clock
    fields: tuple[str, ...] = ()


def own_times(docs: Sequence[Mapping[str, Any]], config: Config, name: str) -> Timed:
    """Return the times that the rows carry themselves."""
    field = _time_field(docs, config)
    if not field:
        raise Refused(
            f"{name}: no row carries a time",
            code="CLOCK_BROKEN",
            subject=name,
            way_out="name the field as time_field in the source's config",
            evidence={"fields": sorted(docs[0])[:40]},
        )
    times = [_decimal(doc.get(field)) for doc in docs]
    known = [time for time in times if time is not None]
    if len(known) < len(times):
        raise Refused(
            f"{name}: {len(times) - len(known)} rows without {field!r}",
            code="CLOCK_BROKEN",
            subject=name,
            evidence={"field": field, "rows": len(times)},
        )
    unit = str(config.get("time_unit") or _unit(field, known))
    if unit not in UNITS:
        raise Refused(
            f"{name}: the unit of {field!r} is neither declared nor proved by its range",
            code="CLOCK_BROKEN",
            subject=name,
            way_out="set time_unit (s, ms, us or ns) in the source's config",
            evidence={"field": field, "first": str(known[0]), "last": str(known[-1])},
        )
    ts_ns = _exact(known, unit, field, name=name)
    clock = Clock(
        kind="stamp",
        epoch="unix" if int(ts_ns.min()) >= UNIX_NS else "start",
        resolution_ns=UNITS[unit],
        how=f"field {field!r} in {unit}",
        skew=skew_figures(ts_ns),
    )
    return Timed(ts_ns=ts_ns, clock=clock, fields=(field,))


def _exact(times: Sequence[Decimal], unit: str, field: str, *, name: str) -> Int64s:
    exact = [int(time * UNITS[unit]) for time in times]
    if max(exact) - min(exact) > LONGEST_NS or max(map(abs, exact)) >= 2**63:
        raise Refused(
            f"{name}: the times of {field!r} span over ten years",
            code="CLOCK_BROKEN",
            subject=name,
            evidence={
                "field": field,
                "unit": unit,
                "least": str(min(times)),
                "most": str(max(times)),
            },
        )
    return np.array(exact, np.int64)


def picture_times(
    docs: Sequence[Mapping[str, Any]], frames_ns: Int64s, config: Config, *, name: str
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
            fields=tuple(filter(None, [_time_field(docs, config)])),
        )
    return _by_time(docs, frames_ns, config, name=name)


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
    fields = (field, *filter(None, [_time_field(docs, config)]))
    ts_ns = frames_ns[np.clip(frames, 0, len(frames_ns) - 1)]
    return Timed(
        ts_ns=ts_ns,
        clock=Clock(kind="pts", epoch="start", how=f"field {field!r} names the picture"),
        fields=fields,
    )


def _by_time(
    docs: Sequence[Mapping[str, Any]], frames_ns: Int64s, config: Config, *, name: str
) -> Timed:
    timed = own_times(docs, _with_unit(docs, frames_ns, config), name)
    start, length = int(frames_ns[0]), int(frames_ns[-1] - frames_ns[0])
    ts_ns = timed.ts_ns - int(timed.ts_ns.min()) + start
    if int(ts_ns.max()) - start > length + max(10**9, length // 20):
        raise Refused(
            f"{name}: the rows last longer than the pictures",
            code="PARTS_DISAGREE",
            subject=name,
            evidence={"rows_ns": int(ts_ns.max()) - start, "pictures_ns": length},
        )
    how = f"{timed.clock.how}, the first row at the first picture"
    return Timed(
        ts_ns=ts_ns,
        clock=Clock(kind="stamp", epoch="start", how=how, skew=timed.clock.skew),
        fields=timed.fields,
    )


def _with_unit(
    docs: Sequence[Mapping[str, Any]], frames_ns: Int64s, config: Config
) -> dict[str, Any]:
    """Prove an undeclared unit by the length of the video, where exactly one fits."""
    settled, field = dict(config), _time_field(docs, config)
    times = [_decimal(doc.get(field)) for doc in docs] if field else []
    known = [time for time in times if time is not None]
    if "time_unit" in settled or not known or _unit(field, known):
        return settled
    long = int(max(known) - min(known))
    length = max(1, int(frames_ns[-1] - frames_ns[0]))
    fits = [unit for unit, ns in UNITS.items() if 0.5 <= long * ns / length <= 1.5]
    return settled | ({"time_unit": fits[0]} if len(fits) == 1 else {})


def _time_field(docs: Sequence[Mapping[str, Any]], config: Config) -> str:
    if "time_field" in config:
        return str(config["time_field"])
    return next((name for name in TIME_FIELDS if _decimal(docs[0].get(name)) is not None), "")


def _frame_field(docs: Sequence[Mapping[str, Any]], config: Config, count: int) -> str:
    if "frame_field" in config and all(_whole(doc.get(config["frame_field"])) for doc in docs):
        return str(config["frame_field"])
    for name in FRAME_FIELDS:
        if all(_whole(doc.get(name)) and 0 <= doc[name] < 2 * count for doc in docs):
            return name
    return ""


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _decimal(value: object) -> Decimal | None:
    """Return the number as it was written, not as a float holds it."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _unit(field: str, times: Sequence[Decimal]) -> str:
    """Return the unit that the field's name declares or the values prove, else nothing."""
    for unit in UNITS:
        if field.endswith(f"_{unit}"):
            return unit
    if field == "timeUnixNano":
        return "ns"
    for unit, floor in UNIX_RANGES:
        if floor <= min(times) and max(times) < floor * 10:
            return unit
    fractional = any(time != time.to_integral_value() for time in times)
    return "s" if fractional and max(times) < 10**9 else ""
