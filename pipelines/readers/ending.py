"""Whether a raw or transport stream of H.265 ends inside a picture.

Its decoder says nothing: it reads zeros behind the end and paints on. But in a picture that is
whole nothing is read behind its mark of the end. So the last pictures are decoded once more, with
other bytes behind the last: if that turns out another picture, its end is missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from pipelines.readers.decode import Coding, decode_units

MOST = 300  # packets since the last key picture: more are not decoded once more
OTHER = bytes([0xA5, 0x5A, 0x3C, 0xC3, 0x96, 0x69, 0xE7, 0x7E]) * 64  # no start of a unit in it


class Tail:
    """The packets from the last key picture on, and the picture that came out of the last one."""

    def __init__(self) -> None:
        self._before: list[bytes] = []  # from the key picture before that
        self._packets: list[bytes] = []
        self._shown: tuple[int, av.VideoFrame] | None = None

    def pack(self, payload: bytes, *, is_key: bool) -> None:
        """Take the next packet."""
        if is_key:
            self._before, self._packets = self._packets, []
        if len(self._packets) <= MOST:
            self._packets.append(payload)

    def show(self, packet: int, frame: av.VideoFrame) -> None:
        """Take the picture of a packet, if it is the last so far."""
        if self._shown is None or packet > self._shown[0]:
            self._shown = packet, frame

    def is_cut(self, num_packets: int, extradata: bytes) -> bool:
        """Say whether the last packet of so many lacks its end; one that shows nothing does not."""
        if self._shown is None or self._shown[0] != num_packets - 1 or len(self._packets) > MOST:
            return False
        other = _last_picture(self._packets, extradata)
        if other is None and len(self._before) <= MOST:  # it leans on pictures before the key
            other = _last_picture([*self._before, *self._packets], extradata)
        return other is not None and not np.array_equal(other, _pixels(self._shown[1]))


def _last_picture(packets: Sequence[bytes], extradata: bytes) -> npt.NDArray[Any] | None:
    """Decode the packets, other bytes behind the last one, and return the picture of that."""
    units = [(number, data) for number, data in enumerate([*packets[:-1], packets[-1] + OTHER])]
    frames = decode_units(Coding(codec="hevc", extradata=extradata), units)
    return next((_pixels(frame) for frame in frames if frame.pts == len(packets) - 1), None)


def _pixels(frame: av.VideoFrame) -> npt.NDArray[Any]:
    return frame.reformat(format="rgb24").to_ndarray()
