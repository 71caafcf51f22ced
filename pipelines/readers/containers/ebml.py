"""Matroska and WebM: elements in elements, each with its length, many with a checksum.

The demuxer skips what it cannot make out and finds the next cluster: a few damaged bytes cost all
pictures in between without a word. So every element of the segment is walked here, every checksum
that a muxer has left is compared, and a block must be of a track that there is.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from pipelines.readers.containers.fault import BLOCK, Fault, damaged, ends_early, read_at, size_of

SEGMENT, CLUSTER, CRC, VOID = 0x18538067, 0x1F43B675, 0xBF, 0xEC
TOP = frozenset(
    {
        *(CLUSTER, CRC, VOID, 0x114D9B74, 0x1549A966, 0x1654AE6B),
        *(0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367),
    }
)
GROUP, ADDITIONS, MORE = 0xA0, 0x75A1, 0xA6
BLOCKS = frozenset({0xA1, 0xA3})
TRACKS, TRACK, NUMBER, LACES = 0x1654AE6B, 0xAE, 0xD7, 0x9C
LACED = 0x06  # in the flags of a block: several frames lie in it
IN_CLUSTER = frozenset({CRC, VOID, GROUP, 0xE7, 0xAB, 0xA7, 0xA3, 0xAF, 0x5854})
INSIDE = {  # what is walked, and what may stand in it
    CLUSTER: IN_CLUSTER,
    GROUP: frozenset(
        {CRC, VOID, 0xA1, 0xA2, 0x9B, ADDITIONS, 0xFA, 0xFB, 0xFD, 0xA4, 0x75A2, 0x8E, 0xC8}
    ),
    ADDITIONS: frozenset({CRC, VOID, MORE}),  # of a block: its transparency
    MORE: frozenset({CRC, VOID, 0xA5, 0xEE}),
}
HEAD = 12  # an id has at most 4 bytes, a length 8
CRC_BYTES = 6


def ebml_fault(file: BinaryIO) -> Fault | None:
    """Walk the segment; what stands behind it belongs to nobody."""
    size, at = size_of(file), 0
    head = _element(file, at)
    segment = _element(file, head[2]) if head and head[2] is not None else None
    if segment is None or segment[0] != SEGMENT:
        return None
    _, start, end = segment
    if end is not None and end > size:
        return ends_early(end, size)
    limit, laces = size if end is None else end, dict[int, bool]()
    for element in _children(file, start, limit):
        fault = _top_fault(file, element, limit=limit, is_open=end is None)
        if not fault and element[0] == TRACKS:
            laces |= dict(_tracks(file, *element[2:]))
        if not fault and element[0] == CLUSTER:
            fault = _fault_inside(file, CLUSTER, element[2:], laces=laces)
        if fault:
            return fault
    return None


def _top_fault(
    file: BinaryIO, element: tuple[int, int, int, int], *, limit: int, is_open: bool
) -> Fault | None:
    """Say what is wrong with an element of the segment; one without a length may just break off."""
    kind, at, start, end = element
    if is_open and (end > limit or (not kind and at + HEAD > limit)):
        return ends_early(max(end, at + HEAD), limit, element=f"{kind:#x}", offset=at)
    if kind not in TOP or end > limit:
        return damaged(at, f"element {kind:#x} in the segment")
    if kind in {CRC, VOID}:
        return None
    head = read_at(file, start, CRC_BYTES)
    if head[:2] == b"\xbf\x84" and end - start >= CRC_BYTES:
        told, found = int.from_bytes(head[2:], "little"), _crc32(file, start + CRC_BYTES, end)
        return None if told == found else damaged(at, f"element {kind:#x} with a wrong checksum")
    return None


def _fault_inside(
    file: BinaryIO, parent: int, span: tuple[int, int], *, laces: Mapping[int, bool]
) -> Fault | None:
    """Walk the blocks of a cluster, what is in a group of them, and what is added to a block.

    `laces` says of each track whether several frames may lie in one of its blocks.
    """
    for kind, at, first, stop in _children(file, *span):
        if kind not in INSIDE[parent] or stop > span[1]:
            return damaged(at, f"element {kind:#x} in element {parent:#x}")
        if kind in BLOCKS and laces and (why := _wrong_with(read_at(file, first, HEAD), laces)):
            return damaged(at, f"a block {why}")
        fault = _fault_inside(file, kind, (first, stop), laces=laces) if kind in INSIDE else None
        if fault:
            return fault
    return None


def _wrong_with(block: bytes, laces: Mapping[int, bool]) -> str:
    """Say what is wrong with the head of a block: its track, two bytes of time, its flags."""
    width = 9 - block[0].bit_length() if block and block[0] else len(block)
    number = int.from_bytes(block[:width], "big") & ((1 << (7 * width)) - 1)
    if number not in laces:
        return f"of track {number}, which is none"
    is_laced = len(block) > width + 2 and block[width + 2] & LACED
    if is_laced and not laces[number]:
        return f"of several frames, which track {number} has none of"
    return ""


def _tracks(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, bool]]:
    """Yield the number of each track, and whether its blocks may hold several frames."""
    for kind, _, first, stop in _children(file, start, end):
        if kind == TRACK:
            told = {
                name: int.from_bytes(read_at(file, low, min(high - low, 8)), "big")
                for name, _, low, high in _children(file, first, stop)
                if name in {NUMBER, LACES}
            }
            yield told.get(NUMBER, 0), bool(told.get(LACES, 1))


def _children(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (id, offset, payload start, payload end) of each element in `[start, end)`."""
    at = start
    while at < end:
        element = _element(file, at)
        if element is None:
            yield 0, at, at, at
            return
        kind, first, stop = element
        if stop is None:  # of unknown length: it ends where the next of its level begins
            stop = _open_end(file, first, end)
        yield kind, at, first, stop
        at = stop


def _open_end(file: BinaryIO, start: int, end: int) -> int:
    at = start
    while at < end:
        element = _element(file, at)
        if element is None or element[0] in TOP - IN_CLUSTER:
            return at
        at = end if element[2] is None else element[2]
    return at


def _element(file: BinaryIO, at: int) -> tuple[int, int, int | None] | None:
    """Return (id, payload start, payload end or None) at an offset; None where nothing can be."""
    head = read_at(file, at, HEAD)
    if not head or head[0] < 0x10:
        return None
    width = 9 - head[0].bit_length()
    kind = int.from_bytes(head[:width], "big")
    if len(head) <= width or not head[width]:
        return None
    more = 9 - head[width].bit_length()
    length = int.from_bytes(head[width : width + more], "big") & ((1 << (7 * more)) - 1)
    start = at + width + more
    return kind, start, None if length == (1 << (7 * more)) - 1 else start + length


def _crc32(file: BinaryIO, start: int, end: int) -> int:
    file.seek(start)
    total, left = 0, end - start
    while left > 0 and (data := file.read(min(BLOCK, left))):
        total, left = zlib.crc32(data, total), left - len(data)
    return total
