"""AVI: lists of chunks in RIFF, more than one where a film is over a gigabyte."""

from __future__ import annotations

import struct
from typing import BinaryIO

from pipelines.readers.containers.fault import (
    Fault,
    damaged,
    ends_early,
    only_zeros,
    read_at,
    size_of,
)

MORE = b"AVIX"  # the form of the second list and those after it: OpenDML 1.02, 4
ASIDE = frozenset([b"JUNK", b"id3 ", b"ID3 "])  # what stands behind the lists and is no film


def riff_fault(file: BinaryIO) -> Fault | None:
    """AVI: the lists say how long they are; in the one of the media every chunk has a name."""
    size, at = size_of(file), 0
    while at + 12 <= size:
        kind, length, form = struct.unpack("<4sI4s", read_at(file, at, 12))
        if kind != b"RIFF" or (at and form != MORE):
            break
        end = at + 8 + length
        if end > size + 1:
            return ends_early(end, size)
        fault = _chunks_fault(file, at + 12, end if length else size)
        if fault:
            return fault
        at = end + end % 2 if length else size
    return _behind(file, at, size)


def _behind(file: BinaryIO, at: int, size: int) -> Fault | None:
    """Say what stands behind the last list: room set aside is no fault, another film is one."""
    while at + 8 <= size:
        kind, length = struct.unpack("<4sI", read_at(file, at, 8))
        if kind not in ASIDE:
            break
        at += 8 + length + length % 2
    return None if at >= size or only_zeros(file, at) else damaged(at, "bytes behind the end")


def _chunks_fault(file: BinaryIO, at: int, end: int) -> Fault | None:
    media = 0
    while at + 8 <= end:
        kind, length, form = struct.unpack("<4sI4s", read_at(file, at, 12).ljust(12))
        if not kind.isascii() or not kind.decode("ascii").isprintable():
            return damaged(at, f"a chunk named {kind!r}")
        if at + 8 + length > end + 1:
            return damaged(at, f"a chunk {kind!r} that is longer than its list")
        if at + 8 + length > size_of(file):
            return ends_early(at + 8 + length, size_of(file))
        fault = None
        if kind == b"LIST" and form == b"movi":
            media, fault = at + 8, _chunks_fault(file, at + 12, at + 8 + length)
        elif kind == b"idx1" and media:
            fault = _index_fault(file, read_at(file, at + 8, length), media)
        if fault:
            return fault
        at += 8 + length + length % 2
    return None


def _index_fault(file: BinaryIO, index: bytes, media: int) -> Fault | None:
    """Find an entry of the index that points at no chunk of its name: packets are read by it.

    Places count from the list of the media or from the file's beginning: the first entry tells.
    """
    entries = [struct.unpack_from("<4sIII", index, at) for at in range(0, len(index) - 15, 16)]
    if not entries:
        return None
    (first, _, offset, _), bases = entries[0], (media, 0)
    base = next((one for one in bases if read_at(file, one + offset, 4) == first), None)
    if base is None:
        return None  # a writer with a way of its own: the demuxer does without it
    for number, (name, _, offset, _) in enumerate(entries):
        if read_at(file, base + offset, 4) != name:
            return damaged(base + offset, f"no {name!r}, which entry {number} of the index names")
    return None
