"""Render the pictures of a clip for training: decode, resize, encode as short closed GOPs.

In: a video track (a packet index and a way to read byte ranges of its file) and the frame times of
the clip. Out: the media columns of one row of `data.lance`.

Pictures are stretched to the asked size and encoded once, by one thread and with fixed settings, so
that one encoder build gives the same bytes every time. A clip costs the packets from the key frame
before it to its last picture, never the file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, cast

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from pipelines.errors import ExportError

_NANOSECOND = Fraction(1, 1_000_000_000)
_DECODERS = {"av1": "libdav1d"}  # the native one needs hardware
GAP_BYTES = 64 * 1024  # packets closer than this are read in one request

ReadRange = Callable[[str, int, int], bytes]  # file id, offset, length


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSpec:
    """Size, rate and encode settings of a training set."""

    width: int = 64
    height: int = 64
    fps: int = 10
    gop: int = 16
    crf: int = 23
    preset: str = "veryfast"

    def __post_init__(self) -> None:
        if min(self.width, self.height) < 16 or self.width % 16 or self.height % 16:
            raise ExportError(
                f"size {self.width}x{self.height}, expected multiples of 16 from 16 on",
                code="RENDER_SIZE",
                subject=f"{self.width}x{self.height}",
                way_out="other sizes encode differently from run to run; choose for example 64x64",
            )
        if self.fps < 1 or self.gop < 1:
            raise ExportError(
                f"fps {self.fps} and gop {self.gop}, expected at least 1",
                code="RENDER_RATE",
                subject=str(self.fps),
                way_out="give a whole number of frames a second, for example 10",
            )

    def doc(self) -> dict[str, Any]:
        """The settings as the manifest lists them, with the encoder build they hold for."""
        return {
            "width": self.width,
            "height": self.height,
            "fps": self.fps,
            "gop": self.gop,
            "codec": "h264",
            "crf": self.crf,
            "preset": self.preset,
            "encoder": encoder_build(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """How a track is coded; some codecs say none of the rest in their packets."""

    codec: str
    width: int = 0
    height: int = 0
    pixels: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VideoTrack:
    """A video stream: `ts_ns` in display order, the packet index in decode order.

    The time of a packet is that of the picture it gives; a picture whose time is none of `ts_ns`
    was cut out by the recording's edit list and is never shown.
    """

    name: str
    file_id: str
    coding: Coding
    extradata: bytes
    ts_ns: NDArray[np.int64]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    key: NDArray[np.bool_]
    pts_ns: NDArray[np.int64]


def render_pictures(
    track: VideoTrack, frame_ts: NDArray[np.int64], *, spec: RenderSpec, read: ReadRange
) -> dict[str, Any]:
    """Render what `track` shows at the times `frame_ts`: the media columns of one row.

    The picture of a time is the latest at or before it; before the first picture, the first one.

    Raises:
        ExportError: RENDER_FAILED when the packets of the window do not give its pictures.
    """
    shown = np.maximum(np.searchsorted(track.ts_ns, frame_ts, side="right") - 1, 0)
    units = encode(pictures(track, track.ts_ns[shown].tolist(), spec=spec, read=read), spec)
    media = b"".join(unit for unit, _ in units)
    offsets = [0, *np.cumsum([len(unit) for unit, _ in units]).tolist()]
    starts = [number for number, (_, key) in enumerate(units) if key]
    ends = [*starts[1:], len(units)]
    return {
        "media": media,
        "unit_offset": offsets[:-1],
        "unit_size": [len(unit) for unit, _ in units],
        "unit_key": [key for _, key in units],
        "gop_sha256": [
            hashlib.sha256(media[offsets[first] : offsets[end]]).hexdigest()
            for first, end in zip(starts, ends, strict=True)
        ],
        "media_sha256": hashlib.sha256(media).hexdigest(),
    }


def pictures(
    track: VideoTrack, wanted: Sequence[int], *, spec: RenderSpec, read: ReadRange
) -> Iterator[NDArray[np.uint8]]:
    """Yield the pictures of `track` at the times `wanted`, which ascend and may repeat."""
    found = _decode(track, _units(track, wanted), spec=spec, read=read, keep=set(wanted))
    missing = [one for one in wanted if one not in found]
    if missing:
        raise _failed(track, f"{len(missing)} pictures are missing, the first at {missing[0]} ns")
    for one in wanted:
        yield found[one]


def encode(
    frames: Iterator[NDArray[np.uint8]] | Sequence[NDArray[np.uint8]], spec: RenderSpec
) -> list[tuple[bytes, bool]]:
    """Encode yuv420p pictures; one (bytes, is key) a picture, in display order."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height, codec.pix_fmt = spec.width, spec.height, "yuv420p"
    codec.framerate = Fraction(spec.fps)
    codec.time_base = Fraction(1, spec.fps)
    codec.thread_count = 1
    codec.options = {
        "preset": spec.preset,
        "tune": "fastdecode",
        "crf": str(spec.crf),
        "g": str(spec.gop),
        "keyint_min": str(spec.gop),
        "sc_threshold": "0",
        "bf": "0",
        # Without it small pictures came out different in 1 to 5 of 100 runs of one process.
        "x264-params": "cpu-independent=1",
    }
    packets = []
    for number, picture in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, spec.fps)
        packets += codec.encode(frame)
    packets += codec.encode(None)
    return [(bytes(packet), bool(packet.is_keyframe)) for packet in packets]


@cache
def encoder_build() -> str:
    """Name the encoder build, which the bytes of a training set depend on."""
    gray = np.full((24, 16), 128, dtype=np.uint8)
    unit, _ = encode([gray], RenderSpec(width=16, height=16))[0]
    named = re.search(rb"x264 - core [0-9]+[ -]?[ ra-z0-9]*", unit)
    release = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return f"{named[0].decode().strip(' -') if named else 'libx264'}; libavcodec {release}"


def _units(track: VideoTrack, wanted: Sequence[int]) -> range:
    """The packets (decode order) that the pictures `wanted` need, from a key frame on."""
    needed = np.flatnonzero(np.isin(track.pts_ns, np.asarray(wanted)))
    if not len(needed):
        return range(0)
    keys = np.flatnonzero(track.key & (track.pts_ns <= min(wanted)))
    before = keys[keys <= needed[0]]
    return range(int(before[-1]) if len(before) else 0, int(needed[-1]) + 1)


def _decode(
    track: VideoTrack, units: range, *, spec: RenderSpec, read: ReadRange, keep: set[int]
) -> dict[int, NDArray[np.uint8]]:
    found: dict[int, NDArray[np.uint8]] = {}
    try:
        codec = _decoder(track)
        for number, data in _read_packets(track, units, read):
            packet = av.Packet(len(data))
            packet.update(data)  # pads the bytes, as decoders need: they read past the end
            packet.pts = packet.dts = int(track.pts_ns[number])
            packet.time_base = _NANOSECOND
            _keep(codec.decode(packet), spec, keep=keep, found=found)
        _keep(codec.decode(None), spec, keep=keep, found=found)
    except (FFmpegError, ValueError) as error:
        raise _failed(track, f"{track.coding.codec} cannot be decoded: {error}") from error
    return found


def _decoder(track: VideoTrack) -> av.VideoCodecContext:
    coding = track.coding
    name = _DECODERS.get(coding.codec, coding.codec)
    codec = cast("av.VideoCodecContext", av.CodecContext.create(name, "r"))
    codec.thread_count = 1
    if coding.width and coding.height:
        codec.width, codec.height = coding.width, coding.height
    if coding.pixels:
        codec.pix_fmt = coding.pixels
    if track.extradata:
        codec.extradata = track.extradata
    return codec


def _failed(track: VideoTrack, why: str) -> ExportError:
    return ExportError(
        f"stream {track.name!r}: {why}",
        code="RENDER_FAILED",
        subject=track.name,
        way_out="ingest the file again; if it stays, the recording is damaged at this place",
    )


def _keep(
    frames: Sequence[Any], spec: RenderSpec, *, keep: set[int], found: dict[int, Any]
) -> None:
    for frame in frames:
        if frame.pts in keep:
            small = frame.reformat(
                spec.width, spec.height, "yuv420p", interpolation="AREA", threads=1
            )
            found[frame.pts] = small.to_ndarray()


def _read_packets(track: VideoTrack, units: range, read: ReadRange) -> Iterator[tuple[int, bytes]]:
    """Yield (packet number, bytes), neighbours in the file read in one request."""
    run: list[int] = []
    for number in units:
        end = int(track.offset[run[-1]] + track.size[run[-1]]) if run else 0
        if run and not 0 <= int(track.offset[number]) - end <= GAP_BYTES:
            yield from _cut_run(track, run, read)
            run = []
        run.append(number)
    yield from _cut_run(track, run, read)


def _cut_run(track: VideoTrack, run: list[int], read: ReadRange) -> Iterator[tuple[int, bytes]]:
    if not run:
        return
    start = int(track.offset[run[0]])
    data = read(track.file_id, start, int(track.offset[run[-1]] + track.size[run[-1]]) - start)
    for number in run:
        begin = int(track.offset[number]) - start
        yield number, data[begin : begin + int(track.size[number])]
