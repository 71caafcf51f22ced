"""Walk a container once: decode picture by picture, and find every packet in the file's own bytes.

In: a path. Out: a `Seen` for each stream with what was counted, timed and located. PyAV, packet by
packet and on one thread, is the reference: an error costs one packet, not the rest of the file.
Pictures are counted and dropped at once, so memory does not grow with the length of the video.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
from av.codec.context import Flags

from pipelines.readers.child import lasts
from pipelines.readers.reading import Refused
from pipelines.records import Int64s, PacketIndex

NS = 10**9
NOT_VIDEO = frozenset(["tty", "ansi", "bin", "xbin", "idf", "adf", "image2", "tedcaptions"])
ALL_KEYS = frozenset({"mjpeg", "png", "webp", "ffv1", "prores", "dnxhd", "huffyuv", "rawvideo"})
BLOCK_HEAD = 64  # a Matroska or FLV block keeps the payload a few bytes behind its position


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
    pts: list[int | None] = field(default_factory=list)
    num_packets: int = 0
    located: bool = True
    offsets: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    keys: list[bool] = field(default_factory=list)
    unit_pts: list[int | None] = field(default_factory=list)
    sources: list[int] = field(default_factory=list)  # packet that each picture came out of
    errors: list[dict[str, Any]] = field(default_factory=list)  # after the first picture
    late_start: int = 0  # packets that failed before the first picture

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

    @property
    def pictures(self) -> tuple[Seen, ...]:
        """The moving pictures, in the container's order."""
        return tuple(seen for seen in self.streams if seen.is_picture)


def walk(path: Path, *, decode: bool = True) -> Walked:
    """Walk the container at `path` from its first packet to its last."""
    with path.open("rb") as file, path.open("rb") as raw:
        try:
            container = av.open(file, "r")
        except (av.error.FFmpegError, ValueError) as error:
            raise Refused(
                f"{path.name}: no container that can be opened",
                code="NOT_THE_FORMAT",
                evidence={"tool": "pyav", "message": getattr(error, "strerror", "") or str(error)},
            ) from error
        with container:
            if container.format.name in NOT_VIDEO or container.format.name.endswith("_pipe"):
                raise Refused(
                    f"{path.name}: looks like {container.format.name}",
                    code="NOT_THE_FORMAT",
                    evidence={"looks": container.format.name},
                )
            if container.duration:
                lasts(container.duration / av.time_base)
            seen = {stream.index: _describe(stream) for stream in container.streams}
            ended = _demux(container, seen, raw=raw, decode=decode)
            streams = tuple(seen.values())
        for one in streams:
            if not decode and one.is_picture:
                one.pts = sorted(one.unit_pts, key=lambda time: -1 if time is None else time)
            if len(one.sources) != len(one.pts):
                one.sources = []
        return Walked(format=container.format.name, streams=streams, ended=ended)


def index_of(seen: Seen, file_id: str, ts_ns: Int64s) -> PacketIndex:
    """Return the packet index of a stream whose packets were all found in `file_id`.

    A packet stands at the time of the picture that comes out of it, whatever the container says;
    one that gives no picture that is shown keeps the container's time.
    """
    pts = fill_times(seen.unit_pts, seen.rate)
    if seen.sources:
        pts[seen.sources] = ts_ns
    return PacketIndex(
        file_id=file_id,
        offset=np.array(seen.offsets, np.int64),
        size=np.array(seen.sizes, np.int32),
        key=np.array(seen.keys, np.bool_),
        pts_ns=pts,
        extradata=seen.extradata,
    )


def fill_times(times: list[int | None], rate: float) -> Int64s:
    """Return times in ns; where one is missing it follows its neighbour by one period."""
    period, last = round(NS / rate) if rate > 0 else 40_000_000, -1
    filled = np.zeros(len(times), np.int64)
    for number, time in enumerate(times):
        filled[number] = time if time is not None else (last + period if number else 0)
        last = int(filled[number])
    return filled


def _describe(stream: av.stream.Stream) -> Seen:
    codec: Any = getattr(stream, "codec_context", None)  # None for data and unknown codecs
    seen = Seen(number=stream.index, kind=str(stream.type))
    if codec is None:
        return seen
    seen.codec, seen.extradata = codec.codec.canonical_name, bytes(codec.extradata or b"")
    if seen.kind == "video":
        seen.width, seen.height, seen.pixels = codec.width, codec.height, codec.pix_fmt or ""
        seen.cover = bool(stream.disposition & av.stream.Disposition.attached_pic)
        rates = (getattr(stream, name, None) for name in ("average_rate", "guessed_rate"))
        seen.rate = next((float(rate) for rate in rates if rate), 0.0)
        seen.promised = stream.frames
        codec.thread_count = 1
        codec.flags |= Flags.copy_opaque  # a picture then says which packet it came out of
    if stream.time_base:
        seen.tick_ns = max(1, int(stream.time_base * NS))
    return seen


def _demux(
    container: av.container.InputContainer, seen: dict[int, Seen], *, raw: BinaryIO, decode: bool
) -> str:
    """Fill `seen` from every packet; return why the container ended before its end, if it did."""
    packets: Iterator[av.Packet[Any]] = container.demux()
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return ""
        except av.error.FFmpegError as error:
            return f"{type(error).__name__}: {error}"
        if packet.stream.index not in seen:  # a stream that showed up in the middle
            seen[packet.stream.index] = _describe(packet.stream)
        _take(seen[packet.stream.index], packet, raw=raw, decode=decode)


def _take(seen: Seen, packet: av.Packet[Any], *, raw: BinaryIO, decode: bool) -> None:
    seen.num_packets += 1 if packet.size else 0
    if seen.is_picture and packet.size:
        _locate(seen, packet, raw)
    if seen.is_picture and decode:
        _decode(seen, packet)  # an empty packet at the end makes the decoder give what it held


def _locate(seen: Seen, packet: av.Packet[Any], raw: BinaryIO) -> None:
    """Note where the packet's bytes lie, or that they do not lie together in the file."""
    packet.opaque = len(seen.sizes)
    seen.keys.append(bool(packet.is_keyframe))
    seen.unit_pts.append(_ns(packet.pts if packet.pts is not None else packet.dts, packet))
    seen.sizes.append(packet.size)
    offset = _find(bytes(packet), packet.pos, raw) if seen.located else None
    if offset is None:
        seen.located = False
    else:
        seen.offsets.append(offset)


def _find(payload: bytes, position: int | None, raw: BinaryIO) -> int | None:
    if position is None or position < 0:
        return None
    raw.seek(position)
    around = raw.read(len(payload) + BLOCK_HEAD)
    if around.startswith(payload):
        return position
    later = around.find(payload)
    return position + later if later >= 0 else None


def _decode(seen: Seen, packet: av.Packet[Any]) -> None:
    try:
        frames = packet.decode()
    except av.error.FFmpegError as error:
        _note(seen, packet, f"{type(error).__name__}: {error}")
        return
    if not frames and packet.size and seen.codec in ALL_KEYS:
        _note(seen, packet, "the packet gives no picture")
    for frame in frames:
        if frame.is_corrupt and seen.pts:
            _note(seen, packet, "the decoder marks the picture as corrupt")
        time = frame.pts if frame.pts is not None else frame.dts
        base = frame.time_base or packet.stream.time_base
        seen.pts.append(None if time is None else time * base.numerator * NS // base.denominator)
        seen.sources += [frame.opaque] if isinstance(frame.opaque, int) else []
        if len(seen.pts) == 1:
            seen.rotation, seen.width, seen.height = frame.rotation, frame.width, frame.height


def _note(seen: Seen, packet: av.Packet[Any], message: str) -> None:
    if not seen.pts:  # nothing came before the first key picture: a late start, not damage
        seen.late_start += 1
        return
    seen.errors.append({"at_frame": seen.num_frames, "offset": packet.pos, "message": message})


def _ns(time: int | None, packet: av.Packet[Any]) -> int | None:
    base = packet.time_base or packet.stream.time_base
    if time is None or base is None:
        return None
    return time * int(base.numerator) * NS // int(base.denominator)
