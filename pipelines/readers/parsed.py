"""Rows of a large log, held as text only.

In: the kept texts and how one is parsed. Out: a sequence of mappings, each parsed when it is asked
for. It takes a tenth of the memory of the mappings themselves, and a parse for each pass over them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload


class Parsed(Sequence[Mapping[str, Any]]):
    """Rows that are parsed from their text whenever they are asked for: memory holds the text."""

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
