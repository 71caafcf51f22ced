"""mp4, mov, 3gp: boxes. What stands behind the last one belongs to nobody and does no harm.

A film in fragments has no count of them: there the last box is the index of the fragments, and what
is no box before that is damage.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from pipelines.readers.containers.fault import (
    Fault,
    damaged,
    ends_early,
    read_at,
    size_of,
)
from pipelines.readers.containers.fragments import fragments_odd, usual_of
from pipelines.readers.containers.index import HOLDERS, MAX_DEPTH, bytes_off
from pipelines.readers.containers.tables import index_odd

MARKS = frozenset({b"ftyp", b"moov", b"mdat", b"styp", b"wide", b"free", b"skip"})
TOP = MARKS | {b"moof", b"mfra", b"sidx", b"uuid", b"meta", b"udta", b"pnot", b"emsg", b"prft"}
TRACKLESS = frozenset({b"mvhd", b"iods", b"mvex", b"udta", b"meta", b"uuid", b"free"})
HEADS = (b"moov", b"moof")
LONGEST_INDEX = 256 << 20  # bytes


def boxes_fault(file: BinaryIO) -> Fault | None:
    """Say whether a box reaches past the end, the index is not there, or its tables disagree."""
    size, held, last = size_of(file), list[tuple[bytes, int, int]](), 0
    for kind, start, end in _boxes(file, size):
        if kind not in TOP and (end > size or not (kind.isascii() and kind.strip(b"\x00"))):
            kinds = {one for one, _, _ in held}
            whole = b"mfra" in kinds if b"moof" in kinds else {b"moov", b"mdat"} <= kinds
            return _inside(file, held) if whole else damaged(start - 8, f"a box named {kind!r}")
        if end > size:
            return ends_early(end, size, box=kind.decode("latin-1"))
        if kind not in TOP and any(bytes_off(kind, name) == 1 for name in HEADS):
            return damaged(start - 8, f"a box named {kind!r}")
        held.append((kind, start, end))
        last = end
    return _unfinished({kind for kind, _, _ in held}, last, size) or _inside(file, held)


def _inside(file: BinaryIO, held: Sequence[tuple[bytes, int, int]]) -> Fault | None:
    """Find where the tables disagree: the decoder believes one of them, unsaid."""
    usual: dict[int, int] = {}
    for start, payload in _payloads(file, held, b"moov"):
        odd = index_odd(payload, size_of(file))
        if odd:
            return damaged(start + odd.at, odd.what)
        usual |= usual_of(payload)
    odd = fragments_odd(_payloads(file, held, b"moof"), usual)
    return damaged(odd.at, odd.what) if odd else None


def _payloads(
    file: BinaryIO, held: Sequence[tuple[bytes, int, int]], kind: bytes
) -> Iterator[tuple[int, bytes]]:
    for one, start, end in held:
        if one == kind:
            yield start, read_at(file, start, min(end - start, LONGEST_INDEX))


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
