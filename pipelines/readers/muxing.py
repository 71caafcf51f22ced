"""Mux packets into a track of their own, without encoding anything again.

Three uses: a container that cuts its payloads up (transport streams, MPEG-PS, Ogg, ASF) gets a
track in which every packet lies in one piece; image messages of a log become a track whose times
are the messages' own nanoseconds; rendered pictures become an mp4 that others play. The file as
found is kept beside it, byte for byte.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from pipelines.readers.opening import opened
from pipelines.readers.reading import Refused, Track
from pipelines.records import Int64s, period_ns

NS_BASE = Fraction(1, 10**9)
HOLDERS = ("nut", "matroska")
END_TO_END = ".packets"
MP4_STEP_NS = 4_200_000_000
STILLS = frozenset({"mjpeg", "png"})
START = re.compile(rb"\x00\x00\x01(.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AnnexB:
    """How the units of a codec say what they are."""

    type_bits: tuple[int, int]  # shift and mask
    key: frozenset[int]
    parameters: int


ANNEX_B = {
    "h264": AnnexB((0, 31), frozenset({5, 7}), 7),
    "hevc": AnnexB((1, 63), frozenset({*range(16, 22), 32, 33, 34}), 33),
}


def remux(path: Path, number: int, scratch: Path) -> Track:
    """Copy the packets of stream `number` of the container at `path` into a track of its own.

    NUT holds nearly every codec; what neither it nor Matroska takes is laid end to end. Times in
    the track do not matter, for the index keeps them: only the packets must lie there whole.
    """
    for kind in HOLDERS:
        target = scratch / f"{path.stat().st_ino}-{number}.{kind}"
        try:
            _copy(path, number, target, kind=kind)
        except (av.error.FFmpegError, ValueError):
            target.unlink(missing_ok=True)
        else:
            return _track(target)
    return lay_packets(path, number, scratch)


def lay_packets(path: Path, number: int, scratch: Path) -> Track:
    """Lay the packets of stream `number` end to end in a file."""
    target = scratch / f"{path.stat().st_ino}-{number}{END_TO_END}"
    with opened(path) as source, target.open("wb") as sink:
        for packet in _packets(source, source.streams[number]):
            sink.write(bytes(packet))
    return _track(target)


def mux_images(
    images: Iterable[tuple[int, bytes]],
    codec: str,
    target: Path,
    *,
    ts_ns: Int64s,
    head: bytes,
) -> Track:
    """Mux encoded pictures, each with its time in ns, into a track in units of 1 ns.

    `head` is a picture that says its size. The first one stands at 0: a time since 1970 is more
    than mp4 can say exactly. An mp4 holds no step over 4.2 s in such units and only marked-up
    H.264, so those go into NUT.
    """
    usual, first, last = period_ns(ts_ns), int(ts_ns[0]), -1
    even = len(ts_ns) < 2 or int(np.diff(ts_ns).max()) < MP4_STEP_NS
    container = "mp4" if codec in STILLS and even else "nut"
    options = {"video_track_timescale": "1000000000"} if container == "mp4" else {}
    with av.open(str(target), "w", format=container, options=options) as sink:
        out = _image_stream(sink, codec, head)
        for time_ns, data in images:
            last = max(last + 1, time_ns - first)
            packet: av.Packet[Any] = av.Packet(len(data))
            packet.update(data)  # pads the bytes, as decoders need: they read past the end
            packet.stream, packet.time_base = out, NS_BASE
            packet.pts = packet.dts = last
            packet.duration = usual  # without one, an edit list would hide the last picture
            packet.is_keyframe = is_key(codec, data)
            sink.mux_one(packet)
    return _track(target)


def mux_raw(
    pictures: Iterable[tuple[int, bytes]], pixels: str, target: Path, *, size: tuple[int, int]
) -> Track:
    """Mux raw pictures (rows without padding), each with its time in ns, into a NUT track."""
    first: int | None = None
    with av.open(str(target), "w", format="nut") as sink:
        out = sink.add_mux_stream("rawvideo", width=size[0], height=size[1])
        if not isinstance(out, VideoStream):
            raise Refused("rawvideo is no picture codec", code="UNSUPPORTED_CODEC")
        out.pix_fmt, out.time_base = pixels, NS_BASE
        for time_ns, data in pictures:
            first = time_ns if first is None else first
            packet: av.Packet[Any] = av.Packet(len(data))
            packet.update(data)
            packet.stream, packet.time_base = out, NS_BASE
            packet.pts = packet.dts = time_ns - first
            packet.is_keyframe = True
            sink.mux_one(packet)
    return _track(target)


def mux_rendered(units: Iterable[tuple[bytes, bool]], fps: float) -> bytes:
    """Mux H.264 pictures of a training set, each with whether it is a key frame, into an mp4.

    Nothing is encoded: one picture follows the other at `fps`, and the same pictures are the same
    bytes. The first one must be a key frame, which says the size.
    """
    step = 1 / Fraction(fps).limit_denominator(1_000_000)
    options = {"fflags": "+bitexact", "video_track_timescale": str(1000 * step.denominator)}
    held, target = iter(units), io.BytesIO()
    first, key = next(held)
    with (
        av.open(io.BytesIO(first), "r", format="h264") as head,
        av.open(target, "w", format="mp4", options=options) as sink,
    ):
        out = sink.add_stream_from_template(head.streams.video[0], opaque=True)
        for number, (data, is_first) in enumerate(chain([(first, key)], held)):
            packet: av.Packet[Any] = av.Packet(len(data))
            packet.update(data)
            packet.stream, packet.time_base = out, step
            packet.pts = packet.dts = number
            packet.duration, packet.is_keyframe = 1, is_first
            sink.mux_one(packet)
    return target.getvalue()


def end_to_end(target: Path) -> Track:
    """Return the file at `target`, in which payloads lie end to end, as a track."""
    return _track(target)


def is_key(codec: str, data: bytes) -> bool:
    """Say whether a message starts a picture group: every still does, of H.264 a key slice."""
    return codec not in ANNEX_B or bool(_units(codec, data) & ANNEX_B[codec].key)


def says_size(codec: str, data: bytes) -> bool:
    """Say whether a message can be shown without those before it: it has its parameters."""
    return codec not in ANNEX_B or ANNEX_B[codec].parameters in _units(codec, data)


def is_head(codec: str, data: bytes) -> bool:
    """Say whether a message says its size, and can be opened to read it."""
    if not says_size(codec, data):
        return False
    try:
        with av.open(io.BytesIO(data), "r", format=codec if codec in ANNEX_B else None) as picture:
            return bool(picture.streams.video and picture.streams.video[0].codec_context.width)
    except av.error.FFmpegError:
        return False


def _units(codec: str, data: bytes) -> set[int]:
    """Return the types of the units in a message of H.264 or H.265."""
    shift, mask = ANNEX_B[codec].type_bits
    return {found[1][0] >> shift & mask for found in START.finditer(data)}


def _copy(path: Path, number: int, target: Path, *, kind: str) -> None:
    with opened(path) as source:
        stream = source.streams[number]
        if not isinstance(stream, VideoStream | AudioStream) or stream.time_base is None:
            raise Refused(f"{path.name}: stream {number} is no picture or sound", code="NO_STREAM")
        with av.open(str(target), "w", format=kind) as sink:
            out = sink.add_stream_from_template(stream, opaque=True)
            base, step, last = stream.time_base, _step(stream, stream.time_base), None
            for packet in _packets(source, stream):
                last = _time(packet, last, step)
                packet.stream, packet.time_base = out, base
                sink.mux_one(packet)


def _image_stream(sink: OutputContainer, codec: str, data: bytes) -> VideoStream:
    with av.open(io.BytesIO(data), "r", format=codec if codec in ANNEX_B else None) as picture:
        shown = picture.streams.video[0].codec_context
        out = sink.add_mux_stream(codec, width=shown.width, height=shown.height)
    if not isinstance(out, VideoStream):
        raise Refused(f"{codec} is no picture codec", code="UNSUPPORTED_CODEC")
    out.time_base = NS_BASE
    return out


def _packets(source: InputContainer, stream: Stream) -> Iterator[av.Packet[Any]]:
    packets = source.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return  # why it ended early is known from the first walk
        if packet.size:
            yield packet


def _step(stream: VideoStream | AudioStream, base: Fraction) -> int:
    """Return the usual time from one packet to the next, in units of the container."""
    if isinstance(stream, AudioStream):
        return 1
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    return max(1, int(1 / (rate * base)))


def _time(packet: av.Packet[Any], last: int | None, step: int) -> int:
    """Give the packet times that a muxer takes: decode times that ascend; return the last one."""
    dts = packet.dts if packet.dts is not None else packet.pts
    if dts is None or (last is not None and dts <= last):
        dts = 0 if last is None else last + (step if packet.dts is None else 1)
    packet.dts = dts
    if packet.pts is None or packet.pts < dts:
        packet.pts = dts
    return int(dts)


def _track(target: Path) -> Track:
    if not target.exists():
        raise Refused(f"{target.name}: no packet to mux", code="NO_CONTENT")
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Track(track_id=digest, path=target, size_bytes=target.stat().st_size)
