"""Rows of a large log, kept as text only.

In: the kept texts and how one is parsed. Out: a sequence of mappings, each parsed when it is asked
for: memory holds none of them, and each pass over them costs a parse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
