"""Decode a run of packets that was read from the lake by byte ranges.

In: the codec, its extradata and packets from a key packet on, with their times. Out: pictures, one
at a time, small enough to measure. Nothing is opened by name: the bytes are all there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, VideoReformatter

from pipelines.readers.reading import Refused

NS_BASE = Fraction(1, 10**9)
SECOND_NS = 10**9
WIDTH, HEIGHT = 160, 90
DETAIL, BLOCK = 512, 8
PLANAR_8_BIT = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"})
DECODERS = {"av1": "libdav1d"}  # the library's own av1 decoder has no software path


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """What a decoder must know beside the packets; some codecs say none of it in their packets."""

    codec: str
    extradata: bytes = b""
    width: int = 0
    height: int = 0
    pixels: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """One picture, scaled down: its time, its luma, and below one another its two chroma planes."""

    ts_ns: int
    luma: npt.NDArray[np.uint8]  # HEIGHT x WIDTH, 0 to 255
    chroma: npt.NDArray[np.uint8]
    detail: npt.NDArray[np.uint8] | None = None  # luma as coded, the middle of the picture


def decode_units(coding: Coding, units: Iterable[tuple[int, bytes]]) -> Iterator[av.VideoFrame]:
    """Yield the pictures of `units` (time in ns, bytes); a packet that fails gives none."""
    context = av.CodecContext.create(DECODERS.get(coding.codec, coding.codec), "r")
    if not isinstance(context, av.VideoCodecContext):
        raise Refused(f"{coding.codec} is no picture codec", code="UNSUPPORTED_CODEC")
    context.thread_count = 1
    if coding.width and coding.height:
        context.width, context.height = coding.width, coding.height
    if coding.pixels:
        context.pix_fmt = coding.pixels
    if coding.extradata:
        context.extradata = coding.extradata
    for time_ns, data in units:
        packet = av.Packet(len(data))
        packet.update(data)  # pads the bytes, as decoders need: they read past the end
        packet.pts = packet.dts = time_ns
        packet.time_base = NS_BASE
        try:
            yield from context.decode(packet)
        except av.error.FFmpegError:
            continue
    yield from context.decode(None)


def small_frames(coding: Coding, units: Iterable[tuple[int, bytes]]) -> Iterator[Small]:
    """Yield each picture scaled down; the first of each whole second with a detail at full size."""
    scaler = VideoReformatter()  # one for all pictures: making its tables costs more than scaling
    second = -1
    for frame in decode_units(coding, units):
        time_ns = int(frame.pts or 0)
        planes = _small_planes(scaler, frame)
        fresh, second = time_ns // SECOND_NS != second, time_ns // SECOND_NS
        yield Small(
            ts_ns=time_ns,
            luma=planes[:HEIGHT],
            chroma=planes[HEIGHT:],
            detail=_middle(frame) if fresh else None,
        )


def _small_planes(scaler: VideoReformatter, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    small = scaler.reformat(
        frame, width=WIDTH, height=HEIGHT, format="yuv420p", dst_color_range=ColorRange.JPEG
    )
    return small.to_ndarray().astype(np.uint8, copy=False)


def _middle(frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
    """Return at most DETAIL x DETAIL pixels of luma as coded, cut where blocks begin."""
    if frame.format.name in PLANAR_8_BIT:
        plane = frame.planes[0]
        lines = np.frombuffer(bytes(plane), np.uint8).reshape(-1, plane.line_size)
        luma = lines[: frame.height, : frame.width]
    else:
        luma = frame.reformat(format="gray").to_ndarray().astype(np.uint8, copy=False)
    top, left = (max(0, size - DETAIL) // 2 // BLOCK * BLOCK for size in luma.shape)
    return luma[top : top + DETAIL, left : left + DETAIL].copy()
