"""mp4, mov, 3gp: boxes. What stands behind the last one belongs to nobody and does no harm.

A film in fragments has no count of them: there the last box is the index of the fragments, and what
is no box before that is damage.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pipelines.readers.containers.fault import (
    Fault,
    damaged,
    ends_early,
    read_at,
    size_of,
)
from pipelines.records import Int64s

MAX_DEPTH = 32
HOLDERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf"})
MARKS = frozenset({b"ftyp", b"moov", b"mdat", b"styp", b"wide", b"free", b"skip"})
TOP = MARKS | {b"moof", b"mfra", b"sidx", b"uuid", b"meta", b"udta", b"pnot", b"emsg", b"prft"}
HEADS = {b"mvhd": (100, 112), b"tkhd": (84, 96), b"mdhd": (24, 36)}  # bytes by version
TRACKLESS = frozenset({b"mvhd", b"iods", b"mvex", b"udta", b"meta", b"uuid", b"free"})
RUNS = frozenset({b"stts", b"ctts"})
COUNTED = RUNS | {b"stsz"}
HELD_BACK = 64  # pictures; H.264 and H.265 allow 16
LONGEST_INDEX = 256 << 20  # bytes
PLACES = {b"stsz": (12, ">u4"), b"stco": (8, ">u4"), b"co64": (8, ">u8")}  # head, sizes or offsets


def boxes_fault(file: BinaryIO) -> Fault | None:
    """Say whether a box reaches past the end, or the index is not there."""
    size, kinds, last = size_of(file), set[bytes](), 0
    for kind, start, end in _boxes(file, size):
        if kind not in TOP and (end > size or not (kind.isascii() and kind.strip(b"\x00"))):
            whole = b"mfra" in kinds if b"moof" in kinds else {b"moov", b"mdat"} <= kinds
            return None if whole else damaged(start - 8, f"a box named {kind!r}")
        if end > size:
            return ends_early(end, size, box=kind.decode("latin-1"))
        check = CHECKS.get(kind)
        if check and (fault := check(file, start, end)):
            return fault
        kinds.add(kind)
        last = end
    return _unfinished(kinds, last, size)


def _unfinished(kinds: set[bytes], last: int, size: int) -> Fault | None:
    """Say whether the index is not there, or a few bytes are of a box behind the fragments."""
    if b"moov" not in kinds and b"moof" not in kinds:
        return Fault(code="TRUNCATED", evidence={"missing": "moov", "size_bytes": size})
    if b"moof" in kinds and b"mfra" not in kinds and last < size:
        return ends_early(last + 8, size, box="behind the last fragment")
    return None


def encrypted(path: Path) -> bool:
    """Say whether an mp4 names protected sample entries."""
    with path.open("rb") as file:
        for kind, start, end in _boxes(file, size_of(file)):
            if kind == b"moov":
                moov = read_at(file, start, min(end - start, 16 << 20))
                return b"encv" in moov or (b"sinf" in moov and b"schm" in moov)
    return False


def without_tracks(path: Path) -> bool:
    """Say whether an mp4 has an index that is whole and names no track."""
    with path.open("rb") as file:
        for kind, start, end in _boxes(file, size_of(file)):
            if kind == b"moov" and end - start <= LONGEST_INDEX:
                held = _held(read_at(file, start, end - start))
                return b"mvhd" in held and held <= TRACKLESS
    return False


def _held(index: bytes) -> set[bytes]:
    """Return the kinds of the boxes in another, none where they do not fill it."""
    kinds, at = set[bytes](), 0
    while at + 8 <= len(index):
        length, kind = struct.unpack_from(">I4s", index, at)
        if length < 8:
            return set()
        kinds.add(kind)
        at += length
    return kinds if at == len(index) else set()


def nested_too_deep(path: Path) -> bool:
    """Say whether boxes stand in boxes further down than any recorder puts them."""
    with path.open("rb") as file:
        for kind, start, _ in _boxes(file, size_of(file)):
            depth = 0
            while kind in HOLDERS and depth <= MAX_DEPTH:
                head = read_at(file, start, 8)
                kind, start, depth = head[4:], start + 8, depth + 1
            if depth > MAX_DEPTH:
                return True
    return False


def _tables_fault(file: BinaryIO, start: int, end: int) -> Fault | None:
    """Find a picture that the index places behind the end: the decoder leaves it out unsaid."""
    size, index = size_of(file), read_at(file, start, min(end - start, LONGEST_INDEX))
    track = dict[bytes, Int64s]()
    for kind, at, stop in _inner(index, 0, len(index)):
        track = {} if kind == b"tkhd" else track
        if kind in RUNS:
            runs = np.frombuffer(index[at + 8 : stop], ">i4", count=(stop - at - 8) // 8 * 2)
            track[kind] = runs.astype(np.int64)
        elif kind == b"stsz":
            track[kind] = np.array([int.from_bytes(index[at + 8 : at + 12], "big")])
        if kind in HEADS and stop - at < HEADS[kind][min(1, index[at])]:
            return damaged(start + at - 8, f"{kind.decode()} of version {index[at]}, too short")
        if kind in COUNTED and (what := _strange_runs(track)):
            return damaged(start + at - 8, what)
        head, dtype = PLACES.get(kind, (0, ""))
        if not head or (kind == b"stsz" and any(index[at + 4 : at + 8])):  # one size for all
            continue
        table = index[at + head : stop]
        numbers = np.frombuffer(table, dtype, count=len(table) // np.dtype(dtype).itemsize)
        if len(numbers) and int(numbers.max()) > size:
            what = f"{kind.decode()} names byte {int(numbers.max())} of {size}"
            return damaged(start + at - 8, what)
    return None


def _strange_runs(track: Mapping[bytes, Int64s]) -> str:
    """Say what no track has in its times: more of them than samples, or one far from the others.

    ISO/IEC 14496-12, 8.6.1: runs of (count, time). A picture is shown at most a few of them late,
    as many as a decoder can hold back.
    """
    counts = {kind: int(track[kind][::2].sum()) for kind in RUNS & track.keys()}
    if b"stsz" in track and max(counts.values(), default=0) > int(track[b"stsz"][0]):
        return f"times of {max(counts.values())} samples, sizes of {int(track[b'stsz'][0])}"
    if track.keys() >= RUNS and len(track[b"stts"]) and len(track[b"ctts"]):
        late, longest = int(abs(track[b"ctts"][1::2]).max()), int(track[b"stts"][1::2].max())
        if late > HELD_BACK * max(1, longest):
            return f"a picture {late} ticks late, where one lasts {longest} at most"
    return ""


def _fragment_fault(file: BinaryIO, start: int, end: int) -> Fault | None:
    """Find a head of a fragment that does not begin as one: the decoder leaves its pictures out."""
    head = read_at(file, start, min(end - start, LONGEST_INDEX))
    kinds = [kind for kind, _, _ in _inner(head, 0, len(head))]
    whole = kinds[:1] == [b"mfhd"] and all(kind.isalnum() for kind in kinds)
    return None if whole else damaged(start - 8, "a head of a fragment that is none")


CHECKS = {b"moov": _tables_fault, b"moof": _fragment_fault}


def _inner(index: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, payload start, end) of the boxes in boxes that hold others."""
    while at + 8 <= end:
        length, kind = struct.unpack_from(">I4s", index, at)
        stop = at + length
        if length < 8 or stop > end:
            return
        if kind in HOLDERS:
            yield from _inner(index, at + 8, stop)
        else:
            yield kind, at + 8, stop
        at = stop


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, payload start, end) of the boxes at the top level."""
    at = 0
    while at + 8 <= size:
        length, kind = struct.unpack(">I4s", read_at(file, at, 8))
        start = at + 8
        if length == 1:
            wide = read_at(file, start, 8)
            if len(wide) < 8:
                return
            length, start = struct.unpack(">Q", wide)[0], at + 16
        end = size if length == 0 else at + length
        if end < start:
            return
        yield kind, start, end
        at = end
