"""Markdown that survives any value: cells without bars and line ends, words without markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

_MARKS: Final = re.compile(r"([\\`*_\[\]<>|#])")
_SPACES: Final = re.compile(r"\s+")


def plain(value: object) -> str:
    """A value as one line of text in which nothing is markup."""
    return _MARKS.sub(r"\\\1", _SPACES.sub(" ", str(value)).strip())


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a table; an empty one says so in its only row."""
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    found = ["| " + " | ".join(plain(one) or "-" for one in row) + " |" for row in rows]
    return lines + (found or ["| none |" + " - |" * (len(heads) - 1)])
