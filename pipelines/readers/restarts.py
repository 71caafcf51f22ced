"""Where the times of a log start anew: the rows of another run lie behind those of the first.

Rows that come late are put in order. A run that begins again at the first time of the log is not
late: in order of time its rows would lie between those of another. Only a clock that counts from
some start can do so; two rows of one date belong together, in whatever order they were written.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.clocks import UNIX_NS, forward_step_ns, steps_of
from pipelines.ondisk import let_go, stretches
from pipelines.readers.reading import Refused
from pipelines.records import Int64s

STEPS = 10  # usual steps back that may be lateness
RUN = 5  # rows that go on from where the time went back to
NEAR = 10  # of the way back, so much may be missing to the first time


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarts:
    """The first row that starts anew, counted from 0, the times about it, and how many do."""

    row: int
    from_ns: int
    to_ns: int
    count: int


def restarts(ts_ns: Int64s) -> Restarts | None:
    """Return where times start anew, None where rows are no more than late.

    One time that is far ahead is no run. Every run must begin near the first time of the log, or
    before it: blocks of rows that several recorders wrote in turn go back, too, each to where its
    last block ended.
    """
    usual = forward_step_ns(ts_ns)
    if len(ts_ns) < 2 * RUN or not usual or _least(ts_ns) >= UNIX_NS:
        return None
    far = STEPS * int(usual)
    back = _steps_back(ts_ns, far)
    back = back[(back >= RUN) & (back <= len(ts_ns) - RUN)]
    if not len(back):
        return None
    runs = np.lib.stride_tricks.sliding_window_view(ts_ns, RUN)
    ahead, behind, before = runs[back], runs[back - RUN], ts_ns[back - 1]
    goes_on = np.maximum.reduceat(ts_ns, back) > ts_ns[back]
    let_go(ts_ns)
    stays = goes_on & (ahead.max(axis=1) < before - far)
    stays &= behind.min(axis=1) > ts_ns[back] + far  # else one time alone is wrong
    back, before = back[stays], before[stays]
    missing = ts_ns[back] - ts_ns[0]
    if not len(back) or (missing > np.maximum(far, (before - ts_ns[back]) // NEAR)).any():
        return None
    first = int(back[0])
    return Restarts(row=first, from_ns=int(before[0]), to_ns=int(ts_ns[first]), count=len(back))


def refuse_restarts(ts_ns: Int64s, field: str, name: str) -> None:
    """Refuse a log whose rows are those of several runs.

    Raises:
        Refused: CLOCK_BROKEN.
    """
    anew = restarts(ts_ns)
    if anew is None:
        return
    raise Refused(
        f"{name}: the times of {field!r} start anew at row {anew.row + 1}",
        code="CLOCK_BROKEN",
        subject=name,
        way_out="split the log there; sort it by time if its rows are of one run",
        evidence={
            "field": field,
            "row": anew.row + 1,
            "from_ns": anew.from_ns,
            "to_ns": anew.to_ns,
            "restarts": anew.count,
        },
    )


def _least(ts_ns: Int64s) -> int:
    return min(int(part.min()) for part in stretches(ts_ns))


def _steps_back(ts_ns: Int64s, far: int) -> Int64s:
    """Return the rows before which time goes back by more than `far`."""
    found, at = [np.zeros(0, np.int64)], 1
    for steps in steps_of(ts_ns):
        found.append(np.flatnonzero(steps < -far) + at)
        at += len(steps)
    return np.concatenate(found)
