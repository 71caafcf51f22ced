"""A decoded picture -> a small one: as much of it as its figures are taken from."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, VideoReformatter

SECOND_NS = 10**9
WIDTH, HEIGHT = 160, 90
DETAIL, BLOCK = 512, 8
PLANAR_8_BIT = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Small:
    """One picture, scaled down: its time, its luma, and below one another its two chroma planes."""

    ts_ns: int
    luma: npt.NDArray[np.uint8]  # HEIGHT x WIDTH, 0 to 255
    chroma: npt.NDArray[np.uint8]
    detail: npt.NDArray[np.uint8] | None = None  # luma as coded, the middle of the picture


class Shrinker:
    """Scales the pictures of one stream, in their order."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()  # making its tables costs more than scaling
        self._second = -1

    def small(self, ts_ns: int, frame: av.VideoFrame) -> Small:
        """Return a picture scaled down; the first of each whole second with a detail at full size.

        Raises:
            ValueError, av.FFmpegError: pixels that the library cannot scale.
        """
        planes = self._scaler.reformat(
            frame, width=WIDTH, height=HEIGHT, format="yuv420p", dst_color_range=ColorRange.JPEG
        )
        both = planes.to_ndarray().astype(np.uint8, copy=False)
        is_fresh, self._second = ts_ns // SECOND_NS != self._second, ts_ns // SECOND_NS
        return Small(
            ts_ns=ts_ns,
            luma=both[:HEIGHT],
            chroma=both[HEIGHT:],
            detail=_middle(frame) if is_fresh else None,
        )


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
