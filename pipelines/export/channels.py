"""Carry the numbers of an episode onto the frame clock of a clip, and choose which of them train.

In: vector tracks and the patterns of a source's configuration. Out: one column a channel with a
mask. A value that is not there, stale or not finite is masked, never invented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.clocks import SOME, as_of

SECOND_NS = 1_000_000_000
STALE_PERIODS = 3  # a channel silent for longer than this many of its periods is stale


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VectorTrack:
    """A stream of numbers: one row of `values` a time, one column a channel."""

    name: str
    channels: tuple[str, ...]
    ts_ns: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which (stream, channel) stands in which column, the same for every clip of a source."""

    action: tuple[tuple[str, str], ...]
    state: tuple[tuple[str, str], ...]


def choose_columns(channels: Sequence[tuple[str, str]], config: Mapping[str, Any]) -> Columns:
    """Choose the columns of a source: the (stream, channel) pairs that its patterns name.

    A pattern is matched against "stream.channel" and against the bare channel. A channel that both
    roles name is an action: a command must not be handed to the model as what it observes.
    """
    action = _matching(channels, config.get("action", ()))
    state = _matching(channels, config.get("state", ()))
    return Columns(action=action, state=tuple(pair for pair in state if pair not in action))


def frame_clock(start_ns: int, end_ns: int, fps: int) -> NDArray[np.int64]:
    """The times `start + k / fps` that lie in [start, end), at least one."""
    count = max(1, -(-(end_ns - start_ns) * fps // SECOND_NS))
    return np.array([start_ns + k * SECOND_NS // fps for k in range(count)], dtype=np.int64)


def resample(
    columns: Sequence[tuple[str, str]],
    vectors: Mapping[str, VectorTrack],
    frame_ts: NDArray[np.int64],
    *,
    oldest: Mapping[str, int] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Carry channels onto the frame clock: for each frame the latest value at or before it.

    A value is not valid, and 0, where the channel is missing, not yet there, stale or not finite.
    It is stale when it is older than `oldest` says of its stream, in ns, or `max_age_ns`.
    """
    values = np.zeros((len(frame_ts), len(columns)), dtype=np.float32)
    valid = np.zeros((len(frame_ts), len(columns)), dtype=np.bool_)
    for column, (stream, channel) in enumerate(columns):
        track = vectors.get(stream)
        if track is None or channel not in track.channels or not len(track.ts_ns):
            continue
        age_ns = oldest[stream] if oldest else max_age_ns(track.ts_ns, frame_ts)
        index, fresh = as_of(track.ts_ns, frame_ts, age_ns)
        taken = track.values[np.maximum(index, 0), track.channels.index(channel)]
        with np.errstate(over="ignore"):
            taken = taken.astype(np.float32)
        valid[:, column] = np.asarray(fresh, dtype=np.bool_) & np.isfinite(taken)
        values[:, column] = np.where(valid[:, column], taken, np.float32(0))
    return values, valid


def max_age_ns(ts_ns: NDArray[np.int64], frame_ts: NDArray[np.int64]) -> int:
    """Return how old a value of a stream may be: some of its periods, and at least one frame's."""
    period = int(np.median(np.diff(ts_ns[:SOME]))) if len(ts_ns) > 1 else SECOND_NS
    frame = int(np.median(np.diff(frame_ts[:SOME]))) if len(frame_ts) > 1 else 0
    return max(STALE_PERIODS * period, frame)


def _matching(
    channels: Sequence[tuple[str, str]], patterns: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    return tuple(
        (stream, channel)
        for stream, channel in sorted(set(channels))
        if any(
            fnmatchcase(name, pattern)
            for pattern in patterns
            for name in (f"{stream}.{channel}", channel)
        )
    )
