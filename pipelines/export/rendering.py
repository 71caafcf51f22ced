"""Render the cleared clips of one source into one fragment: the work of an export's workers.

In: a small job of ids, times and settings. Out: the written fragment, which nobody sees until the
driver commits it, and the clips that could not be rendered, each with its code. Memory is bounded
by one episode's numbers and one clip's pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipelines.errors import ExportError
from pipelines.export.channels import Columns, VectorTrack, frame_clock, resample
from pipelines.film import Coding, VideoTrack
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.reading import range_reader
from pipelines.lake.schemas import blob_column, set_schema
from pipelines.lake.streams import StreamRows, each_episode
from pipelines.lake.writing import Written, write_fragments
from pipelines.render import RenderSpec, render_windows
from training.loader import digest_row

RENDERER = 1  # raise it with every change of code that gives other rows for the same inputs
ONE_FRAGMENT = 10**6  # rows: a source is one shard
BATCH_ROWS, BATCH_BYTES = 256, 8 << 20
_NO_PICTURES: Mapping[str, Any] = {
    "media": None,
    "media_sha256": None,
    **{name: [] for name in ("unit_offset", "unit_size", "unit_key", "gop_sha256")},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One cleared clip and the split it belongs to."""

    clip_id: str
    start_ns: int
    end_ns: int
    split: str
    notice_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeJob:
    """The cleared clips of one episode; `cameras` says how each camera is coded."""

    episode_id: str
    cameras: Mapping[str, Coding]
    windows: tuple[Window, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderJob:
    """What a worker renders: one source of a training set."""

    source_id: str
    lake: str
    data_uri: str
    columns: Columns
    spec: RenderSpec
    episodes: tuple[EpisodeJob, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A cleared clip of which pictures could not be rendered: of some cameras, or of them all."""

    clip_id: str
    cameras: tuple[str, ...]
    codes: tuple[str, ...]
    in_part: bool  # the rows of other cameras are there
    why: str = field(compare=False)

    @property
    def reason(self) -> str:
        """The codes in words, by which clips are counted."""
        return f"{', '.join(self.codes)}{' of some cameras' if self.in_part else ''}"


def read_left_out(selection: Mapping[str, Any]) -> tuple[LeftOut, ...]:
    """The clips that a `selection.json` says were left out; once it held an entry a camera."""
    return tuple(
        LeftOut(
            clip_id=one["clip_id"],
            cameras=tuple(one["cameras"] if "cameras" in one else [one["camera"]]),
            codes=tuple(one["codes"] if "codes" in one else [one["code"]]),
            in_part=one.get("in_part", False),
            why=one["why"],
        )
        for one in selection["left_out"]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One source's fragment and what is missing from it; `reused` from the version before."""

    source_id: str
    written: Written
    left_out: tuple[LeftOut, ...] = field(default=())
    reused: bool = False


def render_source(job: RenderJob) -> Rendered:
    """Render the clips of `job` and write them as one uncommitted fragment."""
    left_out: list[LeftOut] = []
    batches = map(_batch, _gathered(_rows_of(job, left_out)))
    written = write_fragments(job.data_uri, set_schema(), batches, max_rows=ONE_FRAGMENT)
    return Rendered(source_id=job.source_id, written=written, left_out=tuple(left_out))


def _rows_of(job: RenderJob, left_out: list[LeftOut]) -> Iterator[dict[str, Any]]:
    uri = dataset_uri(job.lake, job.source_id, "streams")
    names = [one.episode_id for one in job.episodes]
    for episode, (_, found) in zip(job.episodes, each_episode(uri, names), strict=True):
        streams = {one.stream: one for one in found}
        yield from _rows(job, episode, streams=streams, left_out=left_out)


def _rows(
    job: RenderJob,
    episode: EpisodeJob,
    *,
    streams: Mapping[str, StreamRows],
    left_out: list[LeftOut],
) -> Iterator[dict[str, Any]]:
    vectors = {name: _vectors(one) for name, one in streams.items() if one.kind == "vector"}
    videos = [
        _video(streams[camera], episode.cameras[camera]) for camera in sorted(episode.cameras)
    ]
    clocks = {
        one.clip_id: frame_clock(one.start_ns, one.end_ns, job.spec.fps) for one in episode.windows
    }
    films = {
        video.name: _pictures(job, video, [
            clocks[one.clip_id] for one in episode.windows if _shows(video, one)
        ])
        for video in videos
    }  # fmt: skip
    for window in episode.windows:
        frame_ts = clocks[window.clip_id]
        common = _numbers(job, episode, window=window, frame_ts=frame_ts, vectors=vectors)
        cameras = [one.name for one in videos if _shows(one, window)]
        failed: dict[str, ExportError] = {}
        for camera in cameras or [""]:
            media = next(films[camera]) if camera else _NO_PICTURES
            if isinstance(media, ExportError):
                failed[camera] = media
                continue
            size = (job.spec.width, job.spec.height) if camera else (0, 0)
            row = common | {**media} | {"camera": camera, "width": size[0], "height": size[1]}
            yield row | {"sha256": digest_row(row)}
        if failed:
            left_out.append(_left_out(window, failed, in_part=len(failed) < len(cameras)))


def _left_out(window: Window, failed: Mapping[str, ExportError], *, in_part: bool) -> LeftOut:
    return LeftOut(
        clip_id=window.clip_id,
        cameras=tuple(failed),
        codes=tuple(sorted({one.code for one in failed.values()})),
        in_part=in_part,
        why="; ".join(str(one) for one in failed.values()),
    )


def _shows(video: VideoTrack, window: Window) -> bool:
    """Whether a picture of this camera falls into the window: an old one would be a still."""
    first, last = np.searchsorted(video.ts_ns, [window.start_ns, window.end_ns])
    return bool(last > first)


def _numbers(
    job: RenderJob,
    episode: EpisodeJob,
    *,
    window: Window,
    frame_ts: NDArray[np.int64],
    vectors: Mapping[str, VectorTrack],
) -> dict[str, Any]:
    action, action_valid = resample(job.columns.action, vectors, frame_ts)
    state, state_valid = resample(job.columns.state, vectors, frame_ts)
    return {
        "clip_id": window.clip_id,
        "source_id": job.source_id,
        "episode_id": episode.episode_id,
        "split": window.split,
        "start_ns": window.start_ns,
        "num_frames": len(frame_ts),
        "fps": float(job.spec.fps),
        "frame_ts_ns": frame_ts,
        "action": action.ravel(),
        "action_width": action.shape[1],
        "state": state.ravel(),
        "state_width": state.shape[1],
        "valid": np.concatenate([action_valid, state_valid], axis=1).ravel(),
        "notice_id": window.notice_id,
    }


def _pictures(
    job: RenderJob, video: VideoTrack, clocks: Sequence[NDArray[np.int64]]
) -> Iterator[Mapping[str, Any] | ExportError]:
    read = range_reader(dataset_uri(job.lake, job.source_id, "media"))
    return render_windows(video, clocks, spec=job.spec, read=read)


def _vectors(stream: StreamRows) -> VectorTrack:
    return VectorTrack(
        name=stream.stream, channels=stream.channels, ts_ns=stream.ts_ns, values=stream.values
    )


def _video(stream: StreamRows, coding: Coding) -> VideoTrack:
    return VideoTrack(
        name=stream.stream,
        file_id=stream.file_id,
        coding=coding,
        extradata=stream.extradata,
        ts_ns=stream.ts_ns,
        offset=stream.unit_offset,
        size=stream.unit_size.astype(np.int64),
        key=stream.unit_key,
        pts_ns=stream.unit_pts_ns,
    )


def _gathered(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows in groups of bounded size: Lance keeps some kB for each batch until it is done."""
    some: list[dict[str, Any]] = []
    size_bytes = 0
    for row in rows:
        some.append(row)
        size_bytes += len(row["media"] or b"")
        if len(some) == BATCH_ROWS or size_bytes >= BATCH_BYTES:
            yield some
            some, size_bytes = [], 0
    if some:
        yield some


def _batch(rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    schema = set_schema()
    columns = [
        blob_column([row["media"] for row in rows])
        if one.name == "media"
        else pa.array([row[one.name] for row in rows], type=one.type)
        for one in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)
