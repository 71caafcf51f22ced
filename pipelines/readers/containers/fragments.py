"""The heads of the fragments of an mp4 (`moof`): what they say of themselves and of one another.

ISO/IEC 14496-12, 8.8. A decoder that does not find a track, or a run of samples, leaves the
fragment out without a word. A fragment that begins late is a gap, as in what was sent live; one
that begins before the last has ended is damaged.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from pipelines.readers.containers.index import HOLDERS, Odd, bytes_off, inner
from pipelines.readers.containers.spans import uneven
from pipelines.records import Int64s

NEEDED = (b"mfhd", b"traf", b"tfhd", b"tfdt", b"trun")
RELATED = frozenset({b"tfrf", b"tfxd"})
BASE, DESCRIBED, LASTS, EMPTY = 0x01, 0x02, 0x08, 0x01_0000  # of a head
OFFSET, FIRST = 0x01, 0x04  # of a run: where it begins, flags of its first sample
TREX = 16  # bytes
EACH = (0x100, 0x200, 0x400, 0x800)  # four bytes a sample: duration, size, flags, lateness


@dataclass(slots=True)
class Fragment:
    """One track's part of a fragment: where it begins, and how long its samples last."""

    at: int
    track: int
    lasts: int  # of each sample, where it is not told
    begins: int | None = None
    steps: list[Int64s] = field(default_factory=list)


def fragments_odd(heads: Iterable[tuple[int, bytes]], usual: Mapping[int, int]) -> Odd | None:
    """Return the first thing that cannot be so in heads of fragments, each with its place.

    `usual` is how long a sample of each track lasts where nothing else is said, by its number.
    """
    return next(_all_odd(heads, usual), None)


def _all_odd(heads: Iterable[tuple[int, bytes]], usual: Mapping[int, int]) -> Iterator[Odd]:
    until: dict[int, int] = {}
    for start, head in heads:
        parts: list[Fragment] = []
        for odd in _head_odd(head, usual, parts):
            yield Odd(start + odd.at, odd.what)
        for part in parts:
            length = sum(int(steps.sum()) for steps in part.steps)
            longest = max((int(steps.max()) for steps in part.steps if len(steps)), default=0)
            before = until.get(part.track)
            if part.begins is not None and before is not None and part.begins < before - longest:
                what = f"a fragment at {part.begins} ticks, the one before it ends at {before}"
                yield Odd(start + part.at, what)
            if part.begins is not None:
                until[part.track] = part.begins + length


def _head_odd(head: bytes, usual: Mapping[int, int], parts: list[Fragment]) -> Iterator[Odd]:
    """Check one head, and add its parts to `parts`."""
    kinds, needs = list[bytes](), 0
    for inside, kind, at, stop in inner(head, 0, len(head), inside=b"moof"):
        data = head[at:stop]
        if what := _strange(inside, kind):
            yield Odd(at - 8, what)
        kinds += [] if kind in HOLDERS else [kind]
        if kind == b"tfhd":
            needs += not _flags(data) & EMPTY
            parts.append(_part(at - 8, data, usual))
            if usual and parts[-1].track not in usual:
                yield Odd(at - 8, f"a fragment of track {parts[-1].track}, which is none")
        elif kind == b"tfdt" and parts:
            parts[-1].begins = int.from_bytes(data[4 : 12 if data[:1] == b"\1" else 8], "big")
        elif kind == b"trun" and parts:
            yield from _run_odd(at - 8, data, parts[-1])
    whole = kinds[:1] == [b"mfhd"] and all(kind.isalnum() for kind in kinds)
    if not whole or kinds.count(b"trun") < needs:
        yield Odd(-8, "a head of a fragment that is none")


def _strange(inside: bytes, kind: bytes) -> str:
    if not kind:
        return f"no box fills the rest of {inside.decode()}"
    known = kind in NEEDED or kind in RELATED
    close = not known and any(bytes_off(kind, name) == 1 for name in NEEDED)
    return f"a box named {kind!r}" if close else ""


def _part(at: int, data: bytes, usual: Mapping[int, int]) -> Fragment:
    flags, track = _flags(data), int.from_bytes(data[4:8], "big")
    before = 8 * bool(flags & BASE) + 4 * bool(flags & DESCRIBED)
    told = data[8 + before : 12 + before]
    lasts = int.from_bytes(told, "big") if flags & LASTS else usual.get(track, 0)
    return Fragment(at, track, lasts)


def _run_odd(at: int, data: bytes, part: Fragment) -> Iterator[Odd]:
    flags, count = _flags(data), int.from_bytes(data[4:8], "big")
    told = [one for one in EACH if flags & one]
    first = 8 + 4 * (bool(flags & OFFSET) + bool(flags & FIRST))
    if first + 4 * len(told) * count != len(data):
        yield Odd(at, f"a run of {count} samples in {len(data)} bytes")
        return
    rows = np.frombuffer(data[first:], ">i4").reshape(count, len(told)).astype(np.int64)
    lasts = rows[:, told.index(EACH[0])] if EACH[0] in told else np.full(count, part.lasts)
    part.steps.append(lasts)
    if EACH[3] in told and (what := uneven(lasts, rows[:, told.index(EACH[3])])):
        yield Odd(at, what)


def _flags(data: bytes) -> int:
    return int.from_bytes(data[1:4], "big")


def usual_of(index: bytes) -> dict[int, int]:
    """Return how long a sample of each track lasts by an index (`mvex`), by the track's number."""
    boxes = inner(index, 0, len(index), inside=b"moov")
    rows = [index[at:stop] for _, kind, at, stop in boxes if kind == b"trex" and stop - at >= TREX]
    told = (struct.unpack_from(">III", row, 4) for row in rows)
    return {track: lasts for track, _, lasts in told}
