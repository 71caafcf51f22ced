"""A decoded frame as RGB, written straight into the memory of a batch.

PyAV's converter makes a frame of its own, which then has to be copied: a tenth of what a window
costs. The same libswscale, the one that PyAV has loaded, is therefore called with the batch's own
memory for the kind of frame that a training set holds: yuv420p with no colour tags, 16 pixels and
their multiples wide. Every other frame, and a PyAV that does not show the library, takes PyAV's
way. Both give the same bytes. A picture from a CUDA device comes as nv12, which holds the same
numbers with both colours in one plane; they are parted first, because libswscale interpolates the
colours of nv12 and not those of yuv420p.
"""

from __future__ import annotations

import ctypes
import weakref
from functools import cache
from typing import Any, Final

import av
import numpy as np
from av.video import reformatter
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # H, W, 3
_YUV420P, _RGB24, _BILINEAR = 0, 2, 2  # of enum AVPixelFormat and SwsFlags
_UNTAGGED_SPACE: Final = 2  # AVCOL_SPC_UNSPECIFIED
_LIMITED_RANGE: Final = frozenset({0, 1})  # not said, or said to be as usual
_Pointers, _Sizes = ctypes.c_void_p * 4, ctypes.c_int * 4


class Converter:
    """One thread's converter."""

    def __init__(self, *, direct: bool = True) -> None:
        self._library = _library() if direct else None
        self._contexts: dict[tuple[int, int], Any] = {}
        self._by_av = reformatter.VideoReformatter()
        self._from, self._from_sizes = _Pointers(), _Sizes()
        self._to, self._to_sizes = _Pointers(), _Sizes()

    def write(self, frame: av.VideoFrame, out_HWC: Picture) -> None:
        """Write a frame as RGB; `out_HWC` has its size, and its rows lie without gaps."""
        library = self._library
        if library is None or not _is_plain(frame):
            if frame.format.name == "nv12":
                self.write(self._by_av.reformat(frame, format="yuv420p", threads=1), out_HWC)
                return
            picture = self._by_av.reformat(frame, format="rgb24", threads=1)
            out_HWC[:] = picture.to_ndarray()
            return
        size = frame.width, frame.height
        if size not in self._contexts:
            self._contexts[size] = _context(library, size)
        for at, plane in enumerate(frame.planes):
            self._from[at], self._from_sizes[at] = plane.buffer_ptr, plane.line_size
        self._to[0], self._to_sizes[0] = out_HWC.ctypes.data, out_HWC.strides[0]
        source, target = (self._from, self._from_sizes), (self._to, self._to_sizes)
        library.sws_scale(self._contexts[size].pointer, *source, 0, frame.height, *target)


class _Context:
    """A context of libswscale, freed with this object."""

    def __init__(self, library: ctypes.CDLL, pointer: int) -> None:
        self.pointer = ctypes.c_void_p(pointer)
        weakref.finalize(self, library.sws_freeContext, self.pointer).atexit = False


def _context(library: ctypes.CDLL, size: tuple[int, int]) -> _Context:
    pointer = library.sws_getContext(*size, _YUV420P, *size, _RGB24, _BILINEAR, None, None, None)
    if not pointer:
        raise MemoryError(f"no converter for pictures of {size[0]}x{size[1]}")
    return _Context(library, pointer)


def _is_plain(frame: av.VideoFrame) -> bool:
    return (
        frame.format.name == "yuv420p"
        and frame.colorspace == _UNTAGGED_SPACE
        and frame.color_range in _LIMITED_RANGE
        and frame.width % 16 == 0
    )


@cache
def _library() -> ctypes.CDLL | None:
    """The libswscale behind PyAV's own converter; `None` where it does not show."""
    try:
        library = ctypes.CDLL(reformatter.__file__)
        library.sws_getContext.restype = ctypes.c_void_p
        library.sws_getContext.argtypes = [ctypes.c_int] * 7 + [ctypes.c_void_p] * 3
        there = (_Pointers, _Sizes)
        library.sws_scale.argtypes = (ctypes.c_void_p, *there, ctypes.c_int, ctypes.c_int, *there)
        library.sws_freeContext.argtypes = [ctypes.c_void_p]
        library.sws_freeContext.restype = None
    except (OSError, AttributeError):
        return None
    return library
