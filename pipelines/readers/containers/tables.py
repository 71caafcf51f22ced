"""What the tables in the index of an mp4 or mov say of one another.

They tell the same things several times over: how many samples a track has, how long it lasts, where
its edits end. Where they disagree, a decoder believes one of them and leaves pictures out, or shows
them at other times, without a word. ISO/IEC 14496-12, 8.2 to 8.7, says what must be equal; writers
round, and leave durations open: neither is damage. A movie in fragments has its samples elsewhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

import numpy as np

from pipelines.readers.containers.index import Box, Index, Odd, Track, read_index
from pipelines.readers.containers.spans import MOST, spans_odd

PLACES = {b"stsz": (12, ">u4"), b"stco": (8, ">u4"), b"co64": (8, ">u8")}  # head, sizes or offsets
MATRIX = {b"mvhd": (36, 48), b"tkhd": (40, 52)}  # where it stands, by version
ELSEWHERE = frozenset({b"trex", b"mehd", b"cmov", b"rmra"})  # fragments, packed, by reference
SAMPLED = frozenset({b"vide", b"soun"})
ALMOST = 1 << 8  # of 65,536: how exactly a turn by any angle is written


def index_odd(payload: bytes, size: int) -> Odd | None:
    """Return the first thing in an index that cannot be so; `size` is that of the file."""
    return next(_all_odd(read_index(payload), size), None)


def _all_odd(index: Index, size: int) -> Iterator[Odd]:
    yield from index.odd
    whole = not ELSEWHERE & index.boxes.keys()
    if b"mvhd" in index.boxes:
        yield from _matrix_odd(b"mvhd", index.boxes)
    elif whole:
        yield Odd(0, "no mvhd")
    for track in index.tracks:
        yield from _track_odd(track, size, whole=whole)
    if whole:
        yield from spans_odd(index)
        yield from _overlap_odd(index, size)


def _track_odd(track: Track, size: int, *, whole: bool) -> Iterator[Odd]:
    at = min((box.at for box in track.boxes.values()), default=0)
    missing = [name for name in (b"tkhd", b"mdhd", b"hdlr") if name not in track.boxes]
    if missing:
        yield Odd(at, f"a track without {missing[0].decode()}")
        return
    if not track.media.rate:
        yield Odd(track.boxes[b"mdhd"].at, "a track of no ticks a second")
    yield from _matrix_odd(b"tkhd", track.boxes)
    yield from _places_odd(track, size)
    yield from _times_odd(track)
    if whole and track.kind in SAMPLED:
        yield from _chunks_odd(track, at)


def _matrix_odd(kind: bytes, boxes: Mapping[bytes, Box]) -> Iterator[Odd]:
    """Pictures are turned by quarters, mirrored, scaled; or turned by any angle, and no more."""
    at, data = boxes[kind]
    a, b, _, c, d = struct.unpack_from(">5i", data, MATRIX[kind][min(1, data[0])])
    quarter = not (b or c) or not (a or d)
    turned = max(abs(abs(a) - abs(d)), abs(abs(b) - abs(c))) <= ALMOST
    if a * d == b * c or not (quarter or turned):
        yield Odd(at - 8, f"{kind.decode()} turns pictures by ({a}, {b}, {c}, {d}) / 65536")


def _places_odd(track: Track, size: int) -> Iterator[Odd]:
    """Find a sample that lies behind the end of the file: a decoder leaves it out unsaid."""
    for kind in PLACES.keys() & track.boxes.keys():
        at, data = track.boxes[kind]
        head, dtype = PLACES[kind]
        if kind == b"stsz" and track.one_size:
            continue
        numbers = np.frombuffer(data[head:], dtype, count=(len(data) - head) // int(dtype[-1]))
        if len(numbers) and int(numbers.max()) > size:
            yield Odd(at - 8, f"{kind.decode()} names byte {int(numbers.max())} of {size}")


def _times_odd(track: Track) -> Iterator[Odd]:
    """Every sample has a time."""
    strict = track.kind in SAMPLED and not track.counted_otherwise
    for kind in (b"stts", b"ctts"):
        if kind not in track.boxes:
            continue
        timed = int(track.pairs(kind)[:, 0].sum())
        if timed > track.samples or (strict and timed != track.samples):
            what = f"times of {timed} samples, sizes of {track.samples}"
            yield Odd(track.boxes[kind].at - 8, what)


def _chunks_odd(track: Track, at: int) -> Iterator[Odd]:
    """Every sample lies in a chunk; some writers leave the last chunk short."""
    for names in ((b"stsd",), (b"stts",), (b"stsc",), (b"stsz", b"stz2"), (b"stco", b"co64")):
        if not track.boxes.keys() & set(names):
            yield Odd(at, f"a track without {names[0].decode()}")
            return
    rows, at = track.triples(), track.boxes[b"stsc"].at - 8
    if not len(rows) or not track.chunks:
        if track.samples:
            yield Odd(at, f"no chunk for {track.samples} samples")
        return
    first = np.append(rows[:, 0], track.chunks + 1)
    described = int.from_bytes(track.boxes[b"stsd"].data[4:8], "big")
    if rows[0, 0] != 1 or (np.diff(first) <= 0).any():
        yield Odd(at, f"runs of chunks that begin at {rows[:4, 0].tolist()} of {track.chunks}")
    elif rows[:, 2].min() < 1 or rows[:, 2].max() > described:
        yield Odd(at, f"description {int(rows[:, 2].max())} of {described}")
    held = int((np.diff(first) * rows[:, 1]).sum())
    short = int(rows[-1, 1]) if track.chunks > rows[-1, 0] else 1  # a chunk like those before it
    if not held >= track.samples > held - short:
        yield Odd(at, f"chunks of {held} samples, sizes of {track.samples}")


def _overlap_odd(index: Index, size: int) -> Iterator[Odd]:
    """No chunk lies in another: a size too large makes it do so. The same chunk twice is legal."""
    own = [one for one in index.tracks if one.kind in SAMPLED and b"stsz" in one.boxes]
    own = [
        one for one in own if 0 < one.samples <= MOST and not (one.kind == b"soun" and one.one_size)
    ]
    if not own:
        return
    begins, lengths = (
        np.concatenate(parts) for parts in zip(*(one.places() for one in own), strict=True)
    )
    at = min(one.boxes[b"stsz"].at for one in own) - 8
    if len(begins) and int((begins + lengths).max()) > size:
        yield Odd(at, f"samples to byte {int((begins + lengths).max())} of {size}")
    order = np.argsort(begins, kind="stable")
    begins, lengths = begins[order], lengths[order]
    inside = np.flatnonzero((begins[:-1] + lengths[:-1] > begins[1:]) & (begins[:-1] != begins[1:]))
    if len(inside):
        first = int(inside[0])
        what = f"a chunk of {int(lengths[first])} bytes at {int(begins[first])}, and one in it"
        yield Odd(at, what)
