"""ASF: packets of one length, and in them the pieces of numbered objects, one after the other.

The demuxer looks for the next packet that it can make out: a hole costs the pictures in it without
a word. So the pieces are put together here, by their numbers and offsets, and not looked into.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from pipelines.readers.containers.fault import Fault, damaged, ends_early, read_at, size_of

HEAD = 64 << 10
FACTS = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
DATA_HEAD = 50
BROADCAST = 1
WIDTHS = (0, 1, 2, 4)  # bytes of a number, by its two bits


@dataclass(slots=True, kw_only=True)
class Pieces:
    """How far the object of each stream has come: its number, its bytes so far, and how many."""

    last: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def follows(self, stream: int, number: int, *, offset: int, size: int, whole: int) -> bool:
        """Say whether a piece is what has to come next."""
        before, had, wanted = self.last.get(stream, (number - 1, 0, 0))
        starts = not offset and had == wanted and (number - before) % 256 == 1
        goes_on = bool(offset) and number == before and offset == had
        self.last[stream] = (number, offset + size, whole)
        return starts or goes_on


def asf_fault(file: BinaryIO) -> Fault | None:
    """Compare the length that the header tells, unless it was broadcast, and walk the packets."""
    size, head = size_of(file), read_at(file, 0, HEAD)
    at = head.find(FACTS)
    if at < 0 or len(head) < at + 100:
        return None
    promised, flags, least, most = struct.unpack_from("<40xQ40xIII", head, at)
    broadcast = flags & BROADCAST
    if not broadcast and promised > size:
        return ends_early(promised, size)
    start = int.from_bytes(head[16:24], "little")
    data = read_at(file, start, DATA_HEAD)
    if not data.startswith(DATA) or least != most or not most:
        return None
    length = int.from_bytes(data[16:24], "little")
    end = size if broadcast or length <= DATA_HEAD else min(size, start + length)
    return _packets_fault(file, range(start + DATA_HEAD, end - most + 1, most), most)


def _packets_fault(file: BinaryIO, places: range, length: int) -> Fault | None:
    """Find a packet that is none, or that does not follow; if most do not, the muxer counts so."""
    pieces, breaks = Pieces(), list[int]()
    for at in places:
        try:
            told = list(_pieces(read_at(file, at, length)))
        except (IndexError, ValueError):
            return damaged(at, "a packet that is none")
        follow = [pieces.follows(stream, number, **piece) for stream, number, piece in told]
        if not all(follow):
            breaks.append(at)
    habit = 2 * len(breaks) > len(places)
    return damaged(breaks[0], "a packet after a missing one") if breaks and not habit else None


def _pieces(packet: bytes) -> Iterator[tuple[int, int, dict[str, int]]]:
    """Yield the stream and the number of each piece of an object, its place and its length."""
    at = 1 + (packet[0] & 15) if packet[0] & 0x80 else 0
    lengths, kinds = packet[at], packet[at + 1]
    if kinds & 0xC0 != 0x40:
        raise ValueError("a stream's number has one byte")
    told, at = _numbers(packet, at + 2, (lengths >> 5, lengths >> 1, lengths >> 3))
    end, at = (told[0] or len(packet)) - told[2], at + 6
    several = lengths & 1
    count, width = (packet[at] & 63, packet[at] >> 6) if several else (1, 0)
    at += several
    for _ in range(count):
        stream = packet[at] & 127
        (number, offset, more), at = _numbers(packet, at + 1, (kinds >> 4, kinds >> 2, kinds))
        whole = int.from_bytes(packet[at : at + 4], "little") if more >= 8 else 0
        at += more
        (size,), at = _numbers(packet, at, (width,)) if several else ((end - at,), at)
        if size < 0 or at + size > len(packet) or (more not in {0, 1} and more < 8):
            raise ValueError("a piece that is longer than its packet")
        if more == 1:
            yield from _small(packet[at + 1 : at + size], stream, number)
        else:
            yield stream, number, {"offset": offset, "size": size, "whole": whole}
        at += size


def _small(payload: bytes, stream: int, number: int) -> Iterator[tuple[int, int, dict[str, int]]]:
    """Yield small objects that lie in one piece, each with its length before it."""
    at = 0
    while at < len(payload):
        size = payload[at]
        yield stream, number, {"offset": 0, "size": size, "whole": size}
        at, number = at + 1 + size, number + 1


def _numbers(packet: bytes, at: int, kinds: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """Read numbers whose widths are told by two bits each; return them and what comes after."""
    numbers = []
    for kind in kinds:
        width = WIDTHS[kind & 3]
        numbers.append(int.from_bytes(packet[at : at + width], "little"))
        at += width
    return tuple(numbers), at
