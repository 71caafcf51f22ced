"""What a worker does: measure the clips of some episodes; nothing is decoded.

In: where figures and streams lie, and for each episode its clips and what of it acts. Out: one row
of measures a clip. Times of all streams are read; values only of those that act or move, and of a
long episode a stretch at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.assess.actions import acting_of, action_measures, whole_of
from pipelines.assess.alignment import alignment_measures
from pipelines.assess.numbers import OnClock, Recorded, together
from pipelines.assess.pictures import Measures, Span, picture_measures
from pipelines.assess.positions import jerk
from pipelines.clip_rules import Session
from pipelines.dotted import MISSING, document, value_at
from pipelines.lake.checks import quoted
from pipelines.lake.reading import scan_columns
from pipelines.lake.streams import StreamRows, Times, read_times
from pipelines.look.reading import Seen, read_seen
from pipelines.measures import NAMES
from pipelines.ondisk import let_go
from pipelines.records import Int64s

Pairs = tuple[tuple[str, str], ...]
AT_ONCE = 1_024  # rows of measures that are laid down together
MEASURED = pa.schema(
    [("clip_id", pa.string()), ("session", pa.string()), *((name, pa.float64()) for name in NAMES)]
)


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
    """Where figures and streams lie, where files may lie meanwhile, and how sessions are named."""

    frames: str
    streams: str
    scratch: Path
    session: Session | None = None


def measure_episodes(place: Place, tasks: Sequence[Task]) -> pa.Table:
    """Return measures and session of each clip of some episodes: rows of MEASURED."""
    rows = _rows(place, tasks)
    some: list[pa.RecordBatch] = []
    while block := list(islice(rows, AT_ONCE)):
        some.append(pa.RecordBatch.from_pylist(block, schema=MEASURED))
    return pa.Table.from_batches(some, schema=MEASURED)


def _rows(place: Place, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
    ids = [task.episode_id for task in tasks]
    seen = read_seen(place.frames, ids)
    times = read_times(place.streams, ids, scratch=place.scratch)
    sessions = _sessions(place, ids)
    for task in tasks:
        streams = times.get(task.episode_id, ())
        pictures = seen.get((task.episode_id, task.camera))
        session = task.session or sessions.get(task.episode_id)
        for clip_id, measures in _measured(place, task, streams, pictures=pictures):
            yield {"clip_id": clip_id, "session": session, **measures}


def _measured(
    place: Place, task: Task, streams: Sequence[Times], *, pictures: Seen | None
) -> Iterator[tuple[str, Measures]]:
    frames_ns = next((one.ts_ns for one in streams if one.stream == task.camera), _NO_TIMES)
    others = [one.ts_ns for one in streams if one.kind == "vector" and len(one.ts_ns)]
    recorded = _recorded(place, task, streams)
    acts = _acts(task, recorded, frames_ns if pictures is None else pictures.ts_ns)
    steps = pictures.figures["step"].astype(np.float64) if pictures and len(frames_ns) else None
    whole = None if acts is None else whole_of(acts, steps)
    clock = recorded.densest if acts is None else acts.clock
    for clips, low, high in together(task.clips, clock, recorded.step(clock)):
        recorded.within(clips[0][1] - (acts.age_ns if acts else 0), clips[-1][2])
        acting = acting_of(acts, whole, (low, high)) if acts and whole else None
        inside = None if steps is None else steps[low:high]
        for clip_id, start_ns, end_ns in clips:
            span = (start_ns, end_ns)
            measures = alignment_measures(frames_ns, others, span)
            if pictures is not None:
                measures |= picture_measures(pictures, span)
            if acting is not None:
                measures |= action_measures(acting, span, steps=inside)
            measures["jerk"] = _jerk(task, recorded.within(*span), span)
            measures["duplicate"] = _copied_share(task.copied, span)
            yield clip_id, measures
            for one in streams:
                let_go(one.ts_ns)


def _recorded(place: Place, task: Task, streams: Sequence[Times]) -> Recorded:
    """The values of the streams that act or move."""
    wanted = {stream for stream, _ in (*task.actions, *task.positions)}
    own = {one.stream: one.ts_ns for one in streams if one.stream in wanted and len(one.ts_ns)}
    return Recorded(uri=place.streams, episode_id=task.episode_id, times=own)


def _acts(task: Task, recorded: Recorded, frames_ns: Int64s) -> OnClock | None:
    """Actions on the clock of the pictures; without any, on that of their densest stream."""
    names = {stream for stream, _ in task.actions} & recorded.times.keys()
    if not names:
        return None
    clock = frames_ns if len(frames_ns) else max((recorded.times[one] for one in names), key=len)
    return OnClock(recorded=recorded, channels=task.actions, clock=clock)


def _jerk(task: Task, rows_of: Mapping[str, StreamRows], span: Span) -> float | None:
    found = []
    for stream in {name for name, _ in task.positions} & rows_of.keys():
        rows = rows_of[stream]
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
