"""How well the streams of a clip fit together in time; pure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pipelines.assess.pictures import Measures, Span
from pipelines.clocks import ages, overlap_ns, usual_step_ns
from pipelines.records import Int64s, period_ns

MS = 1e6
HOLE = 3  # usual steps: a longer one is a hole


def alignment_measures(frames_ns: Int64s, others: Sequence[Int64s], span: Span) -> Measures:
    """Return skew, jitter, overlap and coverage of a span.

    `frames_ns` are the times of the pictures, empty without any; `others` those of each stream of
    numbers.
    """
    inside = _inside(frames_ns, span)
    densest = max((_inside(one, span) for one in others), key=len, default=inside)
    streams = [one for one in (frames_ns, *others) if len(one)]
    return {
        "skew_p99_ms": skew_p99_ms(inside, others) if len(frames_ns) else None,
        "jitter_p99_ms": jitter_p99_ms(inside),
        "overlap": _overlap(streams, span),
        "coverage": coverage(inside if len(frames_ns) else densest, span),
    }


def skew_p99_ms(frames_ns: Int64s, others: Sequence[Int64s]) -> float | None:
    """Return the 99th percentile of the age of the latest row at each picture, worst stream."""
    old = [ages(ts_ns, frames_ns) for ts_ns in others if len(ts_ns)]
    worst = [float(np.percentile(each, 99)) / MS for each in old if len(each)]
    return max(worst, default=None)


def jitter_p99_ms(frames_ns: Int64s) -> float | None:
    """Return the 99th percentile of how far steps are from the usual one."""
    if len(frames_ns) < 2:
        return None
    steps = np.diff(frames_ns)
    return float(np.percentile(np.abs(steps - usual_step_ns(steps)), 99)) / MS


def coverage(inside: Int64s, span: Span) -> float:
    """Return the share of the clip that is not a hole of over three usual steps."""
    if not len(inside):
        return 0.0
    steps = np.diff(np.concatenate([inside, [span[1]]]))
    usual = float(np.median(steps))
    holes = float((steps[steps > HOLE * usual] - usual).sum())
    return max(0.0, 1.0 - holes / max(1, span[1] - span[0]))


def _overlap(streams: Sequence[Int64s], span: Span) -> float:
    spans = [(int(one[0]), int(one[-1]) + period_ns(one)) for one in streams]
    shared = overlap_ns([span, *spans]) if spans else 0
    return shared / max(1, span[1] - span[0])


def _inside(ts_ns: Int64s, span: Span) -> Int64s:
    low, high = np.searchsorted(ts_ns, span, side="left")
    return ts_ns[low:high]
