"""Packets of proven groups to the RGB of the wanted frames, and no more than these need.

Of the packets before a window only those are decoded that other pictures are decoded from. One
codec and one converter serve a thread for good: making them anew costs more than a picture.

On a CUDA device its own decoder (NVDEC) makes the pictures. H.264 says every picture to the last
bit, so they are the ones that a processor makes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.codec.hwaccel import HWAccel
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from training.errors import DeviceError
from training.loader.h264 import Order, begins_anew, order_of
from training.loader.packets import Group
from training.loader.pixels import Converter

Frames = NDArray[np.uint8]  # T, H, W, 3
_ORDERS_KEPT = 4_096  # groups, some hundred bytes each


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """The packets of a group and what is known of them."""

    first: int  # its first frame, counted through the clip
    units: Sequence[bytes]
    order: Order | None


class Decoder:
    """One thread's decoder of H.264 packets, on the processor or on a device such as `cuda:1`.

    Raises:
        DeviceError: GPU_DECODER_MISSING.
    """

    def __init__(self, device: str = "cpu") -> None:
        self._codec = _codec(device)
        self._converter = Converter()
        self._orders: dict[str, Order | None] = {}  # by digest of the group's bytes

    def decode(self, groups: Sequence[Group], raw: bytes, *, first: int, out_THWC: Frames) -> bool:
        """Write the frames from `first` on into `out_THWC`; false if they cannot be had.

        `raw` holds the groups' bytes, which must have been proven. What stands in `out_THWC` after
        a failure is not to be used.
        """
        told = [self._told(group, raw) for group in groups]
        wanted = range(first, first + len(out_THWC))
        try:
            self._codec.flush_buffers()
            if any(one.order is None for one in told):
                return self._all(told, wanted, out_THWC)
            return self._some(_fed(told, wanted), wanted, out_THWC)
        except av.FFmpegError:
            return False

    def _some(self, fed: Iterator[tuple[int, bytes]], wanted: range, out_THWC: Frames) -> bool:
        """Decode packets that know which frame they are."""
        seen = 0
        for number, unit in fed:
            for frame in self._codec.decode(_packet(unit, number)):
                seen += self._write(frame, wanted, out_THWC)
        for frame in self._codec.decode(None):
            seen += self._write(frame, wanted, out_THWC)
        return seen == len(wanted)

    def _all(self, told: Sequence[_Told], wanted: range, out_THWC: Frames) -> bool:
        """Decode every packet; the order in which frames come out is the order of showing."""
        first, units = told[0].first, [unit for one in told for unit in one.units]
        if not begins_anew(units[0]):
            return False
        number, seen = first, 0
        for unit in (*units, None):
            packet = None if unit is None else _packet(unit, 0)
            for frame in self._codec.decode(packet):
                frame.pts = number
                seen += self._write(frame, wanted, out_THWC)
                number += 1
        return seen == len(wanted) and number == first + len(units)

    def _write(self, frame: av.VideoFrame, wanted: range, out_THWC: Frames) -> int:
        if frame.pts is None or frame.pts not in wanted:
            return 0
        if (frame.height, frame.width) != out_THWC.shape[1:3]:
            return 0
        self._converter.write(frame, out_THWC[frame.pts - wanted.start])
        return 1

    def _told(self, group: Group, raw: bytes) -> _Told:
        ends = (group.ends + group.start).tolist()
        starts = [group.start, *ends[:-1]]
        units = [raw[start:end] for start, end in zip(starts, ends, strict=True)]
        if group.digest not in self._orders:
            if len(self._orders) >= _ORDERS_KEPT:
                self._orders.clear()
            self._orders[group.digest] = order_of(units)
        return _Told(first=group.first, units=units, order=self._orders[group.digest])


def _fed(told: Sequence[_Told], wanted: range) -> Iterator[tuple[int, bytes]]:
    """Packets in decoding order that the wanted frames need, each with its frame's number."""
    for one in told:
        if one.order is None:
            continue
        shown = [one.first + place for place in one.order.shown]
        last = max((at for at, number in enumerate(shown) if number in wanted), default=-1)
        for at in range(last + 1):
            if one.order.needed[at] or shown[at] in wanted:
                yield shown[at], one.units[at]


def _codec(device: str) -> VideoCodecContext:
    accelerated = None
    if device != "cpu":
        kind, _, number = device.partition(":")
        accelerated = HWAccel(kind, device=number or None, allow_software_fallback=False)
    try:
        codec = av.CodecContext.create("h264", "r", hwaccel=accelerated)
    except (av.FFmpegError, NotImplementedError) as error:
        raise DeviceError(
            f"no decoder on {device}: {error}",
            code="GPU_DECODER_MISSING",
            subject=device,
            way_out='use a CUDA device with NVDEC and its driver, or set decode_on = "cpu"',
        ) from error
    codec.thread_count = 1
    codec.thread_type = "NONE"
    return codec


def _packet(unit: bytes, number: int) -> av.Packet[Any]:
    packet: av.Packet[Any] = av.Packet(len(unit))
    packet.update(unit)  # pads the bytes for the decoder
    packet.pts = number
    return packet
