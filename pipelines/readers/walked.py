"""What one walk over a container saw: its streams, their packets, their pictures, their faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipelines.pictures.watching import Watch
from pipelines.readers.ending import Tail


@dataclass(slots=True, kw_only=True)
class Seen:
    """What one pass saw of one stream; filled while the container is walked."""

    number: int
    kind: str  # video | audio | subtitle | data | attachment
    codec: str = ""
    width: int = 0
    height: int = 0
    rotation: int = 0
    pixels: str = ""
    extradata: bytes = b""
    rate: float = 0.0
    tick_ns: int = 0
    cover: bool = False
    promised: int = 0
    container: str = ""
    sample_rate: int = 0
    layout: str = ""
    pts: list[int | None] = field(default_factory=list)
    num_packets: int = 0
    located: bool = True
    offsets: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    keys: list[bool] = field(default_factory=list)
    shown: list[bool] = field(default_factory=list)  # whether a picture must come of the packet
    unit_pts: list[int | None] = field(default_factory=list)
    lasts_ns: list[int] = field(default_factory=list)  # each packet, as the container says
    sources: list[int] = field(default_factory=list)  # packet that each picture came out of
    errors: list[dict[str, Any]] = field(default_factory=list)  # after the first picture
    doubts: list[dict[str, Any]] = field(default_factory=list)  # of the strict pass only
    sums_right: int = 0  # checksums inside packets
    sums_wrong: list[dict[str, Any]] = field(default_factory=list)
    late_start: int = 0  # packets that failed before the first picture
    interlaced: int = 0  # pictures
    watch: Watch | None = None
    tail: Tail | None = None  # where a stream may end anywhere, and its decoder does not mind
    figures: tuple[Mapping[str, Any], ...] = ()  # chunks of what was looked at

    @property
    def num_frames(self) -> int:
        """Pictures decoded."""
        return len(self.pts)

    @property
    def is_picture(self) -> bool:
        """Whether this is a moving picture, not cover art."""
        return self.kind == "video" and not self.cover


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """One pass over a container: its format, its streams, and why it ended early, if it did."""

    format: str
    streams: tuple[Seen, ...]
    ended: str = ""
    duration_ns: int = 0  # as the container says

    @property
    def pictures(self) -> tuple[Seen, ...]:
        """The moving pictures, in the container's order."""
        return tuple(seen for seen in self.streams if seen.is_picture)

    @property
    def sounds(self) -> tuple[Seen, ...]:
        """The sound tracks."""
        return tuple(seen for seen in self.streams if seen.kind == "audio")


def beyond_decoding(seen: Seen) -> list[dict[str, Any]]:
    """Return what is wrong with a stream and no decoder says.

    A stream of which no checksum is right has none.
    """
    wrong = [*_unshown(seen), *(seen.sums_wrong if seen.sums_right else ())]
    if seen.tail is not None and not seen.errors and not wrong:
        wrong += _cut_short(seen, seen.tail)
    seen.tail = None
    return wrong


def _cut_short(seen: Seen, tail: Tail) -> Iterator[dict[str, Any]]:
    last = len(seen.sizes) - 1
    if tail.is_cut(len(seen.sizes), seen.extradata):
        yield {"at_frame": seen.num_frames, "packet": last, "message": "the picture has no end"}


def _unshown(seen: Seen) -> Iterator[dict[str, Any]]:
    """Yield the packets that should have given a picture and did not.

    Those that stand before the first picture are a late start. An interlaced picture may be two
    packets. Where not every picture says which packet it came out of, their times tell.
    """
    if 2 * seen.interlaced > seen.num_frames or seen.num_frames >= sum(seen.shown):
        return
    given, failed = set(seen.sources), {error["packet"] for error in seen.errors}
    if not given:
        shown_at = set(seen.pts)
        given = {number for number, time in enumerate(seen.unit_pts) if time in shown_at}
    start = min((time for time in seen.pts if time is not None), default=0)
    before = 0
    for number, (shown, time) in enumerate(zip(seen.shown, seen.unit_pts, strict=True)):
        leads = not before or (time is not None and time < start)
        if shown and not leads and number not in given and number not in failed:
            yield {"at_frame": before, "packet": number, "message": "no picture came of the packet"}
        before += number in given
