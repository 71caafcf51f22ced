"""Where the rows of a log stand on the pictures of the video beside it.

By the picture that each row names, by equal counts, by one picture more than rows (row k leads to
picture k + 1), or by their own times counted from the first picture.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipelines.readers.reading import Config, Refused
from pipelines.readers.timing import RowTimes, Timed, broken, own_times
from pipelines.readers.units import UNITS, proved_unit
from pipelines.records import Clock, Int64s

FRAME_FIELDS = ("frame", "frame_index", "frame_idx", "frame_id")


def picture_times(
    docs: Sequence[Mapping[str, Any]],
    frames_ns: Int64s,
    told: RowTimes,
    *,
    name: str,
    units: Mapping[str, str] | None = None,
) -> Timed:
    """Return the times of the rows on the clock of the pictures beside them.

    `told` is what the rows say of their own time.
    """
    config = told.config
    field = _frame_field(docs, config, len(frames_ns))
    if field:
        return _by_frame(docs, frames_ns, field, told=told, name=name)
    ahead = len(frames_ns) - len(docs)
    if ahead in {0, 1}:
        how = "row k is picture k" if ahead == 0 else "row k leads to picture k + 1"
        return Timed(
            ts_ns=frames_ns[ahead:],
            clock=Clock(kind="pts", epoch="start", how=f"{how}: the counts say so"),
            fields=tuple(filter(None, [told.field])),
        )
    if not told.field:
        return _by_order(len(docs), frames_ns, config, name=name)
    return _by_time(told, frames_ns, name=name, units=units)


def _by_order(count: int, frames_ns: Int64s, config: Config, *, name: str) -> Timed:
    """Stand row k on picture k; as many as the source tolerates may lack their counterpart."""
    apart = abs(len(frames_ns) - count)
    if apart > int(config.get("tolerance", 0)):
        raise Refused(
            f"{name}: {count} rows that say neither time nor picture, {len(frames_ns)} pictures",
            code="PARTS_DISAGREE",
            subject=name,
            way_out="name the time_field or frame_field, or set tolerance in the source's config",
            evidence={"rows": count, "pictures": len(frames_ns)},
        )
    return Timed(
        ts_ns=frames_ns[np.clip(np.arange(count), 0, len(frames_ns) - 1)],
        clock=Clock(
            kind="pts", epoch="start", how=f"row k is picture k, {apart} without counterpart"
        ),
    )


def _by_frame(
    docs: Sequence[Mapping[str, Any]],
    frames_ns: Int64s,
    field: str,
    *,
    told: RowTimes,
    name: str,
) -> Timed:
    config, every = told.config, (int(doc[field]) for doc in docs)
    frames = np.fromiter(every, np.int64, len(docs))
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
    fields = (field, *filter(None, [told.field]))
    ts_ns = frames_ns[np.clip(frames, 0, len(frames_ns) - 1)]
    return Timed(
        ts_ns=ts_ns,
        clock=Clock(kind="pts", epoch="start", how=f"field {field!r} names the picture"),
        fields=fields,
    )


def _by_time(
    told: RowTimes, frames_ns: Int64s, *, name: str, units: Mapping[str, str] | None
) -> Timed:
    start, length = int(frames_ns[0]), int(frames_ns[-1] - frames_ns[0])
    timed = own_times(told, name, units=units, unit=_unit_that_fits(told, length))
    ts_ns = timed.ts_ns - int(timed.ts_ns.min()) + start
    lasts = int(ts_ns.max()) - start
    fits = _fitting(lasts / timed.clock.resolution_ns, length) if lasts else ""
    if fits and not 0.01 <= lasts / max(1, length) <= 100:
        raise broken(
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


def _unit_that_fits(told: RowTimes, length_ns: int) -> str:
    """Return the unit that is not declared and that the length of the video proves, or nothing."""
    if "time_unit" in told.config or told.dated or not told.times:
        return ""
    if proved_unit(told.field, told.times):
        return ""
    return _fitting(float(told.times.most - told.times.least), length_ns)


def _fitting(lasts: float, length_ns: int) -> str:
    """Return the only unit in which rows that last so long are about as long as the pictures."""
    fits = [unit for unit, ns in UNITS.items() if 0.5 <= lasts * ns / max(1, length_ns) <= 1.5]
    return fits[0] if len(fits) == 1 else ""


def _frame_field(docs: Sequence[Mapping[str, Any]], config: Config, count: int) -> str:
    if "frame_field" in config:
        asked = str(config["frame_field"])
        lacking = sum(not _whole(doc.get(asked)) for doc in docs)
        if not lacking:
            return asked
        raise broken(
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
