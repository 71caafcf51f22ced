"""Where the messages of a log say that a picture is: in which film, and at which time of it.

In: the bytes of JSON messages. Out: the films by the name that the log gives them, and the times of
their pictures on the clock of the log. Only relative names inside the source are followed.
"""

from __future__ import annotations

import io
import json
import posixpath
import re
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.clocks import skew_figures
from pipelines.readers.logs import Feed
from pipelines.readers.mcap_records import Records
from pipelines.readers.picture import Picture
from pipelines.readers.reading import Counted, Refused
from pipelines.records import Clock, Found, Int64s, Stream

if TYPE_CHECKING:
    from mcap.records import Channel, Schema

NAMED = re.compile(rb'"(?:uri|path)"\s*:\s*("(?:[^"\\]|\\.)*")')
ELSEWHERE = ("data:", "http:", "https:")  # in the message itself, or not among the files
LOOKED = 8 << 20  # bytes of a log that tell its films
SLACK_NS = 10**9  # a picture may be named so long behind the last one


@dataclass(slots=True, kw_only=True)
class MediaRefs:
    """What a log says of its films: for each, the times of pictures there and in the log."""

    by_uri: dict[str, tuple[array[int], array[int]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return sum(len(pts) for pts, _ in self.by_uri.values())

    def noting(self, feed: Feed) -> Feed:
        """Return a feed that notes what each message points to before it is taken."""

        def take(data: bytes, log_time: int, publish_time: int) -> None:
            if NAMED.search(data):
                self._note(data, log_time)
            feed(data, log_time, publish_time)

        return take

    def placed(self, picture: Picture, *, log: Found, film: Found, counted: Counted) -> Picture:
        """Return the picture of `film` with its streams on the clock of the log.

        `counted` is what the log holds.

        Raises:
            Refused: PARTS_DISAGREE when the log names pictures behind the end of the film.
        """
        pts_ns, at_ns = self._times_in(film, log)
        frames_ns = picture.frames_ns
        behind = int((pts_ns > int(frames_ns[-1]) + SLACK_NS).sum())
        if behind:
            raise Refused(
                f"{log.path}: {behind} of its pictures lie behind the end of {film.path}",
                code="PARTS_DISAGREE",
                subject=log.path,
                evidence={
                    "last_named_ns": int(pts_ns[-1]),
                    "last_picture_ns": int(frames_ns[-1]),
                    "behind": behind,
                },
                partial={log.path: counted, film.path: Counted(num_frames=len(frames_ns))},
            )
        times = _moved(frames_ns, pts_ns, at_ns)
        if (np.diff(times) <= 0).any():  # stamps that jump: their usual distance is the truth
            times = frames_ns + int(np.median(at_ns - pts_ns))
        return replace(
            picture,
            streams=tuple(_on_log(one, frames_ns, times) for one in picture.streams),
            gaps=tuple(_span(gap, frames_ns, times) for gap in picture.gaps),
        )

    def _times_in(self, film: Found, log: Found) -> tuple[Int64s, Int64s]:
        """Return the times in the film that are named, in order, and those in the log."""
        told = [both for uri, both in self.by_uri.items() if place_of(log.path, uri) == film.path]
        named = np.concatenate([np.frombuffer(pts, np.int64) for pts, _ in told])
        at_ns = np.concatenate([np.frombuffer(at, np.int64) for _, at in told])
        pts_ns, first = np.unique(named, return_index=True)
        return pts_ns, at_ns[first]

    def _note(self, data: bytes, log_time: int) -> None:
        """Note a film and a time in it; what has no time is no picture of a film."""
        try:
            doc = json.loads(data)
        except (ValueError, RecursionError):
            return
        told = doc.get("media_ref", doc) if isinstance(doc, Mapping) else None
        if not isinstance(told, Mapping):
            return
        uri = told.get("uri", told.get("path"))
        pts_ns = told.get("pts_ns", told.get("pts"))
        if not isinstance(uri, str) or not isinstance(pts_ns, int) or uri.startswith("data:"):
            return
        at_ns: Any = doc.get("utc_ns")
        pts, at = self.by_uri.setdefault(uri, (array("q"), array("q")))
        pts.append(max(-(2**62), min(pts_ns, 2**62)))
        at.append(at_ns if isinstance(at_ns, int) and 0 < at_ns < 2**62 else log_time)


def films_named(path: Path) -> tuple[str, ...]:
    """Return what the first megabytes of the log at `path` point to."""
    raw = set[bytes]()

    def feed_of(_: Channel, __: Schema | None) -> Feed:
        return lambda data, _log_time, _publish_time: raw.update(NAMED.findall(data[:LOOKED]))

    with path.open("rb") as file:
        Records(feed_of=feed_of).read(io.BytesIO(file.read(LOOKED)))
    return tuple(sorted(filter(None, map(_unquoted, raw))))


def place_of(log: str, uri: str) -> str | None:
    """Return the path inside the source that a log there means, "" for none, None for one outside.

    `log` is the path of the log inside the source.
    """
    if uri.startswith(ELSEWHERE):
        return ""
    told = PurePosixPath(uri.replace("\\", "/"))
    place = posixpath.normpath(PurePosixPath(log).parent / told)
    leads_out = told.is_absolute() or PureWindowsPath(uri).drive or "://" in uri
    return None if leads_out or place.split("/")[0] == ".." else place


def _unquoted(text: bytes) -> str:
    try:
        return str(json.loads(text))
    except ValueError:
        return ""


def _on_log(stream: Stream, frames_ns: Int64s, times: Int64s) -> Stream:
    """Return a stream of the film with its entries, and its index, at the times of the log."""
    ts_ns, index = _moved(stream.ts_ns, frames_ns, times), stream.index
    clock = Clock(
        kind="stamp",
        epoch="unix",
        resolution_ns=stream.clock.resolution_ns,
        how="the message of the log that names the picture nearest to it",
        skew=skew_figures(ts_ns),
    )
    if index is not None:
        index = replace(index, pts_ns=_moved(index.pts_ns, frames_ns, times))
    return replace(stream, ts_ns=ts_ns, clock=clock, index=index)


def _moved(told: Int64s, known: Int64s, times: Int64s) -> Int64s:
    """Return times of one clock on another, by the nearest that is known on both."""
    right = np.clip(np.searchsorted(known, told), 0, len(known) - 1)
    left = np.maximum(right - 1, 0)
    near = np.where(told - known[left] < known[right] - told, left, right)
    return times[near] + (told - known[near])


def _span(gap: tuple[int, int], frames_ns: Int64s, times: Int64s) -> tuple[int, int]:
    low, high = _moved(np.array(gap, np.int64), frames_ns, times).tolist()
    return low, high
