"""The packet index of a training set: from the frames that are wanted to the bytes that show them.

A group of pictures (GOP) is the unit of reading and of proof: it is decoded from its own bytes and
has a digest of its own. Groups are numbered through the whole set, so that ranges of one batch that
touch are read, and proven, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from training.loader.lists import Lists, Texts, numbers
from training.windows import Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """Frames `first` .. `first + count - 1` of the clip at `row` of the index."""

    row: int
    first: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Groups `low` .. `high - 1` of the set, all of one row, as one run of bytes."""

    row: int
    low: int
    high: int
    row_id: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group inside the bytes of a range."""

    number: int  # counted through the whole set
    start: int  # of its bytes, from the start of the range
    length: int
    first: int  # its first frame, counted through the clip
    ends: Ints  # where each of its packets ends, from the start of the group
    digest: str  # sha256 in hex


class Packets:
    """Where each group of each row lies."""

    def __init__(self, index: pa.Table) -> None:
        self._row_ids = numbers(index.column("_rowid"))
        offsets = Lists(index.column("unit_offset"), np.int64)
        keys = Lists(index.column("unit_key"), np.bool_)
        self._offsets, self._rows = offsets.values, offsets.ends
        self._stops = self._offsets + Lists(index.column("unit_size"), np.int64).values
        self._keys: Ints = np.flatnonzero(keys.values).astype(np.int64)  # first packet of each GOP
        self._low: Ints = np.searchsorted(self._keys, self._rows).astype(np.int64)
        self._digests = Texts(index.column("gop_sha256"))

    @property
    def num_groups(self) -> int:
        """Groups of the whole set."""
        return len(self._keys)

    def range_of(self, want: Want) -> Range:
        """The groups that a window is decoded from."""
        first = int(self._rows[want.row]) + want.first
        low = int(np.searchsorted(self._keys, first, side="right")) - 1
        high = int(np.searchsorted(self._keys, first + want.count - 1, side="right"))
        return self._range(want.row, max(low, int(self._low[want.row])), high)

    def groups(self, one: Range) -> list[Group]:
        """The groups of a range, each with its proof."""
        base = int(self._low[one.row])
        digests = self._digests.of(one.row, one.low - base, one.high - base)
        found = []
        for number, digest in zip(range(one.low, one.high), digests, strict=True):
            first, last = int(self._keys[number]), self._end(one.row, number)
            start = int(self._offsets[first])
            found.append(
                Group(
                    number=number,
                    start=start - one.offset,
                    length=int(self._stops[last - 1]) - start,
                    first=first - int(self._rows[one.row]),
                    ends=self._stops[first:last] - start,
                    digest=digest,
                )
            )
        return found

    def merged(self, ranges: Sequence[Range]) -> tuple[list[Range], list[int]]:
        """Ranges in the order of storage, those that touch as one; and where each one went."""
        order = sorted(range(len(ranges)), key=lambda at: (ranges[at].row_id, ranges[at].low))
        runs: list[Range] = []
        place = [0] * len(ranges)
        for at in order:
            one = ranges[at]
            if runs and runs[-1].row == one.row and one.low <= runs[-1].high:
                if one.high > runs[-1].high:
                    runs[-1] = self._range(one.row, runs[-1].low, one.high)
            else:
                runs.append(one)
            place[at] = len(runs) - 1
        return runs, place

    def _range(self, row: int, low: int, high: int) -> Range:
        start = int(self._offsets[self._keys[low]])
        return Range(
            row=row,
            low=low,
            high=high,
            row_id=int(self._row_ids[row]),
            offset=start,
            length=int(self._stops[self._end(row, high - 1) - 1]) - start,
        )

    def _end(self, row: int, number: int) -> int:
        """Packet after the last one of a group."""
        is_last = number + 1 >= int(self._low[row + 1])
        return int(self._rows[row + 1] if is_last else self._keys[number + 1])
