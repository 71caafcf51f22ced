"""The times of a log as they were written, exact, however many they are.

In: numbers one by one, or the cells of many rows. Out: the same numbers, and what all of them say:
least, most, whole or not, in ns. Each takes 8 bytes, in a file where there are many; those that
int64 cannot hold with as many places as the finest has are kept as text.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import overload

import numpy as np

from pipelines.ondisk import Texts, Unnamed
from pipelines.readers.row_text import Written
from pipelines.records import Floats, Int64s

HELD = 1 << 16  # times that are held before they are laid down
LARGEST = 2**63
MOST_PLACES = 18  # behind the point, in int64


class Times(Sequence[Decimal]):
    """Numbers as they were written: whole multiples of one power of ten.

    Without a `folder` all of them are in memory.
    """

    def __init__(self, times: Iterable[Decimal] = (), *, folder: Path | None = None) -> None:
        self._folder = folder
        self._places = 0
        self._file: Unnamed | None = None
        self._laid = 0  # of the ticks, in the file
        self._ticks = array("q")  # those behind them
        self._wide: list[str] | Texts | None = None
        for time in times:
            self.append(time)

    def append(self, time: Decimal) -> None:
        """Add a number."""
        places = max(0, -int(time.as_tuple().exponent))
        if self._wide is None and places > self._places:
            self._widen(places)
        if self._wide is None:
            try:
                self._ticks.append(int(time.scaleb(self._places)))
            except OverflowError:
                self._go_wide()
        if self._wide is not None:
            self._wide.append(str(time))
        elif len(self._ticks) >= HELD:
            self._lay_down()

    def extend(self, cells: Sequence[object]) -> bool:
        """Add many at once; say whether that was possible, else nothing is added."""
        told = _ticks_of(cells) if self._wide is None else None
        if told is None:
            return False
        ticks, places = told
        if places > self._places:
            self._widen(places)
        if self._wide is not None:
            return False
        more = 10 ** (self._places - places)
        try:
            fresh = array("q", ticks if more == 1 else [tick * more for tick in ticks])
        except OverflowError:
            return False
        self._ticks.extend(fresh)
        if len(self._ticks) >= HELD:
            self._lay_down()
        return True

    def __len__(self) -> int:
        return self._laid + len(self._ticks) if self._wide is None else len(self._wide)

    @overload
    def __getitem__(self, at: int) -> Decimal: ...
    @overload
    def __getitem__(self, at: slice) -> list[Decimal]: ...
    def __getitem__(self, at: int | slice) -> Decimal | list[Decimal]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        if self._wide is not None:
            return Decimal(self._wide[at])
        place = at + len(self) if at < 0 else at
        if self._file and 0 <= place < self._laid:
            return self._number(int(np.frombuffer(self._file.read(8 * place, 8), np.int64)[0]))
        return self._number(self._ticks[at if at < 0 else at - self._laid])

    @property
    def least(self) -> Decimal:
        """The smallest of them."""
        if self._wide is not None:
            return min(self)
        return self._number(min(int(part.min()) for part in self._parts()))

    @property
    def most(self) -> Decimal:
        """The largest of them."""
        if self._wide is not None:
            return max(self)
        return self._number(max(int(part.max()) for part in self._parts()))

    @property
    def is_whole(self) -> bool:
        """Whether none has a fraction."""
        if self._wide is not None:
            return all(time == time.to_integral_value() for time in self)
        unit = 10**self._places
        return not self._places or not any((part % unit).any() for part in self._parts())

    def since_first(self, count: int) -> Floats:
        """Return how long after the first each of the first `count` is."""
        if self._wide is not None:
            return np.array([float(time - self[0]) for time in self[:count]])
        ticks = np.concatenate(list(islice(self._parts(), -(-count // HELD))))[:count]
        if int(ticks.max()) - int(ticks.min()) >= LARGEST:
            return np.array([float(time - self[0]) for time in self[:count]])
        return np.asarray((ticks - ticks[0]) / np.float64(10**self._places), np.float64)

    def scaled(self, unit: int) -> Iterator[Int64s]:
        """Yield what each is in ns, some at a time; `unit` is how many ns they count, 1 to 10^9.

        The caller knows that int64 holds them all.
        """
        if self._wide is not None:
            for low in range(0, len(self), HELD):
                yield np.array([int(time * unit) for time in self[low : low + HELD]], np.int64)
            return
        per = 10**self._places
        for part in self._parts():
            yield part * (unit // per) if per <= unit else _towards_0(part, per // unit)

    def _parts(self) -> Iterator[Int64s]:
        if self._file:
            for low in range(0, self._laid, HELD):
                count = min(HELD, self._laid - low)
                yield np.frombuffer(self._file.read(8 * low, 8 * count), np.int64)
        if self._ticks:
            yield np.array(self._ticks, np.int64)

    def _number(self, tick: int) -> Decimal:
        return Decimal(tick).scaleb(-self._places)

    def _lay_down(self) -> None:
        if self._folder is not None:
            self._file = self._file or Unnamed(self._folder)
            self._file.write(self._ticks.tobytes())
            self._laid += len(self._ticks)
            self._ticks = array("q")

    def _widen(self, places: int) -> None:
        """Count in finer ticks."""
        more = 10 ** (places - self._places)
        largest = max((abs(int(end)) for part in self._parts() for end in _ends(part)), default=0)
        if largest * more >= LARGEST or places > MOST_PLACES:
            self._go_wide()
            return
        finer = Unnamed(self._folder) if self._file else None
        if finer:
            for part in self._parts():
                finer.write((part * more).tobytes())
            self._laid, self._ticks = len(self), array("q")
        else:
            self._ticks = array("q", (tick * more for tick in self._ticks))
        self._file, self._places = finer, places

    def _go_wide(self) -> None:
        """Keep all of them as text."""
        texts = (str(self._number(int(tick))) for part in self._parts() for tick in part.tolist())
        wide = list(texts) if self._folder is None else Texts(self._folder, texts)
        self._wide, self._file, self._laid, self._ticks = wide, None, 0, array("q")


def _ticks_of(cells: Sequence[object]) -> tuple[list[int], int] | None:
    """Return plain numbers as whole multiples of a power of ten, and how many places it has."""
    kinds = set(map(type, cells))
    if kinds == {int}:
        return [cell for cell in cells if isinstance(cell, int)], 0
    if kinds != {Written}:
        return None
    parts = [cell.text.partition(".") for cell in cells if isinstance(cell, Written)]
    places = max(len(fraction) for _, _, fraction in parts)
    longest = max(len(whole) for whole, _, _ in parts)
    if max(places, longest) > MOST_PLACES or not all(map(_is_plain, parts)):
        return None
    return [int(whole + fraction.ljust(places, "0")) for whole, _, fraction in parts], places


def _is_plain(parts: tuple[str, str, str]) -> bool:
    """Say whether a text has digits before the point, and behind it if there is one."""
    whole, dot, fraction = parts
    digits = whole[1:] if whole[:1] == "-" else whole
    return digits.isdecimal() and (fraction.isdecimal() or not dot)


def _ends(part: Int64s) -> tuple[int, int]:
    return int(part.min()), int(part.max())


def _towards_0(ticks: Int64s, per: int) -> Int64s:
    whole = ticks // per
    return np.asarray(whole + ((ticks < 0) & (ticks % per != 0)), np.int64)
