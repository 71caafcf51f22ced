"""In which order a group of pictures is shown, and which of its packets others are decoded from.

Packets stand in the order of decoding; with B-frames that is not the order of showing, and about
half of them are referred to by no other picture. Both facts are in the first bytes of a packet
(ITU-T H.264, 7.3.2.1, 7.3.3 and 8.2.1), so a reader may leave out what neither it nor the wanted
pictures need. What this page does not know (fields, scaling lists, orders of type 1, a slice that
does not begin the picture) is answered with `None`: then everything is decoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_SLICE, _IDR, _SPS = 1, 5, 7
_HEADER_BYTES: Final = 24  # more than the fields that are read can take
_WITH_CHROMA: Final = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Of each packet of a group, in decoding order."""

    shown: Sequence[int]  # place among the group's pictures as they are shown
    needed: Sequence[bool]  # whether other pictures may be decoded from it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sps:
    frame_num_bits: int
    poc_bits: int  # 0: pictures are shown in the order of decoding


class _Bits:
    """Reads numbers from the front of a NAL unit's payload."""

    def __init__(self, payload: bytes) -> None:
        plain = payload.replace(b"\0\0\3", b"\0\0")  # without emulation prevention
        self._value = int.from_bytes(plain, "big")
        self._left = 8 * len(plain)

    def number(self, bits: int) -> int:
        """An unsigned number of so many bits."""
        self._left -= bits
        if self._left < 0:
            raise EOFError
        return (self._value >> self._left) & ((1 << bits) - 1)

    def golomb(self) -> int:
        """An unsigned Exp-Golomb number: as many zeros as bits follow the first one."""
        zeros = self._left - (self._value & ((1 << self._left) - 1)).bit_length()
        return self.number(2 * zeros + 1) - 1


def order_of(units: Sequence[bytes]) -> Order | None:
    """The order of the packets of one closed group; `None` where it cannot be told."""
    try:
        sps = _sps_in(units[0])
        if sps is None:
            return None
        if not sps.poc_bits:
            return Order(shown=range(len(units)), needed=(True,) * len(units))
        return _ordered(units, sps)
    except EOFError:  # a header that ends before its fields
        return None


def begins_anew(data: bytes) -> bool:
    """Whether a packet is an IDR picture: nothing shown after it is decoded from before it."""
    at = data.find(b"\0\0\1")
    while at >= 0:
        if (data[at + 3 : at + 4] or b"\0")[0] & 31 == _IDR:
            return True
        at = data.find(b"\0\0\1", at + 3)
    return False


def _ordered(units: Sequence[bytes], sps: _Sps) -> Order | None:
    """Picture order counts of type 0: the low bits are sent, the high ones follow references."""
    counts: list[int] = []
    needed: list[bool] = []
    high, low = 0, 0  # of the last reference
    half = 1 << (sps.poc_bits - 1)
    for number, unit in enumerate(units):
        found = _slice_in(unit, sps)
        if found is None or found[1] != (number == 0):
            return None  # not a picture, or a group that does not begin with its only IDR
        is_needed, _, sent = found
        above = high
        if sent < low and low - sent >= half:
            above += 2 * half
        elif sent > low and sent - low > half:
            above -= 2 * half
        counts.append(above + sent)
        needed.append(is_needed)
        if is_needed:
            high, low = above, sent
    if len(set(counts)) < len(counts) or min(counts) != counts[0]:
        return None
    place = {count: at for at, count in enumerate(sorted(counts))}
    return Order(shown=tuple(place[count] for count in counts), needed=tuple(needed))


def _sps_in(unit: bytes) -> _Sps | None:
    at = unit.find(b"\0\0\1")
    while at >= 0 and unit[at + 3 : at + 4]:
        end = unit.find(b"\0\0\1", at + 3)
        if unit[at + 3] & 31 == _SPS:
            return _sps(unit[at + 4 : end if end >= 0 else len(unit)])
        at = end
    return None


@lru_cache(maxsize=256)
def _sps(payload: bytes) -> _Sps | None:
    bits = _Bits(payload)
    profile = bits.number(24) >> 16
    bits.golomb()
    if profile in _WITH_CHROMA:
        if bits.golomb() == 3:  # planes may be coded apart
            return None
        bits.golomb(), bits.golomb()
        if bits.number(2) & 1:  # scaling lists
            return None
    frame_num_bits = bits.golomb() + 4
    kind = bits.golomb()
    if kind == 1:
        return None
    poc_bits = bits.golomb() + 4 if kind == 0 else 0
    bits.golomb(), bits.number(1), bits.golomb(), bits.golomb()
    return _Sps(frame_num_bits=frame_num_bits, poc_bits=poc_bits) if bits.number(1) else None


def _slice_in(data: bytes, sps: _Sps) -> tuple[bool, bool, int] | None:
    """Of the first slice: whether it is referred to, begins anew, and its sent order count."""
    at = data.find(b"\0\0\1")
    while at >= 0 and (kind := (data[at + 3 : at + 4] or b"\0")[0] & 31) not in {_SLICE, _IDR}:
        at = data.find(b"\0\0\1", at + 3)  # parameter sets and messages stand before it
    if at < 0:
        return None
    bits = _Bits(data[at + 4 : at + 4 + _HEADER_BYTES])
    if bits.golomb():
        return None
    bits.golomb(), bits.golomb(), bits.number(sps.frame_num_bits)
    if kind == _IDR:
        bits.golomb()
    return bool(data[at + 3] & 0x60), kind == _IDR, bits.number(sps.poc_bits)
