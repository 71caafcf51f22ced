"""NUT: packets with a checksum, and frames between them that say how long they are.

The demuxer goes to the next mark when it cannot make out a frame: the pictures in between are gone
without a word. So every frame is walked here, by the table of the main header.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from pipelines.readers.containers.fault import Fault, damaged, ends_early, read_at, size_of
from pipelines.readers.containers.ogg import checksum

START = len(b"nut/multimedia container\x00")
MAIN = bytes.fromhex("4e4d7a561f5f04ad")
MARKS = {  # of headers, of places to seek to, of the index, of what is said about the film
    MAIN,
    *map(bytes.fromhex, ("4e5311405bf2f9db", "4e4be4adeeca4569")),
    *map(bytes.fromhex, ("4e58dd672f23e64e", "4e49ab68b596ba78")),
}
LONG = 4_096  # bytes; a longer packet has a checksum of its head
CODED_TIME, STREAM, MORE_SIZE, CHECKSUM, RESERVED, HEADER, MATCH, CODED = (
    *(1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7),
    *(1 << 10, 1 << 11, 1 << 12),
)
INVALID = 1 << 13
FRAME_HEAD = 128  # bytes are enough for the head of a frame


class _Reader:
    """Numbers of seven bits a byte, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def number(self) -> int:
        """Read one."""
        value = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value = value << 7 | byte & 127
            if byte < 128:
                return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What the first byte of a frame says."""

    flags: int
    mul: int
    low: int
    reserved: int
    header: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The codes of frames, and the beginnings that frames leave out."""

    codes: tuple[Code | None, ...]
    left_out: tuple[int, ...]


def nut_fault(file: BinaryIO) -> Fault | None:
    """Walk the packets and the frames to the end of the file."""
    size, at = size_of(file), START
    table = Table(codes=(None,) * 256, left_out=(0,))
    while at < size:
        head = read_at(file, at, FRAME_HEAD)
        try:
            end, table = _step(file, at, head, table=table)
        except IndexError:  # the head of a frame goes on
            end = at if at + FRAME_HEAD <= size else size + 1
        if end > size:
            return ends_early(end, size)
        if end <= at:
            return damaged(at, "no frame, and no packet with a right checksum")
        at = end
    return None


def _step(file: BinaryIO, at: int, head: bytes, *, table: Table) -> tuple[int, Table]:
    """Return where the packet or the frame at `at` ends: there, when it is none."""
    if head[:1] != b"N":
        return at + _frame_bytes(table, head), table
    if head[:8] not in MARKS:
        return at, table
    reader = _Reader(head[8:])
    length = reader.number()
    start = at + 8 + reader.at + (4 if length > LONG else 0)
    body = read_at(file, start, length)
    if len(body) == length and checksum(body[:-4]) != int.from_bytes(body[-4:], "big"):
        return at, table
    is_main = head.startswith(MAIN) and len(body) == length
    return start + length, _table(body) if is_main else table


def _frame_bytes(table: Table, head: bytes) -> int:
    """Return the length of the frame that begins with `head`; 0 where there can be none."""
    code = table.codes[head[0]]
    if code is None or code.flags & INVALID:
        return 0
    reader = _Reader(head[1:])
    flags = code.flags ^ (reader.number() if code.flags & CODED else 0)
    for flag in (STREAM, CODED_TIME):
        if flags & flag:
            reader.number()
    size = code.low + (code.mul * reader.number() if flags & MORE_SIZE else 0)
    if flags & MATCH:
        reader.number()
    header = reader.number() if flags & HEADER else code.header
    for _ in range(reader.number() if flags & RESERVED else code.reserved):
        reader.number()
    start = 1 + reader.at + (4 if flags & CHECKSUM else 0)
    return start + size - (0 if size > LONG else table.left_out[header])


def _table(body: bytes) -> Table:
    """Read the main header."""
    reader = _Reader(body)
    if reader.number() > 3:  # version
        reader.number()
    reader.number(), reader.number()  # streams, furthest mark
    for _ in range(reader.number()):
        reader.number(), reader.number()  # a time base
    codes = list[Code | None]()
    for code, count in _runs(reader):
        for step in range(count):
            codes += [None] if len(codes) == ord("N") else []
            codes.append(Code(flags=code.flags, mul=code.mul, low=code.low + step,
                              reserved=code.reserved, header=code.header))  # fmt: skip
        if len(codes) > 255:
            break
    left_out = [0]
    for _ in range(reader.number()):
        length = reader.number()
        left_out.append(length)
        reader.at += length
    return Table(codes=tuple(codes), left_out=tuple(left_out))


def _runs(reader: _Reader) -> Iterator[tuple[Code, int]]:
    """Yield codes that follow each other, and how many: each is one byte longer than the last."""
    mul, header = 1, 0
    while True:
        flags, fields = reader.number(), reader.number()
        told = [reader.number() for _ in range(fields)]
        mul = told[1] if fields > 1 else mul
        low = told[3] if fields > 3 else 0
        reserved = told[4] if fields > 4 else 0
        count = told[5] if fields > 5 else mul - low
        header = told[7] if fields > 7 else header
        yield Code(flags=flags, mul=mul, low=low, reserved=reserved, header=header), count
