"""Clocks: which of a stream's times to believe, how far they are off, and how to join by time.

A message log carries up to three times for each message: the stamp inside it, the time it was
published, the time it was written down. The last is often late by the time it took to compress a
picture, so the order of trust is stamp, publish, log, and whatever falls through says why.
Everything is int64 ns; joining is as-of (latest at or before), never nearest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.ondisk import stretches
from pipelines.records import Clock, Int64s, period_ns

DAY_NS = 86_400 * 10**9
UNIX_NS = 10**17  # 1973: an earlier time counts from the start of something
TRUST = ("stamp", "publish", "log")
NEVER = np.iinfo(np.int64).max
SOME = 1 << 22  # steps of which each is looked at for a median
JUMP_NS, JUMP_STEPS = 3_600 * 10**9, 1_000  # a time so far from its neighbours is wrong
FEWEST = 5  # entries that tell how times usually go
SELDOM = 100  # one in so many
RUN = 4_096  # frames that are looked up together
MANY_RUNS = 8  # from here on a second thread gains more than it costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """One stream of an episode, as far as its times go."""

    name: str
    kind: str
    ts_ns: Int64s
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The times that were believed, with their provenance and figures."""

    ts_ns: Int64s
    clock: Clock


def choose_clock(times: Mapping[str, Int64s | None], *, asked: str = "") -> Chosen:
    """Choose among the `stamp`, `publish` and `log` times of one stream's messages.

    `asked` is what the source asks for: then only that one and those below it are taken.
    """
    log = times.get("log")
    fell = [f"{asked} time is asked for"] if asked else []
    for kind in TRUST[TRUST.index(asked) :] if asked else TRUST:
        ts = times.get(kind)
        if ts is None or not len(ts):
            continue
        wrong = "" if kind == "log" else _implausible(ts, log)
        if wrong:
            fell.append(f"{kind} {wrong}")
            continue
        how = "; ".join([f"{kind} time of each message", *fell])
        unix = int(ts[0]) >= UNIX_NS
        clock = Clock(
            kind=kind, epoch="unix" if unix else "boot", how=how, skew=skew_figures(ts, log)
        )
        return Chosen(ts_ns=ts, clock=clock)
    return Chosen(
        ts_ns=np.zeros(0, np.int64),
        clock=Clock(kind="synthesised", epoch="start", how="; ".join(fell) or "no times"),
    )


def as_of(
    ts_ns: Int64s, frames_ns: Int64s, max_age_ns: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return for each frame the latest entry at or before it, and whether it is young enough.

    Both ascend. Where there is no entry the index is 0 and not valid: mask it, never zero it.
    Frames are looked up a run at a time, among the few entries that lie between the first and the
    last of them: those stay in the processor's cache. Many are looked up by two threads: a search
    mostly waits for wrong guesses of its core, and NumPy lets go of the interpreter meanwhile.
    """
    index, valid = np.zeros(len(frames_ns), np.int64), np.zeros(len(frames_ns), np.bool_)
    early = int(frames_ns.searchsorted(ts_ns[0])) if len(ts_ns) else len(frames_ns)

    def look_up(piece: range) -> None:
        for at in piece:
            frames = frames_ns[at : at + RUN]
            first, last = ts_ns.searchsorted(frames[[0, -1]], side="right") - 1
            near = ts_ns[first : last + 1]
            found = near.searchsorted(frames, side="right")
            found -= 1
            np.add(found, first, out=index[at : at + RUN])
            np.less_equal(frames - near.take(found), max_age_ns, out=valid[at : at + RUN])

    runs = range(early, len(frames_ns), RUN)
    half = len(runs) // 2
    if len(runs) < MANY_RUNS:
        look_up(runs)
    else:
        with ThreadPoolExecutor(1) as other:
            first_half = other.submit(look_up, runs[:half])
            look_up(runs[half:])
            first_half.result()
    return index, valid


def ages(ts_ns: Int64s, frames_ns: Int64s) -> Int64s:
    """Return how old the latest entry is at each frame that has one."""
    index, valid = as_of(ts_ns, frames_ns, int(NEVER) - 1)
    if not valid.any():
        return np.zeros(0, np.int64)
    return (frames_ns - ts_ns[index])[valid]


def skew_figures(ts_ns: Int64s, log_ns: Int64s | None = None) -> dict[str, float]:
    """Return rate, jitter, gaps, doubles, backward steps, and how late the log was written.

    Of more than SOME entries, medians and percentiles are those of every n-th step.
    """
    figures: dict[str, float] = {"count": float(len(ts_ns))}
    if len(ts_ns) >= 2:
        usual = forward_step_ns(ts_ns)
        jitter = np.abs(some_steps(ts_ns) - usual)
        told = [(steps.max(), (steps == 0).sum(), (steps < 0).sum()) for steps in steps_of(ts_ns)]
        largest, doubles, backward = zip(*told, strict=True)
        figures |= {
            "rate_hz": 1e9 / usual if usual else 0.0,
            "jitter_p50_ns": float(np.percentile(jitter, 50)),
            "jitter_p99_ns": float(np.percentile(jitter, 99)),
            "largest_gap_ns": float(max(largest)),
            "doubles": float(sum(doubles)),
            "backward": float(sum(backward)),
        }
        row = lone_jump(ts_ns)
        figures |= {"jump_row": float(row + 1)} if row >= 0 else {}
    if log_ns is not None and len(log_ns) == len(ts_ns) and len(ts_ns):
        late = log_ns - ts_ns
        figures |= {
            "log_late_p50_ns": float(np.percentile(late, 50)),
            "log_late_p99_ns": float(np.percentile(late, 99)),
            "drift_ppm": drift_ppm(ts_ns, log_ns),
        }
    return figures


def lone_jump(ts_ns: Int64s) -> int:
    """Return the first entry whose time alone is far from those about it, -1 without any.

    That is a wrong time, one bit of it may be: the next one goes back. After a pause it goes on.
    Far is more than an hour, and more than JUMP_STEPS usual steps. Where many jump, that is how the
    entries were gathered.
    """
    if len(ts_ns) < FEWEST:
        return -1
    far = max(JUMP_NS, JUMP_STEPS * forward_step_ns(ts_ns))
    jumps, at = dict[int, float](), 0  # the entry before each, and how far it goes
    for part in stretches(ts_ns, beyond=1):
        steps = np.diff(part.astype(np.float64))  # differences of int64 may run over
        jumps |= {at + int(row): float(steps[row]) for row in np.flatnonzero(np.abs(steps) > far)}
        at += len(steps)
    last = len(ts_ns) - 1
    wrong = [
        row
        for row in jumps
        if row - 1 in jumps and abs(float(ts_ns[row + 1]) - float(ts_ns[row - 1])) <= far
    ]
    for row, rest, step in ((0, ts_ns[1:], 0), (last, ts_ns[:-1], last - 1)):
        if jumps.get(step, 0.0) < -far and not rest.min() <= ts_ns[row] <= rest.max():
            wrong.append(row)
    return min(wrong) if 0 < len(wrong) <= max(1, len(ts_ns) // SELDOM) else -1


def skew_report(streams: Sequence[Timed]) -> tuple[dict[str, Any], ...]:
    """Return one line a stream: its clock, its figures in ms, and how they run together.

    Steps backward, doubles and lateness are those of the order in which messages came, which the
    reader noted; the rest is told by the times themselves.
    """
    spans = {
        one.name: (int(one.ts_ns[0]), int(one.ts_ns[-1]) + period_ns(one.ts_ns))
        for one in streams
        if len(one.ts_ns)
    }
    lines = []
    for one in streams:
        figures = skew_figures(one.ts_ns) | one.clock.skew
        start, end = spans.get(one.name, (0, 0))
        told = {name: figures.get(name) for name in ("rate_hz", "doubles", "backward", "drift_ppm")}
        in_ms = {
            f"{name}_ms": None if (found := figures.get(f"{name}_ns")) is None else found / 1e6
            for name in ("jitter_p50", "jitter_p99", "largest_gap", "log_late_p50", "log_late_p99")
        }
        lines.append(
            {"stream": one.name, "kind": one.kind, "clock": one.clock.kind, "how": one.clock.how}
            | {"count": len(one.ts_ns), "start_ns": start, "end_ns": end}
            | told
            | in_ms
            | {"overlap_s": overlap_ns(list(spans.values())) / 1e9 if one.name in spans else 0.0}
        )
    return tuple(lines)


def steps_of(ts_ns: Int64s) -> Iterator[Int64s]:
    """Yield the steps between entries, some at a time."""
    for part in stretches(ts_ns, beyond=1):
        if len(part) > 1:
            yield np.diff(part)


def some_steps(ts_ns: Int64s) -> Int64s:
    """Return the steps, of more than SOME every n-th: enough for a median."""
    every = 1 + (len(ts_ns) - 1) // SOME
    some, at = [np.zeros(0, np.int64)], 0
    for steps in steps_of(ts_ns):
        some.append(steps[-at % every :: every].copy())  # a view would hold them all
        at += len(steps)
    return np.concatenate(some)


def forward_step_ns(ts_ns: Int64s) -> float:
    """Return the median of the steps forward between entries; of many, every n-th tells."""
    return usual_step_ns(some_steps(ts_ns))


def usual_step_ns(steps: Int64s) -> float:
    """Return the median of the steps forward, 0 without any."""
    forward = steps[steps > 0]
    return float(np.median(forward)) if len(forward) else 0.0


def drift_ppm(ts_ns: Int64s, log_ns: Int64s) -> float:
    """Return the slope of `log - ts` over time in parts per million: the median of many slopes."""
    half = len(ts_ns) // 2
    if half < 2:
        return 0.0
    run = (ts_ns[half : 2 * half] - ts_ns[:half]).astype(np.float64)
    late = (log_ns - ts_ns).astype(np.float64)
    rise = late[half : 2 * half] - late[:half]
    usable = run > 0
    return float(np.median(rise[usable] / run[usable]) * 1e6) if usable.any() else 0.0


def overlap_ns(spans: Sequence[tuple[int, int]]) -> int:
    """Return how long all `[start, end)` spans run at once."""
    if not spans:
        return 0
    return max(0, min(end for _, end in spans) - max(start for start, _ in spans))


def _implausible(ts: Int64s, log: Int64s | None) -> str:
    if (ts == 0).any():
        return "is zero in some messages" if ts.any() else "is zero"
    if len(ts) > 1 and int(ts.min()) == int(ts.max()):
        return "is constant"
    if (row := lone_jump(ts)) >= 0:
        return f"jumps away and back at message {row + 1}"
    return _off_the_log(ts, log) if log is not None and len(log) and log.any() else ""


def _off_the_log(ts: Int64s, log: Int64s) -> str:
    if int(ts.min()) < int(log.min()) - DAY_NS or int(ts.max()) > int(log.max()) + DAY_NS:
        return "lies a day outside the file's span"
    return ""
