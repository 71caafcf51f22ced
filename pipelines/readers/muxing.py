"""Mux packets into a track of their own, without encoding anything again.

Two uses: a container that cuts its payloads up (transport streams, MPEG-PS, Ogg, ASF) gets a track
in which every packet lies in one piece; image messages of a log become a track whose times are the
messages' own nanoseconds. The file as found is kept beside it, byte for byte.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream

from pipelines.readers.reading import Refused, Track

NS_BASE = Fraction(1, 10**9)


def remux(path: Path, number: int, scratch: Path) -> Track:
    """Copy the packets of stream `number` of the container at `path` into a NUT track."""
    target = scratch / f"{path.stat().st_ino}-{number}.nut"
    with path.open("rb") as file, av.open(file, "r") as source:
        stream = source.streams[number]
        with av.open(str(target), "w", format="nut") as sink:
            out = sink.add_stream_from_template(stream, opaque=True)
            base, step = stream.time_base, _step(stream)
            last = None
            for packet in _packets(source, stream):
                last = _time(packet, last, step)
                packet.stream, packet.time_base = out, base
                sink.mux_one(packet)
    return _track(target)


def mux_images(images: Iterable[tuple[int, bytes]], codec: str, target: Path) -> Track:
    """Mux encoded pictures, each with its time in ns, into an mp4 track in units of 1 ns.

    The first picture stands at 0: a time since 1970 is more than the container can say exactly.
    """
    first: int | None = None
    with av.open(
        str(target), "w", format="mp4", options={"video_track_timescale": "1000000000"}
    ) as sink:
        out: VideoStream | None = None
        for time_ns, data in images:
            if out is None:
                out, first = _image_stream(sink, codec, data), time_ns
            packet = av.Packet(data)
            packet.stream, packet.time_base = out, NS_BASE
            packet.pts = packet.dts = time_ns - (first or 0)
            packet.is_keyframe = True
            sink.mux_one(packet)
    return _track(target)


def _image_stream(sink: OutputContainer, codec: str, data: bytes) -> VideoStream:
    with av.open(io.BytesIO(data), "r") as picture:
        shown = picture.streams.video[0].codec_context
        out = sink.add_stream(codec, rate=1000)
        out.width, out.height = shown.width, shown.height
        out.pix_fmt = shown.pix_fmt
    out.time_base = NS_BASE
    return out


def _packets(source: InputContainer, stream: VideoStream) -> Iterable[av.Packet]:
    packets = source.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):
            return
        if packet.size:
            yield packet


def _step(stream: VideoStream) -> int:
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    return max(1, int(1 / (rate * stream.time_base)))


def _time(packet: av.Packet, last: int | None, step: int) -> int:
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
