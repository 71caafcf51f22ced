"""Reader `events`: a log of rows (JSON, CSV, Parquet, Arrow), alone or beside a video.

The numbers that the config calls actions become the stream `action`, those it calls state `state`,
and every row as it was found stands in `events`. Beside a video the rows stand on its pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from pipelines.ondisk import Numbers, Ordered, Texts
from pipelines.readers.columnar import is_arrow_stream
from pipelines.readers.formats import Glance, Reader
from pipelines.readers.in_time import in_order, order_of
from pipelines.readers.on_pictures import picture_times
from pipelines.readers.picture import Picture, read_picture
from pipelines.readers.reading import Config, Counted, Job, ReadResult, Refused, duration
from pipelines.readers.rows import Channels, channels_of, split_roles
from pipelines.readers.sniff import glance, sniff
from pipelines.readers.tables import Rows, load_rows
from pipelines.readers.timing import RowTimes, Timed, own_times
from pipelines.records import Clock, Floats, Found, Int64s, Stream


def read(job: Job) -> Iterator[ReadResult]:
    """Read the log of the group, and the picture beside it if there is one."""
    log = log_of(job)
    seen = glance(job.path(log), log.path)
    rows = rows_of(job, log, _sniff(seen) or sniff(seen).name)
    picture = beside(job)
    timed = timed_rows(job, log, rows, picture=picture)
    streams = row_streams(rows, timed, log, config=job.config)
    gaps = [
        (int(timed.ts_ns[at - 1]), int(timed.ts_ns[at]))
        for at in rows.breaks
        if 0 < at < len(timed.ts_ns) and timed.ts_ns[at - 1] < timed.ts_ns[at]
    ]
    yield together(job, log, streams, picture=picture, notes=rows.notes, gaps=gaps)


def timed_rows(job: Job, log: Found, rows: Rows, *, picture: Picture | None) -> Timed:
    """Return when the rows happened; a refusal tells how much was read."""
    try:
        told = rows.gathered.times if rows.gathered else RowTimes.of(rows.docs, job.config)
        if picture is None:
            _refuse_crowd(job, log, told)
            return own_times(told, log.path, units=rows.units)
        return picture_times(rows.docs, picture.frames_ns, told, name=log.path, units=rows.units)
    except Refused as error:
        error.partial[log.path] = Counted(num_messages=len(rows.docs))
        if picture is not None:
            frames = Counted(num_frames=len(picture.frames_ns))
            error.partial[job.group.picture] = frames
        raise


def _refuse_crowd(job: Job, log: Found, told: RowTimes) -> None:
    """Refuse rows without time beside several films, or several logs beside a film."""
    if job.group.same_name and not told.field:
        raise Refused(
            f"{log.path}: no row carries a time, and several files could be its picture or log",
            code="PARTS_DISAGREE",
            subject=log.path,
            way_out="leave one log and one film of each name in a folder, or name the time_field",
            evidence={"same_name": list(job.group.same_name)},
        )


def log_of(job: Job) -> Found:
    """Return the file of the group that is not its picture."""
    return next(each for each in job.group.files if each.path != job.group.picture)


def rows_of(job: Job, log: Found, kind: str) -> Rows:
    """Load the rows of a log; a source that accepts partial files gets those that read."""
    return load_rows(
        job.path(log),
        kind,
        log.path,
        scratch=job.scratch,
        config=job.config,
        partial=accepts_partial(job),
    )


def accepts_partial(job: Job) -> bool:
    """Say whether rows may be missing: never beside a picture, whose order they go by."""
    return bool(job.config.get("accept_partial")) and not job.group.picture


def beside(job: Job) -> Picture | None:
    """Read the picture of the group, if it has one."""
    for found in job.group.files:
        if found.path == job.group.picture:
            return read_picture(job, found)
    return None


def together(
    job: Job,
    log: Found,
    streams: Sequence[Stream],
    *,
    picture: Picture | None,
    notes: Sequence[str] = (),
    gaps: Sequence[tuple[int, int]] = (),
) -> ReadResult:
    """Return the episode of a log's streams and the picture beside it."""
    counted = Counted(
        num_messages=max(stream.num_messages for stream in streams),
        duration_ns=duration(streams),
        streams=tuple(stream.doc() for stream in streams),
    )
    facts = job.facts(log, counted)
    if picture is None:
        episode = job.episode(streams, notes=notes, gaps=gaps)
        return ReadResult(episodes=(episode,), files=(facts,))
    episode = job.episode(
        [*picture.streams, *streams],
        notes=(*picture.notes, *notes),
        gaps=sorted({*picture.gaps, *gaps}),
    )
    return ReadResult(episodes=(episode,), tracks=picture.tracks, files=(facts, picture.facts))


def row_streams(rows: Rows, timed: Timed, log: Found, *, config: Config) -> list[Stream]:
    """Return the streams `action`, `state` and `events` of a log, in order of time."""
    ts_ns, texts = timed.ts_ns, rows.texts
    order = order_of(ts_ns, rows.scratch)
    if order is not None:
        ts_ns, texts = in_order(ts_ns, order, rows.scratch), Ordered(texts, order)
    events = Stream(
        name="events",
        kind="event",
        clock=timed.clock,
        ts_ns=ts_ns,
        file_id=log.sha256,
        events=texts if isinstance(rows.texts, Texts) else tuple(texts),
        num_messages=len(ts_ns),
    )
    names, values_of = _numbers(rows, timed.fields, order)
    action, state = split_roles(names, config)
    told = replace(events, kind="vector", events=None)
    vectors = [
        replace(told, name=name, channels=tuple(own), values=values_of(own))
        for name, own in (("action", action), ("state", state))
        if own
    ]
    return [*vectors, events]


def _numbers(
    rows: Rows, without: Sequence[str], order: Int64s | None
) -> tuple[Sequence[str], Callable[[Sequence[str]], Floats | Numbers]]:
    """Return the channels of the rows, and what gives the numbers of some of them in `order`."""
    told = rows.gathered
    if told:
        return told.names(without), lambda own: told.numbers(own, order)
    channels = channels_of(rows.docs, without)
    every = slice(None) if order is None else order
    return channels.names, lambda own: np.ascontiguousarray(channels.only(own).values[every])


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


def _sniff(seen: Glance) -> str:
    """Tell a stream of Arrow batches: it begins with a mark that says "new" and a length."""
    marked = seen.head.startswith(b"\xff\xff\xff\xff")
    return "arrow" if marked and is_arrow_stream(seen.path) else ""


READER = Reader(
    read=read, kinds=("jsonl", "json", "csv", "parquet", "arrow"), sniff=_sniff, has_video=True
)
