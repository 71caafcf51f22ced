"""Reader `ardupilot`: a DataFlash log of ArduPilot, one stream a type of message and instance.

Times are microseconds since boot, as each message has them. A type with words in it gives events;
a type of numbers gives channels, scaled as its letters say. Telemetry logs (`.tlog`) and logs that
were turned into text are recognised and not read.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from pipelines.clocks import skew_figures
from pipelines.readers.dataflash import (
    DESCRIBING,
    NUMBERS,
    START,
    TEXTS,
    MessageType,
    Walk,
    rows_of,
    text,
    walk_messages,
)
from pipelines.readers.formats import Glance, Reader
from pipelines.readers.reading import (
    Counted,
    Job,
    ReadResult,
    Refused,
    duration,
    refuse_long_flight,
)
from pipelines.records import Clock, Int64s, Stream

TIMES: Final = {"TimeUS": 1_000, "TimeMS": 1_000_000}  # ns
EXACT: Final = 1 << 53
TELEMETRY: Final = (0xFD, 0xFE)  # MAVLink 2 and 1, behind a time
YEARS_US: Final = (10**15, 4 * 10**15)  # 2001 to 2096


def read(job: Job) -> Iterator[ReadResult]:
    """Read the only file of the group."""
    (found,) = job.group.files
    with (
        job.path(found).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        walk = walk_messages(data)
        streams = [
            stream
            for number in sorted(walk.places, key=lambda one: (walk.types[one].name, one))
            for stream in _streams(walk, number, data, file_id=found.sha256)
        ]
    told = Counted(
        num_messages=sum(one.num_messages for one in streams),
        duration_ns=duration(streams),
        streams=tuple(one.doc() for one in streams),
    )
    if (walk.lost or walk.cut_at >= 0) and not job.config.get("accept_partial"):
        raise Refused(
            f"{found.path}: {walk.num_messages} messages read, "
            + ("bytes between them that are none" if walk.lost else "then it ends inside one"),
            code="CORRUPT" if walk.lost else "TRUNCATED",
            subject=found.path,
            way_out="set accept_partial in the source's config to keep what reads",
            evidence={"lost": walk.num_lost, "places": walk.lost[:5], "cut_at": walk.cut_at},
            partial={found.path: told},
        )
    refuse_long_flight(found.path, streams, told)
    if not streams:
        raise Refused(
            f"{found.path}: no message of any type that has a time",
            code="NO_CONTENT",
            subject=found.path,
        )
    notes = [f"partial: {walk.num_lost} places lost"] if walk.lost else []
    notes += [f"partial: ends inside a message at byte {walk.cut_at}"] if walk.cut_at >= 0 else []
    notes += [f"not read: {name}, it has no time" for name in _timeless(walk)]
    yield ReadResult(episodes=(job.episode(streams, notes=notes),), files=(job.facts(found, told),))


def _streams(walk: Walk, number: int, data: mmap.mmap, *, file_id: str) -> Iterator[Stream]:
    """The streams of one type: one, or one an instance."""
    kind = walk.types[number]
    if kind.name in DESCRIBING or not _time_of(kind):
        return
    rows = rows_of(walk, number, data)
    told_apart = walk.instance_of.get(number, "")
    if told_apart not in kind.letters or kind.letters[told_apart] in TEXTS:
        yield _stream(kind.name, kind, rows, file_id=file_id)
        return
    for instance in np.unique(rows[told_apart]):
        name = kind.name if instance == 0 else f"{kind.name}.{instance}"
        yield _stream(name, kind, rows[rows[told_apart] == instance], file_id=file_id)


def _stream(name: str, kind: MessageType, rows: npt.NDArray[np.void], *, file_id: str) -> Stream:
    time = _time_of(kind)
    found: Int64s = rows[time].astype(np.int64) * TIMES[time]
    order = np.argsort(found, kind="stable")
    clock = Clock(
        kind="stamp",
        epoch="boot",
        resolution_ns=TIMES[time],
        how=f"{time} of each message, since boot",
        skew=skew_figures(found),
    )
    fields = [key for key in kind.letters if key != time]
    shared: dict[str, Any] = {
        "name": name, "clock": clock, "ts_ns": found[order], "file_id": file_id,
        "num_messages": len(rows),
    }  # fmt: skip
    if not fields or any(_is_exact(kind, key, rows) for key in fields):
        return Stream(kind="event", events=_documents(kind, fields, rows[order]), **shared)
    values = np.column_stack([_values(kind, key, rows) for key in fields])
    return Stream(
        kind="vector",
        values=np.ascontiguousarray(values[order]),
        channels=tuple(channel for key in fields for channel in _channels(kind, key)),
        **shared,
    )


def _is_exact(kind: MessageType, key: str, rows: npt.NDArray[np.void]) -> bool:
    """Say whether a field holds words, or whole numbers that no float keeps."""
    letter = kind.letters[key]
    if letter in TEXTS:
        return True
    return letter in "qQ" and len(rows) > 0 and int(np.abs(rows[key].astype(object)).max()) >= EXACT


def _values(kind: MessageType, key: str, rows: npt.NDArray[np.void]) -> npt.NDArray[np.float64]:
    return rows[key].astype(np.float64) * NUMBERS[kind.letters[key]][1]


def _channels(kind: MessageType, key: str) -> list[str]:
    count = kind.layout[key].shape
    return [f"{key}.{at}" for at in range(count[0])] if count else [key]


def _documents(kind: MessageType, fields: list[str], rows: npt.NDArray[np.void]) -> tuple[str, ...]:
    """The fields of each message as one JSON text."""
    columns = {
        key: [text(bytes(one)) for one in rows[key]]
        if kind.letters[key] in TEXTS
        else rows[key].tolist()
        if NUMBERS[kind.letters[key]][1] == 1
        else _values(kind, key, rows).tolist()
        for key in fields
    }
    return tuple(
        json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False)
        for row in zip(*columns.values(), strict=True)
    ) or ("{}",) * len(rows)


def _time_of(kind: MessageType) -> str:
    return next((name for name in TIMES if kind.letters.get(name) in {"Q", "I"}), "")


def _timeless(walk: Walk) -> list[str]:
    kinds = (walk.types[number] for number in walk.places)
    return sorted(one.name for one in kinds if one.name not in DESCRIBING and not _time_of(one))


def _sniff(seen: Glance) -> str:
    head = seen.head
    if head.startswith(START):
        return "ardupilot"
    if head.lstrip().startswith(b"FMT, 128, 89, FMT,"):
        return "ArduPilot log as text"
    if len(head) > 8 and head[8] in TELEMETRY:
        time_us = int.from_bytes(head[:8], "big")
        return "MAVLink telemetry log" if YEARS_US[0] < time_us < YEARS_US[1] else ""
    return ""


READER = Reader(read=read, kinds=("ardupilot",), sniff=_sniff)
