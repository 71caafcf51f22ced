"""The numbers of an episode, a stretch of time at once: memory holds one, however long it lasts.

In: the times of its streams. Out: the values of those that act or move, as they were recorded or as
they stand on the clock of the actions. What was read last is kept, so a short episode is read once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from pipelines.export.channels import VectorTrack, max_age_ns, resample
from pipelines.lake.streams import NUMBERS, StreamRows, read_episodes
from pipelines.ondisk import let_go
from pipelines.records import Int64s

Pairs = tuple[tuple[str, str], ...]
AT_ONCE = 131_072  # rows of all streams together, about
LEAST = 4_096
FURTHEST_NS = 1 << 62


@dataclass(slots=True, kw_only=True)
class Recorded:
    """The values of the streams `times` names, as they were recorded."""

    uri: str
    episode_id: str
    times: Mapping[str, Int64s]
    span: tuple[int, int] = (0, -1)
    rows: Mapping[str, StreamRows] = field(default_factory=dict)

    @property
    def num_rows(self) -> int:
        """Rows of all streams."""
        return sum(map(len, self.times.values()))

    @property
    def densest(self) -> Int64s:
        """The times of the stream that has most."""
        return max(self.times.values(), key=len, default=np.zeros(0, np.int64))

    def step(self, clock: Int64s) -> int:
        """How many times of a clock span about AT_ONCE rows recorded."""
        return max(LEAST, AT_ONCE * len(clock) // max(1, self.num_rows))

    def within(self, start_ns: int, end_ns: int) -> Mapping[str, StreamRows]:
        """Return the rows of each stream that has any about a span; those of it are among them."""
        if self.span[0] <= start_ns and end_ns <= self.span[1]:
            return self.rows
        if self.num_rows <= AT_ONCE:
            start_ns, end_ns = -FURTHEST_NS, FURTHEST_NS
        self.rows = {}  # let go before more is read
        if self.num_rows:
            found = read_episodes(
                self.uri,
                [self.episode_id],
                sorted(self.times),
                columns=("ts_ns", *NUMBERS),
                span=(start_ns, end_ns),
            ).get(self.episode_id, ())
            self.rows = {one.stream: one for one in found if len(one.ts_ns)}
        self.span = (start_ns, end_ns)
        return self.rows


@dataclass(kw_only=True)
class OnClock:
    """The channels that act, one row a time of `clock`; NaN where nothing is known."""

    recorded: Recorded
    channels: Pairs
    clock: Int64s
    low: int = 0
    values: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 0)))

    def stretches(self) -> Iterator[tuple[int, int]]:
        """Yield `[low, high)` over the whole clock, each with about AT_ONCE rows recorded."""
        edges = [*range(0, len(self.clock), self.recorded.step(self.clock)), len(self.clock)]
        yield from pairwise(edges)

    @cached_property
    def oldest(self) -> Mapping[str, int]:
        """How old a value of each stream may be, in ns."""
        times = self.recorded.times
        names = {stream for stream, _ in self.channels} & times.keys()
        return {name: max_age_ns(times[name], self.clock) for name in names}

    @property
    def age_ns(self) -> int:
        """How long before a row a value may lie that it has."""
        return max(self.oldest.values(), default=0)

    def known(self, low: int, high: int) -> npt.NDArray[np.float64]:
        """Return the rows `[low, high)` of the clock."""
        if low < self.low or high > self.low + len(self.values):
            self.low, self.values = low, self._read(low, high)
        return self.values[low - self.low : high - self.low]

    def before(self, low: int, high: int) -> npt.NDArray[np.float64]:
        """Return the row before each of `[low, high)`, of the first of all itself."""
        rows = self.known(max(0, low - 1), high)
        return rows[:-1] if low else np.concatenate([rows[:1], rows[:-1]])

    def _read(self, low: int, high: int) -> npt.NDArray[np.float64]:
        let_go(self.clock)
        clock = self.clock[low:high]
        if not len(clock):
            return np.zeros((0, len(self.channels)))
        rows = self.recorded.within(int(clock[0]) - self.age_ns, int(clock[-1]))
        tracks = {
            name: VectorTrack(name=name, channels=one.channels, ts_ns=one.ts_ns, values=one.values)
            for name, one in rows.items()
        }
        values, valid = resample(self.channels, tracks, clock, oldest=self.oldest)
        return np.where(valid, values.astype(np.float64), np.nan)


def together(
    clips: Sequence[tuple[str, int, int]], clock: Int64s, step: int
) -> Iterator[tuple[list[tuple[str, int, int]], int, int]]:
    """Yield clips that follow one another, with the rows `[low, high)` of the clock they span.

    Together they span at most `step` rows; one that has more stands alone.
    """
    group: list[tuple[str, int, int]] = []
    first = last = 0
    for clip in sorted(clips, key=lambda one: one[1:]):
        low, high = np.searchsorted(clock, clip[1:]).tolist()
        if group and high - first > step:
            yield group, first, last
            group = []
            let_go(clock)
        if not group:
            first = low
        group.append(clip)
        last = high
    if group:
        yield group, first, last
