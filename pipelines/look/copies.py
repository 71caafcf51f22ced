"""Find what two recordings both show, by their hashes: pure, one recording against all stored ones.

A recording is a series of hashes, four a second. Those of stored ones are indexed once a second;
each hash of a new one, and its mirror, is compared with all of them, and the shifts that most agree
on are measured hash by hash. Bits count where they tell something in either recording: two takes
of a fixed camera share their background and are no copies. Recordings in which too little happens
for one hash to tell anything are still: they are compared as a whole, from their first picture on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from pipelines.pictures.hashes import Words, active, mirrored

SLOTS = 4  # hashes a second
DUPLICATE, SUSPECT = 0.10, 0.25  # share of the bits that differ, of those that count
LEAST_BITS = 12  # that must count when one hash is compared with one
MOVING, STILL = 8, 16  # bits that tell something in the usual hash; between them a series is both
LEAST_POOLED = 64  # that must count over the whole of a match
LONG_ENOUGH = 3 * SLOTS  # or all of the shorter recording
STILL_SLOTS = 10 * SLOTS  # of a still recording, from its start
PAIRS_AT_ONCE = 1 << 16  # what stays in the processor's cache
_SHIFTS = 1 << 31
Slots = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hashes:
    """Bits, which of them are above noise, and which tell something."""

    bits: Words
    mask: Words
    active: Words

    @classmethod
    def of(cls, bits: Words, mask: Words) -> Hashes:
        """Return the hashes of a whole series."""
        return cls(bits=bits, mask=mask, active=active(bits, mask))

    def at(self, places: slice | npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> Hashes:
        """Return those at some places."""
        return Hashes(bits=self.bits[places], mask=self.mask[places], active=self.active[places])

    def mirror(self) -> Hashes:
        """Return the hashes of the mirrored pictures."""
        bits, mask = mirrored(self.bits, self.mask)
        return Hashes(bits=bits, mask=mask, active=mirrored(self.bits, self.active)[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """The hashes of one camera of one episode, with their places in quarters of a second.

    `digest` names the decoded luma of all its pictures.
    """

    source_id: str
    episode_id: str
    stream: str
    start_ns: int
    count: int
    digest: str
    slots: Slots
    hashes: Hashes

    @property
    def activity(self) -> float:
        """Bits that tell something in its usual hash."""
        return float(np.bitwise_count(self.hashes.active).mean()) if len(self.slots) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Slots `[low, high)` of one series show what another shows `shift` slots earlier."""

    other: int  # place in the index
    low: int
    high: int
    shift: int
    distance: float
    is_mirrored: bool = False
    is_told: bool = True  # False: too little happens in both to tell two takes from a copy

    @property
    def kind(self) -> str:
        """`near` for a copy, `suspect` for what may be one."""
        return "near" if self.distance < DUPLICATE and self.is_told else "suspect"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Index:
    """Stored series: a hash a second of moving ones, the first seconds of still ones."""

    series: tuple[Series, ...]
    owners: npt.NDArray[np.int64]
    slots: Slots
    moving: Hashes
    stills: tuple[int, ...]
    still: Hashes  # series x STILL_SLOTS


def build_index(series: Sequence[Series]) -> Index:
    """Index the hashes of `series`."""
    told = [number for number, one in enumerate(series) if len(one.slots)]
    moving = [number for number in told if series[number].activity >= MOVING]
    stills = [number for number in told if series[number].activity < STILL]
    whole = {number: series[number].slots % SLOTS == 0 for number in moving}
    owners = [np.full(int(whole[number].sum()), number, np.int64) for number in moving]
    return Index(
        series=tuple(series),
        owners=np.concatenate([np.zeros(0, np.int64), *owners]),
        slots=np.concatenate(
            [np.zeros(0, np.int64), *(series[number].slots[whole[number]] for number in moving)]
        ),
        moving=_joined([series[number].hashes.at(whole[number]) for number in moving]),
        stills=tuple(stills),
        still=_stacked([(series[number].slots, series[number].hashes) for number in stills]),
    )


def likenesses(one: Series, index: Index) -> Iterator[Likeness]:
    """Yield what `one` shares with other series of the index, the best shift of each."""
    best: dict[int, Likeness] = {}
    for is_mirrored in (False, True):
        hashes = one.hashes.mirror() if is_mirrored else one.hashes
        moving = _moving_likenesses(one.slots, hashes, index) if one.activity >= MOVING else ()
        still = _still_likenesses(one.slots, hashes, index) if one.activity < STILL else ()
        for found in (*moving, *still):
            before = best.get(found.other)
            if before is None or (found.kind, found.distance) < (before.kind, before.distance):
                best[found.other] = replace(found, is_mirrored=is_mirrored)
    yield from best.values()


def _moving_likenesses(slots: Slots, hashes: Hashes, index: Index) -> Iterator[Likeness]:
    for other, shift in _agreed_shifts(slots, hashes, index):
        found = _measured(slots, hashes, index.series[other], shift=shift)
        if found:
            low, high, distance = found
            yield Likeness(other=other, low=low, high=high, shift=shift, distance=distance)


def _agreed_shifts(slots: Slots, hashes: Hashes, index: Index) -> Iterator[tuple[int, int]]:
    """Yield (series, shift) for the two shifts of each series that most hashes agree on."""
    votes: dict[int, int] = {}
    step = max(1, PAIRS_AT_ONCE // max(1, len(index.slots)))
    for low in range(0, len(slots), step):
        some = slice(low, low + step)
        here, there = np.nonzero(_alike(hashes.at(some), index.moving))
        keys = index.owners[there] * _SHIFTS + (slots[some][here] - index.slots[there])
        for key, count in zip(*np.unique(keys, return_counts=True), strict=True):
            votes[int(key)] = votes.get(int(key), 0) + int(count)
    by_series: dict[int, list[tuple[int, int]]] = {}
    for key, count in votes.items():
        other = (key + _SHIFTS // 2) // _SHIFTS
        by_series.setdefault(other, []).append((count, key - other * _SHIFTS))
    for other, shifts in sorted(by_series.items()):
        shorter = min(len(slots), len(index.series[other].slots))
        ranked = sorted(shifts, key=lambda each: (-each[0], abs(each[1]), each[1]))
        needed = max(1, min(2, shorter // SLOTS))
        yield from ((other, shift) for count, shift in ranked[:2] if count >= needed)


def _alike(hashes: Hashes, stored: Hashes) -> npt.NDArray[np.bool_]:
    """Return which hash (row) is like which stored one (column)."""
    counting = hashes.active[:, None] | stored.active[None]
    counting &= hashes.mask[:, None] & stored.mask[None]
    valid = np.bitwise_count(counting)
    counting &= hashes.bits[:, None] ^ stored.bits[None]
    differing = np.bitwise_count(counting)
    return np.asarray((differing < (valid + 3) // 4) & (valid >= LEAST_BITS), dtype=np.bool_)


def _measured(
    slots: Slots, hashes: Hashes, other: Series, *, shift: int
) -> tuple[int, int, float] | None:
    """Compare hash by hash at one shift: the longest run alike, as (low, high, distance)."""
    shared, mine, theirs = np.intersect1d(
        slots, other.slots + shift, assume_unique=True, return_indices=True
    )
    valid, differing = _counts(hashes.at(mine), other.hashes.at(theirs))
    low, high = _longest(_rolling(differing) < SUSPECT * _rolling(valid))
    pooled = int(valid[low:high].sum())
    least = min(LONG_ENOUGH, len(slots), len(other.slots))
    if high - low < max(SLOTS, least) or pooled < LEAST_POOLED:
        return None
    distance = float(differing[low:high].sum()) / pooled
    if distance >= SUSPECT:
        return None
    return int(shared[low]), int(shared[high - 1]) + 1, distance


def _counts(one: Hashes, other: Hashes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return how many bits count at each place, and how many of them differ."""
    counting = (one.active | other.active) & one.mask & other.mask
    differing = np.bitwise_count(counting & (one.bits ^ other.bits))
    return np.bitwise_count(counting).astype(np.int64), differing.astype(np.int64)


def _still_likenesses(slots: Slots, hashes: Hashes, index: Index) -> Iterator[Likeness]:
    """Compare the first seconds as a whole; where nothing at all happens, the background too."""
    first = _stacked([(slots, hashes)])
    valid, differing = (each.sum(axis=1) for each in _counts(first, index.still))
    is_told = valid >= LEAST_POOLED
    plain = first.mask & index.still.mask
    all_valid = np.bitwise_count(plain).sum(axis=1)
    all_differing = np.bitwise_count(plain & (first.bits ^ index.still.bits)).sum(axis=1)
    valid = np.where(is_told, valid, all_valid)
    apart = np.where(is_told, differing, all_differing) / np.maximum(valid, 1)
    bound = np.where(is_told, SUSPECT, DUPLICATE)
    for place in np.flatnonzero((valid >= LEAST_POOLED) & (apart < bound)).tolist():
        theirs = index.series[index.stills[place]].slots
        yield Likeness(
            other=index.stills[place],
            low=0,
            high=int(min(slots[-1], theirs[-1])) + 1,
            shift=0,
            distance=float(apart[place]),
            is_told=bool(is_told[place]),
        )


def _rolling(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return sums over a second around each slot."""
    if len(counts) <= SLOTS:
        return np.full(len(counts), counts.sum())
    return np.convolve(counts, np.ones(SLOTS, np.int64), mode="same")


def _longest(good: npt.NDArray[np.bool_]) -> tuple[int, int]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(np.int8), [0]])))
    runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
    return max(runs, key=lambda run: run[1] - run[0], default=(0, 0))


def _joined(parts: Sequence[Hashes]) -> Hashes:
    none = np.zeros(0, np.uint64)
    return Hashes(
        bits=np.concatenate([none, *(one.bits for one in parts)]),
        mask=np.concatenate([none, *(one.mask for one in parts)]),
        active=np.concatenate([none, *(one.active for one in parts)]),
    )


def _stacked(series: Sequence[tuple[Slots, Hashes]]) -> Hashes:
    """Return one row a series: its first slots, nothing where it has none."""
    bits, mask, telling = (
        np.zeros((len(series), STILL_SLOTS), np.uint64) for _ in ("bits", "mask", "active")
    )
    for row, (slots, hashes) in enumerate(series):
        early = slots < STILL_SLOTS
        at = slots[early]
        bits[row, at], mask[row, at] = hashes.bits[early], hashes.mask[early]
        telling[row, at] = hashes.active[early]
    return Hashes(bits=bits, mask=mask, active=telling)
