"""Rows of a log too large to hold, in files of the scratch folder that nobody else sees.

In: texts and numbers, in the order of the log. Out: sequences that read back what is asked for, in
that order or in another; and arrays that are mapped, of which memory holds what is gone over. An
index takes a few bytes a thousand rows; the files go with the objects.
"""

from __future__ import annotations

import mmap
import os
import weakref
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkstemp
from typing import overload

import numpy as np
import numpy.typing as npt

RUN = 256  # texts that are read together
BLOCK = 4_096  # rows of numbers that are read together
BETWEEN = "\x1e"  # stands in no JSON: there a control character is escaped
STRETCH = 1 << 18  # numbers of an array that are gone over together
MAPPED = 1 << 20  # numbers from which on an array lies in a file
Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Order = Int64s


def laid_down(parts: Iterable[Int64s], count: int, folder: Path | None) -> Int64s:
    """Return the parts of an array of `count` numbers as one, in a file where they are many."""
    if count <= MAPPED:
        return np.concatenate([np.zeros(0, np.int64), *parts])
    file = Unnamed(folder)
    for part in parts:
        file.write(np.ascontiguousarray(part).tobytes())
    return file.mapped()


def stretches(numbers: Int64s, *, beyond: int = 0) -> Iterator[Int64s]:
    """Yield an array part by part, each with so many numbers `beyond` its end.

    Of an array in a file, memory holds one part.
    """
    for low in range(0, len(numbers), STRETCH):
        yield numbers[low : low + STRETCH + beyond]
        let_go(numbers)


def let_go(numbers: npt.NDArray[np.generic]) -> None:
    """Give back the memory of an array that lies in a file; it is read again when asked for."""
    base: object = numbers
    while isinstance(base, np.ndarray):
        base = base.base
    base = base.obj if isinstance(base, memoryview) else base
    if isinstance(base, mmap.mmap):
        base.madvise(mmap.MADV_DONTNEED)


class Filled:
    """An array of `count` numbers that is filled part by part, in a file where they are many."""

    def __init__(self, count: int, folder: Path | None) -> None:
        self._held = np.empty(count, np.int64) if count <= MAPPED else None
        self._file = None if self._held is not None else Unnamed(folder)

    def put(self, part: Int64s, at: int) -> None:
        """Put numbers where they belong."""
        if self._held is not None:
            self._held[at : at + len(part)] = part
        elif self._file:
            self._file.put(np.ascontiguousarray(part).tobytes(), 8 * at)

    def whole(self) -> Int64s:
        """Return the array, once it is filled."""
        return self._file.mapped() if self._held is None and self._file else np.asarray(self._held)


class Texts(Sequence[str]):
    """Texts that are added one by one and read back by their number."""

    def __init__(self, folder: Path, texts: Iterable[str] = ()) -> None:
        self._file = Unnamed(folder)
        self._starts = array("q", [0])
        self._fresh: list[str] = []
        self._run: tuple[int, list[str]] = (-1, [])
        for text in texts:
            self.append(text)

    def append(self, text: str) -> None:
        """Add a text."""
        self._fresh.append(text)
        if len(self._fresh) == RUN:
            raw = BETWEEN.join(self._fresh).encode("utf-8", "surrogatepass")
            self._file.write(raw)
            self._starts.append(self._starts[-1] + len(raw))
            self._fresh = []

    def __len__(self) -> int:
        return (len(self._starts) - 1) * RUN + len(self._fresh)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        place = at + len(self) if at < 0 else at
        if not 0 <= place < len(self):
            raise IndexError(at)
        run, offset = divmod(place, RUN)
        if run == len(self._starts) - 1:
            return self._fresh[offset]
        if self._run[0] != run:
            start, end = self._starts[run : run + 2]
            raw = self._file.read(start, end - start)
            self._run = run, raw.decode("utf-8", "surrogatepass").split(BETWEEN)
        return self._run[1][offset]


@dataclass(frozen=True, slots=True)
class Ordered(Sequence[str]):
    """Texts in another order."""

    texts: Sequence[str]
    order: Order

    def __len__(self) -> int:
        return len(self.order)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            wanted = self.order[at].tolist()
            let_go(self.order)
            return [self.texts[one] for one in wanted]
        return self.texts[int(self.order[at])]


class Columns:
    """Blocks of numbers, each as wide as the columns that were known when it was added."""

    def __init__(self, folder: Path) -> None:
        self._file = Unnamed(folder)
        self._starts = array("q", [0])
        self.count = 0  # of rows

    def append(self, block: Floats) -> None:
        """Add BLOCK rows, or the last ones."""
        self._file.write(np.ascontiguousarray(block).tobytes())
        self._starts.append(self._starts[-1] + block.nbytes)
        self.count += len(block)

    def block(self, number: int) -> Floats:
        """Read a block back."""
        start, end = self._starts[number : number + 2]
        rows = min(BLOCK, self.count - number * BLOCK)
        raw = self._file.read(start, end - start)
        return np.frombuffer(raw, np.float64).reshape(rows, (end - start) // (8 * rows))


@dataclass(frozen=True, slots=True)
class Numbers:
    """Some columns of all rows, in an order of their own; a slice of rows is an array.

    A row that lacks a column has NaN there.
    """

    columns: Columns
    places: tuple[int, ...]
    order: Order | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.columns.count, len(self.places)

    def __len__(self) -> int:
        return self.columns.count

    def __getitem__(self, at: slice) -> Floats:
        every = np.arange(*at.indices(len(self)))
        rows = every if self.order is None else self.order[at]
        values = np.full((len(rows), len(self.places)), np.nan)
        for number in np.unique(rows // BLOCK).tolist():
            block = self.columns.block(number)
            here = np.flatnonzero(rows // BLOCK == number)
            known = np.flatnonzero(np.array(self.places) < block.shape[1])
            taken = block[rows[here] % BLOCK][:, np.array(self.places)[known]]
            values[here[:, None], known] = taken
        if self.order is not None:
            let_go(self.order)
        return values


class Unnamed:
    """A file without a name, which goes with this object."""

    def __init__(self, folder: Path | None) -> None:
        self._fd, name = mkstemp(dir=folder)
        Path(name).unlink()
        weakref.finalize(self, os.close, self._fd)

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""
        left = memoryview(data)
        while left:
            left = left[os.write(self._fd, left) :]

    def read(self, start: int, length: int) -> bytes:
        """Return bytes that were written."""
        return os.pread(self._fd, length, start)

    def put(self, data: bytes, start: int) -> None:
        """Write bytes at a place."""
        left = memoryview(data)
        while left:
            done = os.pwrite(self._fd, left, start)
            left, start = left[done:], start + done

    def mapped(self) -> Int64s:
        """Return all that was written as an array, which is read when it is asked for."""
        return np.frombuffer(mmap.mmap(self._fd, 0, prot=mmap.PROT_READ), np.int64)
