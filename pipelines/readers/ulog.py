"""Reader `ulog`: a PX4 flight log, one stream a topic instance.

Times are microseconds since boot, written by the logger into every row. The file has no footer: its
messages are walked once by their lengths, so that a log that was cut, or holds bytes that are no
message, is found before anything is taken for whole.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from pipelines.clocks import skew_figures
from pipelines.readers.formats import Extra, Reader
from pipelines.readers.reading import (
    Counted,
    Job,
    ReadResult,
    Refused,
    duration,
    refuse_long_flight,
)
from pipelines.records import Clock, Int64s, Stream

US: Final = 1_000
HEAD: Final = 16
KNOWN: Final = frozenset(b"BFIMPQADRLCSO")
MOST_PROBLEMS: Final = (ValueError, KeyError, IndexError, TypeError, struct.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What the lengths of the messages say: data messages, and where the walk ended, if early."""

    num_data: int
    ended_at: int
    why: str


def read(job: Job) -> Iterator[ReadResult]:
    """Read the only file of the group."""
    (found,) = job.group.files
    path = job.path(found)
    walked = walk_messages(path)
    log = _parsed(path, found.path, walked)
    num_rows = sum(len(topic.data["timestamp"]) for topic in log.data_list)
    if num_rows < walked.num_data and not walked.why:  # the library leaves them out
        walked = replace(walked, why="messages that do not hold what their format says")
    streams = [*_topics(log, found.sha256), *_words(log, found.sha256)]
    if not streams:
        raise Refused(
            f"{found.path}: no message of any topic", code="NO_CONTENT", subject=found.path
        )
    told = Counted(
        num_messages=sum(one.num_messages for one in streams),
        duration_ns=duration(streams),
        streams=tuple(one.doc() for one in streams),
    )
    if walked.why and not job.config.get("accept_partial"):
        raise Refused(
            f"{found.path}: {walked.why}, up to byte {walked.ended_at}",
            code="TRUNCATED" if walked.why == "ends inside a message" else "CORRUPT",
            subject=found.path,
            way_out="set accept_partial in the source's config to keep what reads",
            evidence={
                "at": walked.ended_at,
                "messages": walked.num_data,
                "messages_read": num_rows,
            },
            partial={found.path: told},
        )
    refuse_long_flight(found.path, streams, told)
    notes = [f"{key}: {value}" for key, value in sorted(_identity(log).items())]
    episode = job.episode(streams, gaps=_dropouts(log), notes=notes)
    yield ReadResult(episodes=(episode,), files=(job.facts(found, told),))


def walk_messages(path: Path) -> Walk:
    """Go from message to message by their lengths, to the end of the file."""
    size, at, data = path.stat().st_size, HEAD, 0
    with path.open("rb") as file:
        file.seek(HEAD)
        while at < size:
            head = file.read(3)
            if len(head) < 3:
                return Walk(num_data=data, ended_at=at, why="ends inside a message")
            length, kind = int.from_bytes(head[:2], "little"), head[2]
            if kind not in KNOWN:
                return Walk(num_data=data, ended_at=at, why="bytes that are no message")
            if at + 3 + length > size:
                return Walk(num_data=data, ended_at=at, why="ends inside a message")
            file.seek(length, 1)
            data += kind == ord("D")
            at += 3 + length
    return Walk(num_data=data, ended_at=at, why="")


def _parsed(path: Path, name: str, walked: Walk) -> Any:  # noqa: ANN401  pyulog has no types
    from pyulog import ULog
    from pyulog.exceptions import ULogIncompatibleFlagException

    try:
        with path.open("rb") as file:
            return ULog(file, disable_str_exceptions=True)
    except ULogIncompatibleFlagException as error:
        raise Refused(
            f"{name}: {error}", code="UNSUPPORTED_FORMAT", subject=name, evidence={"tool": "pyulog"}
        ) from error
    except MOST_PROBLEMS as error:
        raise Refused(
            f"{name}: {type(error).__name__}: {error}",
            code="TRUNCATED" if walked.why == "ends inside a message" else "CORRUPT",
            subject=name,
            evidence={"tool": "pyulog", "at": walked.ended_at, "messages": walked.num_data},
        ) from error


def _topics(log: Any, file_id: str) -> Iterator[Stream]:  # noqa: ANN401  pyulog has no types
    """One stream a topic instance; a second instance of a topic carries its number."""
    for topic in sorted(log.data_list, key=lambda one: (one.name, one.multi_id)):
        fields = [name for name in topic.data if name != "timestamp"]
        stamps = topic.data["timestamp"].astype(np.int64) * US
        if not len(stamps) or not fields:
            continue
        order = np.argsort(stamps, kind="stable")
        values = np.column_stack([np.asarray(topic.data[name], np.float64) for name in fields])
        yield Stream(
            name=topic.name if topic.multi_id == 0 else f"{topic.name}.{topic.multi_id}",
            kind="vector",
            clock=_clock(stamps),
            ts_ns=stamps[order],
            file_id=file_id,
            values=np.ascontiguousarray(values[order]),
            channels=tuple(fields),
            num_messages=len(stamps),
        )


def _words(log: Any, file_id: str) -> Iterator[Stream]:  # noqa: ANN401  pyulog has no types
    """What the vehicle said in words, in order of time."""
    said = sorted(
        (
            (int(one.timestamp) * US, one.log_level_str(), one.message)
            for one in log.logged_messages
        ),
        key=lambda one: one[0],
    )
    if said:
        stamps: Int64s = np.array([time for time, _, _ in said], np.int64)
        yield Stream(
            name="logged_messages",
            kind="event",
            clock=_clock(stamps),
            ts_ns=stamps,
            file_id=file_id,
            events=tuple(
                json.dumps({"level": level, "message": text}, ensure_ascii=False)
                for _, level, text in said
            ),
            num_messages=len(said),
        )


def _clock(stamps: Int64s) -> Clock:
    return Clock(
        kind="stamp",
        epoch="boot",
        resolution_ns=US,
        how="timestamp of each row, microseconds since boot",
        skew=skew_figures(stamps),
    )


def _dropouts(log: Any) -> list[tuple[int, int]]:  # noqa: ANN401  pyulog has no types
    """The spans that the logger says it lost, in ns."""
    spans = [(int(one.timestamp) * US, int(one.duration) * 1_000_000) for one in log.dropouts]
    return sorted((start, start + lost) for start, lost in spans if lost > 0)


def _identity(log: Any) -> dict[str, str]:  # noqa: ANN401  pyulog has no types
    named = ("sys_name", "ver_hw", "ver_sw", "ver_sw_release", "sys_uuid")
    told = {key: str(log.msg_info_dict[key]) for key in named if key in log.msg_info_dict}
    return told | ({"appended": "data was appended after a crash"} if log.has_data_appended else {})


READER = Reader(read=read, kinds=("ulog",), extra=Extra(name="ulog", module="pyulog"))
