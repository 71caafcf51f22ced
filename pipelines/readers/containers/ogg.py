"""Ogg: pages with a number, a checksum and a mark on the last one of each stream."""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO

from pipelines.readers.containers.fault import Fault, damaged, ends_early, read_at, size_of

HEAD = struct.Struct("<4sBBqIIIB")
LAST = 4
ONES = 0xFFFFFFFF
MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def ogg_fault(file: BinaryIO) -> Fault | None:
    """Find a page that is damaged, missing or cut off, and a stream without its last page."""
    size, at = size_of(file), 0
    numbers, open_streams = dict[int, int](), set[int]()
    while at < size:
        page = _page(file, at)
        if not page:
            return ends_early(at + HEAD.size, size)
        mark, _, flags, _, stream, number, *_ = HEAD.unpack_from(page)
        if mark != b"OggS" and not open_streams:
            return None  # behind the last page: it belongs to nobody
        fault = _page_fault(page, at, size=size, follows=numbers.get(stream, number - 1))
        if fault:
            return fault
        numbers[stream] = number
        open_streams = open_streams - {stream} if flags & LAST else open_streams | {stream}
        at += len(page)
    return Fault(code="TRUNCATED", evidence={"missing": "last page"}) if open_streams else None


def checksum(data: bytes) -> int:
    """That of zip with all bits in the other order, from 0 and not inverted."""
    mirrored = zlib.crc32(data.translate(MIRRORED), ONES) ^ ONES
    return int(f"{mirrored:032b}"[::-1], 2)


def _page(file: BinaryIO, at: int) -> bytes:
    """Read a page by the lengths in its head; as much of it as there is."""
    head = read_at(file, at, HEAD.size + 255)
    if len(head) < HEAD.size:
        return b""
    count = head[HEAD.size - 1]
    return read_at(file, at, HEAD.size + count + sum(head[HEAD.size : HEAD.size + count]))


def _page_fault(page: bytes, at: int, *, size: int, follows: int) -> Fault | None:
    mark, _, _, _, _, number, told, count = HEAD.unpack_from(page)
    length = HEAD.size + count + sum(page[HEAD.size : HEAD.size + count])
    if mark != b"OggS":
        return damaged(at, "no page")
    if len(page) < length or len(page) < HEAD.size + count:
        return ends_early(at + length, size)
    if told != checksum(page[:22] + bytes(4) + page[26:]):
        return damaged(at, f"page {number} with a wrong checksum")
    return None if number == follows + 1 else damaged(at, f"page {number} after page {follows}")
