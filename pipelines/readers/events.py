"""Reader `events`: a log of rows (JSON lines, CSV, Parquet), alone or beside a video.

The numbers that the config calls actions become the stream `action`, those it calls state `state`,
and every row as it was found stands in `events`. Beside a video the rows stand on its pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from pipelines.readers.formats import Reader
from pipelines.readers.picture import Picture, read_picture
from pipelines.readers.reading import Counted, Job, ReadResult, duration
from pipelines.readers.rows import Channels, Rows, channels_of, load_rows, split_roles
from pipelines.readers.sniff import glance, sniff
from pipelines.readers.timing import Timed, own_times, picture_times
from pipelines.records import Clock, Floats, Found, Int64s, Stream


def read(job: Job) -> Iterator[ReadResult]:
    """Read the log of the group, and the picture beside it if there is one."""
    log = next(each for each in job.group.files if each.path != job.group.picture)
    rows = load_rows(job.path(log), sniff(glance(job.path(log), log.path)).name, log.path)
    picture = beside(job)
    if picture is None:
        timed = own_times(rows.docs, job.config, log.path)
    else:
        timed = picture_times(rows.docs, picture.frames_ns, job.config, name=log.path)
    yield together(job, log, row_streams(rows, timed, log, job=job), picture=picture)


def beside(job: Job) -> Picture | None:
    """Read the picture of the group, if it has one."""
    for found in job.group.files:
        if found.path == job.group.picture:
            return read_picture(job, found)
    return None


def together(
    job: Job, log: Found, streams: Sequence[Stream], *, picture: Picture | None
) -> ReadResult:
    """Return the episode of a log's streams and the picture beside it."""
    counted = Counted(
        num_messages=max(stream.num_messages for stream in streams),
        duration_ns=duration(streams),
        streams=tuple(stream.doc() for stream in streams),
    )
    facts = job.facts(log, counted)
    if picture is None:
        return ReadResult(episodes=(job.episode(streams),), files=(facts,))
    episode = job.episode([*picture.streams, *streams], notes=picture.notes, gaps=picture.gaps)
    return ReadResult(episodes=(episode,), tracks=picture.tracks, files=(facts, picture.facts))


def row_streams(rows: Rows, timed: Timed, log: Found, *, job: Job) -> list[Stream]:
    """Return the streams `action`, `state` and `events` of a log, in order of time."""
    order = np.argsort(timed.ts_ns, kind="stable")
    ts_ns = timed.ts_ns[order]
    channels = channels_of(rows.docs, without=timed.fields)
    action, state = split_roles(channels.names, job.config)
    streams = [
        vector(name, channels.only(names), ts_ns, order=order, clock=timed.clock, log=log)
        for name, names in (("action", action), ("state", state))
        if names
    ]
    events = Stream(
        name="events",
        kind="event",
        clock=timed.clock,
        ts_ns=ts_ns,
        file_id=log.sha256,
        events=tuple(rows.texts[index] for index in order),
        num_messages=len(ts_ns),
    )
    return [*streams, events]


def vector(
    name: str,
    channels: Channels,
    ts_ns: Int64s,
    *,
    order: Int64s,
    clock: Clock,
    log: Found,
) -> Stream:
    """Return a stream of numbers whose rows are put in `order`."""
    values: Floats = np.ascontiguousarray(channels.values[order])
    return Stream(
        name=name,
        kind="vector",
        clock=clock,
        ts_ns=ts_ns,
        file_id=log.sha256,
        values=values,
        channels=channels.names,
        num_messages=len(ts_ns),
    )


READER = Reader(read=read, kinds=("jsonl", "csv", "parquet"), has_video=True)
