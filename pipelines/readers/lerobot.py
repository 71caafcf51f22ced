"""Reader `lerobot`: LeRobot data sets 2.0, 2.1 and 3.0, read directly, an episode at a time.

`meta/info.json` names version, rate and the path of every file. In version 2 each episode has its
own Parquet and mp4 files; in version 3 episodes share them, and what shares a file is one group.
Time is `frame_index / fps`, checked against the stored float and against the pictures: an episode
whose video span holds another number of pictures than it has rows is `PARTS_DISAGREE`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from pipelines.readers.arrays import NS, array_stream, counted
from pipelines.readers.formats import Claim, Listing, Reader
from pipelines.readers.lerobot_index import DataSet, EpisodeRow, data_sets, load_set
from pipelines.readers.lerobot_video import Films, Span
from pipelines.readers.reading import FileFacts, Job, ReadResult, Refused
from pipelines.records import Clock, Int64s, Stream

TOLERANCE_S: Final = 0.01  # a float32 of seconds and a rounded rate may differ by this much
_INDEXES: Final = frozenset({"timestamp", "frame_index", "episode_index", "index", "task_index"})


def read(job: Job) -> Iterator[ReadResult]:
    """Yield the episodes of the group, in the order of their numbers."""
    paths = {found.path for found in job.group.files}
    dataset = load_set(job.root, job.group.companions, paths)
    _refuse_unnamed(paths, dataset)
    films, told = Films(job), set[str]()
    empty, used = set[str](), set[str]()
    for row in dataset.episodes:
        if paths.isdisjoint(row.files):
            continue
        if not row.length and row.data in paths and not dataset.rows_of(row).num_rows:
            empty.update(row.files)
            continue
        missing = sorted(set(row.files) - paths)
        if missing:
            raise Refused(
                f"episode {row.number} lacks {missing[0]}",
                code="PARTS_MISSING",
                subject=row.data,
                evidence={"missing": missing[:5]},
            )
        used.update(row.files)
        yield _episode(job, dataset, row, films=films, told=told)
    if lines := tuple(_without_rows(job, empty - used)):
        yield ReadResult(files=lines)


def _without_rows(job: Job, paths: set[str]) -> Iterator[FileFacts]:
    """A line for each file in which there is nothing but episodes without a row."""
    for found in job.group.files:
        if found.path in paths:
            why = f"{found.path}: its episode has no row"
            yield job.refused(found, Refused(why, code="NO_CONTENT", subject=found.path))


def _refuse_unnamed(paths: set[str], dataset: DataSet) -> None:
    unnamed = sorted(paths.difference(*(row.files for row in dataset.episodes)))
    if unnamed:
        raise Refused(
            f"{unnamed[0]} belongs to no episode of the index",
            code="PARTS_DISAGREE",
            subject=unnamed[0],
            evidence={"unnamed": unnamed[:5], "episodes": len(dataset.episodes)},
        )


def _episode(
    job: Job, dataset: DataSet, row: EpisodeRow, *, films: Films, told: set[str]
) -> ReadResult:
    by_path = {found.path: found for found in job.group.files}
    table = dataset.rows_of(row)
    times = _times(table, dataset, row)
    clock = Clock(
        kind="tick",
        epoch="start",
        resolution_ns=round(NS / dataset.fps),
        how=f"frame_index / {dataset.fps:g} of meta/info.json",
    )
    streams: list[Stream] = []
    notes = [f"task: {one}" for one in row.tasks]
    for name in (one for one in table.column_names if one not in _INDEXES):
        values = _column(table.column(name))
        stream = values is not None and array_stream(
            name, values, ts_ns=times, clock=clock, file_id=by_path[row.data].sha256
        )
        streams += [stream] if stream else []
        notes += [] if stream else [f"{name} is not read"]
    for camera, (path, start, stop) in sorted(row.videos.items()):
        span = Span(camera=camera, path=path, start_ns=start, stop_ns=stop)
        streams.append(films.stream(span, times, clock=clock))
    files = [by_path[path] for path in row.files]
    part = f"episode_{row.number:06d}" if dataset.shares_files else ""
    episode = job.episode(streams, part=part, files=files, notes=notes)
    return ReadResult(
        episodes=(episode,), files=tuple(_lines(job, row, streams, films=films, told=told))
    )


def _lines(
    job: Job, row: EpisodeRow, streams: list[Stream], *, films: Films, told: set[str]
) -> Iterator[FileFacts]:
    """A line for each file of the episode; what a shared film holds is counted once."""
    by_path = {found.path: found for found in job.group.files}
    cameras = {path: camera for camera, (path, _, _) in row.videos.items()}
    for path in row.files:
        if path in cameras:
            if path not in told:
                told.add(path)
                yield job.facts(by_path[path], films.counted(path, cameras[path]))
            continue
        own = [one for one in streams if one.kind != "video"]
        yield job.facts(by_path[path], counted(own, steps=row.length))


def _times(table: Any, dataset: DataSet, row: EpisodeRow) -> Int64s:  # noqa: ANN401  pyarrow has no types
    """The times of the rows; `frame_index` must count them, and the stored time must agree."""
    steps = np.arange(row.length, dtype=np.int64)
    if table.num_rows != row.length:
        raise _disagree(row, f"{table.num_rows} rows, expected {row.length}")
    names = set(table.column_names)
    if "frame_index" in names and not np.array_equal(table.column("frame_index").to_numpy(), steps):
        raise _disagree(row, "frame_index does not count its rows")
    if "episode_index" in names and set(table.column("episode_index").to_pylist()) - {row.number}:
        raise _disagree(row, "episode_index is another one")
    if "timestamp" in names:
        stored = table.column("timestamp").to_numpy().astype(np.float64)
        off = float(np.abs(stored - steps / dataset.fps).max()) if len(stored) else 0.0
        if off > TOLERANCE_S + 1e-6 * row.length / dataset.fps:
            raise _disagree(row, f"timestamp is {off:.3f} s off frame_index / fps")
    return (steps * NS / dataset.fps).round().astype(np.int64)


def _column(column: Any) -> np.ndarray[Any, Any] | None:  # noqa: ANN401  pyarrow has no types
    """A column as an array with one entry a row, None for what is no numbers and no words."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return np.array(column.to_pylist(), dtype=object)
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        rows = column.to_pylist()
        try:
            return np.array(rows)
        except ValueError:
            return None
    if pa.types.is_struct(kind) or pa.types.is_binary(kind):
        return None
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _disagree(row: EpisodeRow, why: str) -> Refused:
    return Refused(
        f"episode {row.number}: {why}",
        code="PARTS_DISAGREE",
        subject=row.data,
        evidence={"episode": row.number, "length": row.length},
    )


def _group(listing: Listing) -> Iterator[Claim]:
    """Claim what shares a file with each other; the index of the set goes with every claim."""
    for root in data_sets(listing):
        yield from root.claims()


READER = Reader(read=read, kinds=("lerobot",), group=_group)
