"""The station that measures clips: values beside each clip, no thresholds, nothing thrown away.

In: the clips of a source that have no measures yet. Out: columns of `clips.lance`: how much moves,
what share stands still or repeats, how sharp and how black the pictures are, how old the latest
row of the other streams is at each picture, and what share of the clip has pictures at all.
Pictures are decoded from the lake by byte ranges, from the key packet before the clip, at 160x90.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from catalog.clips import episodes_of
from catalog.engine import open_catalog, reading, source_lock
from catalog.sources import source as source_of
from pipelines.clocks import ages
from pipelines.lake.datasets import dataset_uri, has_dataset, version_of
from pipelines.lake.measures import merge_columns
from pipelines.lake.reading import StreamRows, read_ranges, read_streams, scan_columns
from pipelines.readers.decode import Coding, Small, small_frames
from pipelines.records import MEASURES
from pipelines.settings import Settings
from pipelines.workers import fan_out
from pipelines.workers import session as ray_session

Measures = dict[str, float | None]
UNITS_AT_ONCE = 128
STILL = 0.5  # mean difference of luma, of 255: less is noise of the encoder
BLACK = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """The clips of one episode, and where its bytes and streams lie."""

    media: str
    streams: str
    episode_id: str
    codings: Mapping[str, Coding]  # by name of the stream, in the order of the episode
    clips: tuple[tuple[str, int, int], ...]  # id, start, end


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """What assessing one source gave."""

    source_id: str
    num_clips: int
    num_measured: int
    num_failed: int
    failures: tuple[str, ...]
    version: int

    def summary(self) -> str:
        """Say it in one line."""
        failed = f", {self.num_failed} failed" if self.num_failed else ""
        return f"{self.source_id}: {self.num_measured} of {self.num_clips} clips measured{failed}"

    def line(self) -> dict[str, Any]:
        """Return the counts for a report."""
        return {
            "source": self.source_id,
            "clips": self.num_clips,
            "measured": self.num_measured,
            "failed": self.num_failed,
        }


def assess(
    source_id: str,
    settings: Settings,
    *,
    at_once: int,
    run_id: str,  # noqa: ARG001  stations share one shape; measures carry no run
    now: datetime,  # noqa: ARG001
    progress: Callable[[str, int, int], None] | None = None,
) -> Assessed:
    """Measure the clips of a source that have no measures yet."""
    engine = open_catalog(settings.catalog_url)
    with reading(engine) as session:
        source_id = source_of(session, source_id).source_id
        coded = {one.episode_id: _codings(one.streams) for one in episodes_of(session, source_id)}
    uri = dataset_uri(settings.lake, source_id, "clips")
    clips, todo = _todo(uri)
    items = _items(settings.lake, source_id, todo, coded=coded)
    rows: dict[str, Measures] = {}
    failures: list[str] = []
    with ray_session(settings, at_once=at_once if items else 0):
        for done, outcome in enumerate(fan_out(measure_episode, items, at_once=at_once), start=1):
            if outcome.value is None:
                failures.append(f"{outcome.item.episode_id}: {outcome.error}")
            else:
                rows |= outcome.value
            if progress is not None:
                progress(f"assess {source_id}", done, len(items))
    if rows:
        with source_lock(engine, source_id, settings.locks_dir):
            merge_columns(uri, "clip_id", _table(rows))
    return Assessed(
        source_id=source_id,
        num_clips=clips,
        num_measured=len(rows),
        num_failed=len(todo) - len(rows),
        failures=tuple(sorted(failures)),
        version=version_of(uri) if clips else 0,
    )


def measure_episode(work: Work) -> dict[str, Measures]:
    """Measure the clips of one episode, decoding no picture twice; runs in a worker."""
    streams = read_streams(work.streams, work.episode_id)
    pictures = next((one for one in streams if one.kind == "video" and len(one.unit_offset)), None)
    others = [one.ts_ns for one in streams if one.kind == "vector" and len(one.ts_ns)]
    if pictures is None:
        return {clip: _without_pictures(others, low, high) for clip, low, high in work.clips}
    tallies = {clip_id: Tally() for clip_id, _, _ in work.clips}
    shown = frozenset(pictures.ts_ns.tolist())
    for small in _decoded(work, pictures):
        # what an edit list hides was decoded and is no picture
        for clip_id in _clips_at(work.clips, small.ts_ns) if small.ts_ns in shown else ():
            tallies[clip_id].add(small.luma)
    rows = {}
    for clip_id, start_ns, end_ns in work.clips:
        inside = _inside(pictures.ts_ns, start_ns, end_ns)
        rows[clip_id] = tallies[clip_id].measures() | {
            "skew_p99_ms": skew_p99_ms(inside, others),
            "coverage": _coverage(inside, start_ns, end_ns),
        }
    return rows


@dataclass(slots=True)
class Tally:
    """Running sums over the pictures of one clip, in their order; holds one picture."""

    steps: list[float] = field(default_factory=list)
    sharp: list[float] = field(default_factory=list)
    dark: list[bool] = field(default_factory=list)
    before: npt.NDArray[np.int16] | None = None

    def add(self, luma: npt.NDArray[np.uint8]) -> None:
        """Take the next picture."""
        now = luma.astype(np.int16)
        if self.before is not None:
            self.steps.append(float(np.abs(now - self.before).mean()))
        self.sharp.append(_laplacian(now))
        self.dark.append(float(now.mean()) < BLACK)
        self.before = now

    def measures(self) -> Measures:
        """Return the measures; all of them null when no picture came."""
        if not self.sharp:
            return dict.fromkeys(MEASURES)
        steps = np.array(self.steps)
        return {
            "motion": float(steps.mean()) if len(steps) else 0.0,
            "still": float((steps < STILL).mean()) if len(steps) else 1.0,
            "frozen": float((steps == 0.0).mean()) if len(steps) else 0.0,
            "blur": float(np.mean(self.sharp)),
            "black": float(np.mean(self.dark)),
        }


def skew_p99_ms(
    frames_ns: npt.NDArray[np.int64], others: Sequence[npt.NDArray[np.int64]]
) -> float | None:
    """Return the 99th percentile of the age of the latest row at each picture, worst stream."""
    old = [ages(ts_ns, frames_ns) for ts_ns in others]
    worst = [float(np.percentile(each, 99)) / 1e6 for each in old if len(each)]
    return max(worst, default=None)


def _laplacian(luma: npt.NDArray[np.int16]) -> float:
    """Return the variance of the Laplacian: small where nothing is sharp."""
    middle = 4 * luma[1:-1, 1:-1]
    edges = middle - luma[:-2, 1:-1] - luma[2:, 1:-1] - luma[1:-1, :-2] - luma[1:-1, 2:]
    return float(edges.var())


def _decoded(work: Work, stream: StreamRows) -> Iterator[Small]:
    """Decode what the clips show, each run of packets from the key packet before it."""
    coding = work.codings.get(stream.stream, Coding(codec=""))
    told = replace(coding, extradata=stream.extradata)
    for first, last in unit_runs(stream.unit_pts_ns, stream.unit_key, work.clips):
        yield from small_frames(told, _units(work.media, stream, range(first, last)))


def unit_runs(
    pts_ns: npt.NDArray[np.int64],
    keys: npt.NDArray[np.bool_],
    clips: Sequence[tuple[str, int, int]],
) -> Iterator[tuple[int, int]]:
    """Yield the ranges of packets that decode to the pictures of `clips`, none twice."""
    at = np.flatnonzero(keys)
    needed = np.zeros(len(pts_ns), np.bool_)
    for _, start_ns, end_ns in clips:
        shows = np.flatnonzero((pts_ns >= start_ns) & (pts_ns < end_ns))
        if len(shows):
            earlier = at[pts_ns[at] <= pts_ns[shows].min()]
            needed[int(earlier.max()) if len(earlier) else 0 : int(shows[-1]) + 1] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[0], needed.astype(np.int8), [0]])))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        yield int(first), int(last)


def _units(media: str, stream: StreamRows, units: range) -> Iterator[tuple[int, bytes]]:
    """Read packets by ranges, some at a time: a long run never lies in memory as a whole."""
    for low in range(units.start, units.stop, UNITS_AT_ONCE):
        some = range(low, min(low + UNITS_AT_ONCE, units.stop))
        places = [
            (stream.file_id, int(stream.unit_offset[n]), int(stream.unit_size[n])) for n in some
        ]
        times = (int(stream.unit_pts_ns[number]) for number in some)
        yield from zip(times, read_ranges(media, places), strict=True)


def _clips_at(clips: Sequence[tuple[str, int, int]], ts_ns: int) -> Iterator[str]:
    return (clip_id for clip_id, start_ns, end_ns in clips if start_ns <= ts_ns < end_ns)


def _inside(ts_ns: npt.NDArray[np.int64], start: int, end: int) -> npt.NDArray[np.int64]:
    low, high = np.searchsorted(ts_ns, [start, end], side="left")
    return ts_ns[low:high]


def _coverage(inside: npt.NDArray[np.int64], start_ns: int, end_ns: int) -> float:
    """Return the share of the clip that is not a hole between pictures of over three periods."""
    if not len(inside):
        return 0.0
    steps = np.diff(np.concatenate([inside, [end_ns]]))
    usual = float(np.median(steps))
    holes = float((steps[steps > 3 * usual] - usual).sum())
    return max(0.0, 1.0 - holes / max(1, end_ns - start_ns))


def _without_pictures(
    others: Sequence[npt.NDArray[np.int64]], start_ns: int, end_ns: int
) -> Measures:
    inside = [_inside(ts_ns, start_ns, end_ns) for ts_ns in others]
    longest = max(inside, key=len, default=np.zeros(0, np.int64))
    coverage = _coverage(longest, start_ns, end_ns)
    return dict.fromkeys(MEASURES) | {"coverage": coverage}


def _todo(uri: str) -> tuple[int, list[dict[str, Any]]]:
    """Return how many clips there are, and those that were never measured."""
    if not has_dataset(uri):
        return 0, []
    names = ["clip_id", "episode_id", "start_ns", "end_ns", "coverage"]
    rows = scan_columns(uri, names).to_pylist()
    return len(rows), [row for row in rows if row["coverage"] is None]


def _items(
    lake: str, source_id: str, todo: Sequence[dict[str, Any]], *, coded: Mapping[str, Any]
) -> list[Work]:
    by_episode: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for row in todo:
        by_episode[row["episode_id"]].append((row["clip_id"], row["start_ns"], row["end_ns"]))
    work = partial(
        Work,
        media=dataset_uri(lake, source_id, "media"),
        streams=dataset_uri(lake, source_id, "streams"),
    )
    return [
        work(episode_id=episode, codings=coded.get(episode, {}), clips=tuple(sorted(clips)))
        for episode, clips in sorted(by_episode.items())
    ]


def _codings(streams: Iterable[Mapping[str, Any]]) -> dict[str, Coding]:
    return {
        str(one["name"]): Coding(
            codec=str(one["codec"]),
            width=int(one["width"]),
            height=int(one["height"]),
            pixels=str(one.get("pixels", "")),
        )
        for one in streams
        if one["kind"] == "video"
    }


def _table(rows: Mapping[str, Measures]) -> pa.Table:
    keys = sorted(rows)
    columns: dict[str, pa.Array] = {"clip_id": pa.array(keys, pa.string())}
    for name in MEASURES:
        columns[name] = pa.array([rows[key].get(name) for key in keys], pa.float64())
    return pa.table(columns)
