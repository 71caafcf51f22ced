"""Rows of a large log that are not held.

In: the kept texts and how one is parsed, or how the file is read again. Out: a sequence of
mappings, each made when it is asked for: memory holds none of them, and each pass costs a parse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, overload


class Parsed(Sequence[Mapping[str, Any]]):
    """Rows that are parsed from their text, wherever it lies, whenever they are asked for."""

    def __init__(self, texts: Sequence[str], parse: Callable[[str], Mapping[str, Any]]) -> None:
        self.texts, self.parse = texts, parse

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, at: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> Parsed: ...
    def __getitem__(self, at: int | slice) -> Mapping[str, Any] | Parsed:
        if isinstance(at, slice):
            return Parsed(self.texts[at], self.parse)
        return self.parse(self.texts[at])


class Reread(Sequence[Mapping[str, Any]]):
    """Rows that are read from their file again, in its order, by each pass over them."""

    def __init__(self, count: int, rows: Callable[[], Iterator[Mapping[str, Any]]]) -> None:
        self._count, self._rows = count, rows

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        yield from islice(self._rows(), self._count)

    @overload
    def __getitem__(self, at: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> list[Mapping[str, Any]]: ...
    def __getitem__(self, at: int | slice) -> Mapping[str, Any] | list[Mapping[str, Any]]:
        if isinstance(at, slice):
            low, high, step = at.indices(self._count)
            return list(islice(self, low, high, step))
        place = at + self._count if at < 0 else at
        if not 0 <= place < self._count:
            raise IndexError(at)
        return next(islice(self, place, None))
