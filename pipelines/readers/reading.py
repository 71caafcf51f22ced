"""What goes into a reader and what comes out: small values that travel between processes.

A `Group` is the files that are read together; a `Job` is a group together with where its bytes lie
and how its source says to read them. A reader yields `ReadResult`s, one or many: episodes, tracks
that had to be muxed, lines about files. A file of a thousand episodes is yielded one by one, so
that memory holds one of them. A reader never raises for bad input: it raises `Refused` inside, and
`run.read_group` turns that into quarantine lines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors import Unreadable
from pipelines.readers.pauses import pauses
from pipelines.records import Episode, Found, Stream, content_id

Config = Mapping[str, Any]
YEAR_NS = 366 * 86_400 * 10**9
RETRYABLE = frozenset({"CHANGED_WHILE_READ", "UNREADABLE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """One line about one path: what came of it, and what was counted in it."""

    path: str
    sha256: str
    size_bytes: int
    status: str  # ingested | companion | quarantined | unsupported
    reason: str = ""
    num_frames: int = 0
    num_messages: int = 0
    duration_ns: int = 0
    streams: tuple[Mapping[str, Any], ...] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)
    reader: str = ""
    retryable: bool = False
    episodes: tuple[str, ...] = ()  # the ids of those that it is part of


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The files that are read together, and the reader that takes them.

    `files` is in the order that names the episodes: the log first, its picture after it.
    `companions` are needed for reading and are listed elsewhere. `twins` are further groups of the
    same bytes at other paths: read once, listed each.
    """

    source_id: str
    reader: str  # a name of READERS
    files: tuple[Found, ...]
    picture: str = ""  # path of the video among `files`, if one stands beside a log
    companions: tuple[Found, ...] = ()
    layout: str = ""  # digest of the names in a group that a reader claimed as one
    same_name: tuple[str, ...] = ()  # logs and films of its name, of which none is the one to pair
    twins: tuple[tuple[Found, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A picture track muxed without re-encoding into a file of its own, in the scratch folder."""

    track_id: str  # sha256 of its bytes
    path: Path
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadResult:
    """Some of what a group gives: whole episodes, their tracks, and lines about files.

    A file may have a line in several results: their counts are added up. `run.read_group` names
    the episodes in the lines.
    """

    episodes: tuple[Episode, ...] = ()
    tracks: tuple[Track, ...] = ()
    files: tuple[FileFacts, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A group with the places and settings that reading it needs."""

    group: Group
    root: Path
    config: Config
    scratch: Path
    reader: str  # name@version

    def path(self, found: Found) -> Path:
        """Return where the bytes of `found` lie."""
        return self.root / found.path

    def facts(self, found: Found, counted: Counted) -> FileFacts:
        """Return the line of a file that goes into an episode."""
        return FileFacts(
            path=found.path,
            sha256=found.sha256,
            size_bytes=found.size_bytes,
            status="ingested",
            num_frames=counted.num_frames,
            num_messages=counted.num_messages,
            duration_ns=counted.duration_ns,
            streams=counted.streams,
            reader=self.reader,
        )

    def refused(self, found: Found, error: Refused) -> FileFacts:
        """Return the line of a file that nothing comes of, with what was counted in it."""
        return refused_line(found, error, self.reader)

    def episode(
        self,
        streams: Sequence[Stream],
        *,
        part: str = "",
        files: Sequence[Found] = (),
        notes: Sequence[str] = (),
        gaps: Sequence[tuple[int, int]] = (),
    ) -> Episode:
        """Return the episode made of `streams`; its span covers every one of them.

        Over an hour without any entry is a gap.

        `part` names it where one group gives several; `files` are those of the group that it is
        made of, when that is not all of them.
        """
        start_ns, end_ns = span(streams)
        made_of = [each.sha256 for each in files or self.group.files]
        return Episode(
            episode_id=content_id(self.group.source_id, made_of, part),
            source_id=self.group.source_id,
            files=tuple(made_of),
            part=part,
            reader=self.reader,
            streams=tuple(streams),
            start_ns=start_ns,
            end_ns=end_ns,
            gaps=(*gaps, *pauses(streams)),
            notes=tuple(notes),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What was counted in a file, also in one that is then refused as damaged."""

    num_frames: int = 0
    num_messages: int = 0
    duration_ns: int = 0
    streams: tuple[Mapping[str, Any], ...] = ()


class Refused(Unreadable):
    """A file that no episode comes of, with what was counted in it before it was refused."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        subject: str = "",
        way_out: str = "",
        evidence: Mapping[str, Any] | None = None,
        partial: Mapping[str, Counted] | None = None,
    ) -> None:
        super().__init__(message, code=code, subject=subject, way_out=way_out)
        self.evidence = dict(evidence or {})
        self.partial = dict(partial or {})  # by path


def refused_line(found: Found, error: Refused, reader: str = "") -> FileFacts:
    """Return the line of a file that nothing comes of, with what was counted in it."""
    counted = error.partial.get(found.path, Counted())
    way_out = {"way_out": error.way_out} if error.way_out else {}
    return FileFacts(
        path=found.path,
        sha256=found.sha256,
        size_bytes=found.size_bytes,
        status="unsupported" if error.code == "UNSUPPORTED_FORMAT" else "quarantined",
        reason=error.code,
        num_frames=counted.num_frames,
        num_messages=counted.num_messages,
        duration_ns=counted.duration_ns,
        streams=counted.streams,
        evidence={"message": str(error), **error.evidence} | way_out,
        reader=reader,
        retryable=error.code in RETRYABLE,
    )


def span(streams: Sequence[Stream]) -> tuple[int, int]:
    """Return `[start_ns, end_ns)` over all entries of all streams."""
    spans = [stream.span_ns for stream in streams if len(stream.ts_ns)]
    if not spans:
        return 0, 0
    return min(start for start, _ in spans), max(end for _, end in spans)


def duration(streams: Sequence[Stream]) -> int:
    """Return how long the streams last together, in ns."""
    start_ns, end_ns = span(streams)
    return end_ns - start_ns


def refuse_long_flight(path: str, streams: Sequence[Stream], told: Counted) -> None:
    """Refuse a flight log that lasts over a year on one of its clocks: a stamp in it is wrong.

    Raises:
        Refused: CLOCK_BROKEN.
    """
    for epoch in sorted({one.clock.epoch for one in streams}):
        start_ns, end_ns = span([one for one in streams if one.clock.epoch == epoch])
        if end_ns - start_ns > YEAR_NS:
            raise Refused(
                f"{path}: its times span over a year",
                code="CLOCK_BROKEN",
                subject=path,
                evidence={"epoch": epoch, "start_ns": start_ns, "end_ns": end_ns},
                partial={path: told},
            )
