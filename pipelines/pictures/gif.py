"""Frames to an animated GIF: one palette for all of them, the same bytes for the same frames."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from av.filter import Graph

Pixels = npt.NDArray[np.uint8]  # rows x columns x 3
_TICKS: Final = 100  # a GIF counts hundredths of a second
_REST: Final = 1.5  # seconds that the last frame stays
LOOPS: Final = 3  # shown as often, then it stands still


def gif(frames: Sequence[Pixels], *, seconds: float) -> bytes:
    """Encode frames of one size, each shown for `seconds`, the last one longer."""
    height, width, _ = frames[0].shape
    ticks = max(2, round(seconds * _TICKS))  # viewers slow down what is faster
    rest = max(ticks, round(_REST * _TICKS))
    out = io.BytesIO()
    options = {"loop": str(LOOPS - 1), "final_delay": str(rest)}
    with av.open(out, "w", format="gif", options=options) as container:
        stream = container.add_stream("gif", rate=Fraction(_TICKS, ticks))
        stream.width, stream.height, stream.pix_fmt = width, height, "pal8"
        stream.time_base = Fraction(1, _TICKS)
        for frame in _coloured(frames, ticks, size=(width, height)):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()


def _coloured(
    frames: Sequence[Pixels], ticks: int, *, size: tuple[int, int]
) -> Iterator[av.VideoFrame]:
    """The frames in 256 colours that all of them share."""
    graph = Graph()
    shape = f"video_size={size[0]}x{size[1]}:pix_fmt=rgb24:time_base=1/{_TICKS}:pixel_aspect=1/1"
    source, sink = graph.add("buffer", shape), graph.add("buffersink")
    both, palette = graph.add("split"), graph.add("palettegen", "stats_mode=full")
    paint = graph.add("paletteuse", "dither=none")
    source.link_to(both)
    both.link_to(paint, 0, 0)
    both.link_to(palette, 1, 0)
    palette.link_to(paint, 0, 1)
    paint.link_to(sink)
    graph.configure()
    for number, pixels in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = number * ticks, Fraction(1, _TICKS)
        source.push(frame)
    source.push(None)
    for _ in frames:
        painted = sink.pull()
        if isinstance(painted, av.VideoFrame):  # as all that passes a filter of pictures
            yield painted
