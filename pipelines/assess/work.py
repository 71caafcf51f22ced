"""What a worker does: measure the clips of some episodes; nothing is decoded.

In: where figures and streams lie, and for each episode its clips and what of it acts. Out: one row
of measures a clip. Times of all streams are read, values only of those that act or move.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.assess.actions import Acting, acting_of, action_measures
from pipelines.assess.alignment import alignment_measures
from pipelines.assess.pictures import Measures, Span, picture_measures
from pipelines.assess.positions import jerk
from pipelines.clip_rules import Session
from pipelines.dotted import MISSING, document, value_at
from pipelines.export.channels import VectorTrack, resample
from pipelines.lake.checks import quoted
from pipelines.lake.reading import scan_columns
from pipelines.lake.streams import NUMBERS, StreamRows, read_episodes
from pipelines.look.reading import Seen, read_seen

Pairs = tuple[tuple[str, str], ...]
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """An episode to be measured: its clips (id, start, end) and what of it is what."""

    episode_id: str
    camera: str  # the first stream of pictures, "" without one
    clips: tuple[tuple[str, int, int], ...]
    actions: Pairs  # (stream, channel)
    positions: Pairs
    copied: tuple[tuple[int, int], ...]  # spans that an earlier episode shows too
    session: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where figures and streams lie, and how sessions are named."""

    frames: str
    streams: str
    session: Session | None = None


def measure_episodes(place: Place, tasks: Sequence[Task]) -> dict[str, Row]:
    """Return measures and session of each clip of some episodes."""
    ids = [task.episode_id for task in tasks]
    seen = read_seen(place.frames, ids)
    rows = read_episodes(place.streams, ids, columns=("ts_ns",))
    sessions = _sessions(place, ids)
    found: dict[str, Row] = {}
    for task in tasks:
        streams = rows.get(task.episode_id, ())
        numbers = _numbers(place.streams, task)
        pictures = seen.get((task.episode_id, task.camera))
        session = task.session or sessions.get(task.episode_id)
        for clip_id, measures in _measured(task, streams, pictures, numbers=numbers):
            found[clip_id] = {**measures, "session": session}
    return found


def _measured(
    task: Task,
    streams: Sequence[StreamRows],
    pictures: Seen | None,
    *,
    numbers: Mapping[str, StreamRows],
) -> Iterator[tuple[str, Measures]]:
    frames_ns = next((one.ts_ns for one in streams if one.stream == task.camera), _NO_TIMES)
    others = [one.ts_ns for one in streams if one.kind == "vector" and len(one.ts_ns)]
    steps = None if pictures is None else pictures.figures["step"].astype(np.float64)
    clock = frames_ns if pictures is None else pictures.ts_ns
    acting = _acting(task, numbers, clock, steps=steps)
    for clip_id, start_ns, end_ns in task.clips:
        span = (start_ns, end_ns)
        measures = alignment_measures(frames_ns, others, span)
        if pictures is not None:
            measures |= picture_measures(pictures, span)
        if acting is not None:
            measures |= action_measures(acting, span, steps=steps)
        measures["jerk"] = _jerk(task, numbers, span)
        measures["duplicate"] = _copied_share(task.copied, span)
        yield clip_id, measures


def _acting(
    task: Task,
    numbers: Mapping[str, StreamRows],
    clock: npt.NDArray[np.int64],
    *,
    steps: npt.NDArray[np.float64] | None,
) -> Acting | None:
    tracks = {
        name: VectorTrack(name=name, channels=one.channels, ts_ns=one.ts_ns, values=one.values)
        for name, one in numbers.items()
    }
    own = [one for stream, one in tracks.items() if stream in {name for name, _ in task.actions}]
    if not own:
        return None
    times = clock if len(clock) else max((one.ts_ns for one in own), key=len)
    values, valid = resample(task.actions, tracks, times)
    return acting_of(times, values.astype(np.float64), valid, steps=steps)


def _jerk(task: Task, numbers: Mapping[str, StreamRows], span: Span) -> float | None:
    found = []
    for stream in {name for name, _ in task.positions} & numbers.keys():
        rows = numbers[stream]
        columns = [rows.channels.index(channel) for name, channel in task.positions
                   if name == stream and channel in rows.channels]  # fmt: skip
        found.append(jerk(rows.ts_ns, rows.values[:, columns], span))
    return max((one for one in found if one is not None), default=None)


def _copied_share(copied: Sequence[Span], span: Span) -> float:
    total, at = 0, span[0]
    for low, high in sorted(copied):
        low, high = max(low, at), min(high, span[1])
        if high > low:
            total, at = total + high - low, high
    return total / max(1, span[1] - span[0])


def _numbers(uri: str, task: Task) -> dict[str, StreamRows]:
    """Read the values of the streams that act or move."""
    names = sorted({stream for stream, _ in (*task.actions, *task.positions)})
    if not names:
        return {}
    found = read_episodes(uri, [task.episode_id], names, columns=("ts_ns", *NUMBERS))
    return {one.stream: one for one in found.get(task.episode_id, ()) if len(one.ts_ns)}


def _sessions(place: Place, episode_ids: Sequence[str]) -> dict[str, str]:
    """Return what the first document that has the session's field says, by episode."""
    if place.session is None or place.session.kind != "field":
        return {}
    where = f"chunk_no = 0 AND episode_id IN ({', '.join(map(quoted, episode_ids))})"
    found: dict[str, str] = {}
    columns = ["episode_id", "stream", "events"]
    for row in scan_columns(place.streams, columns, where=where).to_pylist():
        for text in row["events"] or ():
            path = place.session.what.removeprefix(f"{row['stream']}.")
            here = value_at(document(text), path)
            if here is not MISSING and row["episode_id"] not in found:
                found[row["episode_id"]] = place.session.named(str(here))
                break
    return found


_NO_TIMES = np.zeros(0, np.int64)
