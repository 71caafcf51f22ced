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

from pipelines.pictures.small import Shrinker, Small
from pipelines.readers.reading import Refused

NS_BASE = Fraction(1, 10**9)
DECODERS = {"av1": "libdav1d"}  # the library's own av1 decoder has no software path


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """What a decoder must know beside the packets; some codecs say none of it in their packets."""

    codec: str
    extradata: bytes = b""
    width: int = 0
    height: int = 0
    pixels: str = ""


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


def small_frames(
    coding: Coding, units: Iterable[tuple[int, bytes]], shown_ns: npt.NDArray[np.int64]
) -> Iterator[Small]:
    """Yield each picture scaled down; what an edit list hides, so has no time in `shown_ns`, not.

    `shown_ns` ascends.
    """
    shrinker = Shrinker()
    for frame in decode_units(coding, units):
        time_ns = int(frame.pts or 0)
        at = int(shown_ns.searchsorted(time_ns))
        if at < len(shown_ns) and shown_ns[at] == time_ns:
            yield shrinker.small(time_ns, frame)
