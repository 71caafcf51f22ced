"""Where nothing happens for over an hour: a gap, so that nobody cuts clips of it.

Also some wrong times in a row may open a pause of years; what lies on both sides is still there.
One alone refuses the log (`clocks.lone_jump`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from pipelines.clocks import some_steps, steps_of
from pipelines.records import Stream

PAUSE_NS = 3_600 * 10**9


def pauses(streams: Sequence[Stream]) -> list[tuple[int, int]]:
    """Return the spans over an hour in which no stream has an entry."""
    pieces = sorted(piece for stream in streams for piece in _pieces(stream))
    if not pieces:
        return []
    last = max(stream.span_ns[1] for stream in streams)
    covered = pieces[0][1]
    gaps = []
    for start, end in [*pieces[1:], (last, last)]:
        if start - covered > PAUSE_NS:
            gaps.append((covered, start))
        covered = max(covered, end)
    return gaps


def _pieces(stream: Stream) -> Iterator[tuple[int, int]]:
    """Yield the spans in which entries follow each other, each with the time of its last entry."""
    times = stream.ts_ns
    if not len(times):
        return
    usual = min(PAUSE_NS, int(np.median(some_steps(times)))) if len(times) > 1 else 0
    ends, at = [0], 1
    for steps in steps_of(times):
        ends += (np.flatnonzero(steps > PAUSE_NS) + at).tolist()
        at += len(steps)
    for low, high in pairwise([*ends, len(times)]):
        yield int(times[low]), int(times[high - 1]) + usual
