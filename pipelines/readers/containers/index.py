"""The index of an mp4 or mov as a tree of boxes: a `Track` each, with its tables as numbers.

In: the payload of `moov`. A box that does not fill its place, a table too short for what it counts,
and a name that is one byte off one that must be there are damage; names nobody knows are not.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pipelines.records import Int64s

HOLDERS = frozenset(b"moov trak mdia minf stbl edts mvex moof traf".split())
HEADS = {b"mvhd": (100, 112), b"tkhd": (84, 96), b"mdhd": (24, 36)}  # bytes by version
NEEDED = b"trak mdia minf stbl edts elst tkhd mdhd hdlr mvhd mvex stsd"
TABLES = b"stts ctts stsc stsz stco co64 stss"
RELATED = b"dinf stz2 stps stsh stdp stsl cslg sdtp vmhd smhd hmhd nmhd gmhd sthd"
CLOSE_TO = (*NEEDED.split(), *TABLES.split())
KNOWN = frozenset((*CLOSE_TO, *RELATED.split()))
ROWS = {  # where a table's rows begin, and the bytes of each
    b"stts": (8, 8),
    b"ctts": (8, 8),
    b"stsc": (8, 12),
    b"stsz": (12, 4),
    b"stco": (8, 4),
    b"co64": (8, 8),
    b"elst": (8, 12),
}
MAX_DEPTH = 32
OPEN = frozenset({0, 0xFFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFF})  # durations that say nothing


class Box(NamedTuple):
    """A box that holds no others: where its payload begins in the index, and that payload."""

    at: int
    data: bytes


class Odd(NamedTuple):
    """What cannot be so, and where in the index."""

    at: int
    what: str


class Scale(NamedTuple):
    """A duration in ticks (0 where it is open), and how many of them are a second."""

    ticks: int
    rate: int


@dataclass(frozen=True)
class Track:
    """One track: its boxes by name, and what its tables say."""

    boxes: dict[bytes, Box] = field(default_factory=dict)

    @property
    def kind(self) -> bytes:
        """`vide`, `soun` or another handler; empty where none is named."""
        return self.boxes[b"hdlr"].data[8:12] if b"hdlr" in self.boxes else b""

    @cached_property
    def media(self) -> Scale:
        """How long the media says to last."""
        return scale_of(self.boxes.get(b"mdhd"))

    @cached_property
    def shown(self) -> int:
        """How long the track says to be shown, in ticks of the movie; 0 where that is open."""
        box = self.boxes.get(b"tkhd")
        if box is None:
            return 0
        ticks = _number(box.data, 28, 8) if box.data[0] else _number(box.data, 20, 4)
        return 0 if ticks in OPEN else ticks

    @cached_property
    def samples(self) -> int:
        """How many sizes there are."""
        box = self.boxes.get(b"stsz", self.boxes.get(b"stz2"))
        return _number(box.data, 8, 4) if box else 0

    @property
    def one_size(self) -> bool:
        """Whether all samples have one size, which then is written once."""
        return b"stsz" in self.boxes and any(self.boxes[b"stsz"].data[4:8])

    @property
    def counted_otherwise(self) -> bool:
        """Whether it is sound of one size, whose samples were counted in many ways before mp4."""
        return self.kind == b"soun" and self.one_size

    def pairs(self, kind: bytes) -> Int64s:
        """Return the rows of `stts` or `ctts`: a number of samples, and ticks."""
        box = self.boxes.get(kind)
        rows = np.frombuffer(_rows(kind, box.data) if box else b"", ">i4").reshape(-1, 2)
        return rows.astype(np.int64)

    def triples(self) -> Int64s:
        """Return the rows of `stsc`: the first chunk, samples in each, which description."""
        box = self.boxes.get(b"stsc")
        rows = np.frombuffer(_rows(b"stsc", box.data) if box else b"", ">u4").reshape(-1, 3)
        return rows.astype(np.int64)

    @cached_property
    def chunks(self) -> int:
        """How many chunks have a place."""
        box = self.boxes.get(b"stco", self.boxes.get(b"co64"))
        return _number(box.data, 4, 4) if box else 0

    def places(self) -> tuple[Int64s, Int64s]:
        """Return where each chunk begins, and how many bytes its samples have."""
        rows, kind = self.triples(), b"co64" if b"co64" in self.boxes else b"stco"
        begins = np.frombuffer(_rows(kind, self.boxes[kind].data), f">u{ROWS[kind][1]}")
        each = np.repeat(rows[:, 1], np.diff(np.append(rows[:, 0], self.chunks + 1)))
        last = np.minimum(np.cumsum(each), self.samples)
        upto = np.concatenate([[0], np.cumsum(self.sizes())])
        return begins.astype(np.int64), upto[last] - upto[np.concatenate([[0], last[:-1]])]

    def sizes(self) -> Int64s:
        """Return the bytes of each sample."""
        data = self.boxes[b"stsz"].data
        if self.one_size:
            return np.full(self.samples, _number(data, 4, 4), np.int64)
        return np.frombuffer(data[12 : 12 + 4 * self.samples], ">u4").astype(np.int64)

    @cached_property
    def edits(self) -> tuple[tuple[int, int], ...]:
        """Return (ticks of the movie, first tick of the media or -1) of each edit."""
        box = self.boxes.get(b"elst")
        if box is None:
            return ()
        row = ">QqI" if box.data[0] else ">IiI"
        count, size = _number(box.data, 4, 4), struct.calcsize(row)
        whole = box.data[8 : 8 + count * size]
        return tuple((ticks, first) for ticks, first, _ in struct.iter_unpack(row, whole))


@dataclass(frozen=True)
class Index:
    """A movie: its own boxes, its tracks, and what is odd about how they stand."""

    boxes: Mapping[bytes, Box]
    tracks: tuple[Track, ...]
    odd: tuple[Odd, ...]

    @property
    def movie(self) -> Scale:
        """How long the movie says to last."""
        return scale_of(self.boxes.get(b"mvhd"))


def read_index(payload: bytes) -> Index:
    """Return the boxes of an index."""
    own, tracks, odd = dict[bytes, Box](), list[Track](), list[Odd]()
    for inside, kind, at, stop in inner(payload, 0, len(payload), inside=b"moov"):
        data = payload[at:stop]
        odd += [Odd(at - 8, what) for what in (_wrong_with(inside, kind, data),) if what]
        if kind in HOLDERS and kind != b"mvex":
            tracks += [Track()] if kind == b"trak" else []
            continue
        boxes = tracks[-1].boxes if tracks and inside not in {b"moov", b"mvex"} else own
        if kind in ROWS and kind in boxes:
            odd.append(Odd(at - 8, f"a second {kind.decode()} of one track"))
        boxes.setdefault(kind, Box(at, data))
    return Index(own, tuple(tracks), tuple(odd))


def inner(
    payload: bytes, at: int, end: int, *, inside: bytes, depth: int = 0
) -> Iterator[tuple[bytes, bytes, int, int]]:
    """Yield (holder, kind, payload start, end) of boxes, each before those that it holds.

    What does not fill its holder is of no kind: it is yielded with an empty name.
    """
    while at + 8 <= end:
        length, kind = struct.unpack_from(">I4s", payload, at)
        stop = at + length
        if length < 8 or stop > end:
            break
        yield inside, kind, at + 8, stop
        if kind in HOLDERS and depth < MAX_DEPTH:
            yield from inner(payload, at + 8, stop, inside=kind, depth=depth + 1)
        at = stop
    if payload[at:end].strip(b"\x00"):
        yield inside, b"", at + 8, end


def scale_of(head: Box | None) -> Scale:
    """Return the duration in `mvhd` or `mdhd`."""
    if head is None:
        return Scale(0, 0)
    at, size = (20, 8) if head.data[0] else (12, 4)
    rate, ticks = _number(head.data, at, 4), _number(head.data, at + 4, size)
    return Scale(0 if ticks in OPEN else ticks, rate)


def bytes_off(one: bytes, other: bytes) -> int:
    """Return in how many places two names differ."""
    return sum(a != b for a, b in zip(one, other, strict=True))


def _wrong_with(inside: bytes, kind: bytes, data: bytes) -> str:
    """Say what is wrong with a box by itself."""
    if not kind:
        return f"no box fills the rest of {inside.decode()}"
    if kind not in KNOWN and any(bytes_off(kind, name) == 1 for name in CLOSE_TO):
        return f"a box named {kind!r}"
    if kind in HEADS and len(data) < HEADS[kind][min(1, data[0]) if data else 0]:
        return f"{kind.decode()} of version {data[0] if data else 0}, too short"
    return _wrong_table(kind, data) if kind in ROWS else ""


def _wrong_table(kind: bytes, data: bytes) -> str:
    first, row = ROWS[kind]
    if len(data) < first:
        return f"{kind.decode()} without its count"
    row = 20 if kind == b"elst" and data[0] else row
    count, room = _number(data, first - 4, 4), (len(data) - first) // row
    if kind == b"stsz" and any(data[4:8]):
        return "one size, and a table of them" if 0 < count == room else ""
    return f"{kind.decode()} counts {count}, and has room for {room}" if count > room else ""


def _rows(kind: bytes, data: bytes) -> bytes:
    first, row = ROWS[kind]
    return data[first : first + _number(data, 4, 4) * row]


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")
