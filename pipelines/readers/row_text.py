"""A row of a log as text: how it is parsed, how it is kept, and what a row is that cannot be read.

Numbers remember how they were written: a float has too few digits for a time in ns.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.readers.reading import Refused

NO_TEXT = re.compile("[\x00\udc80-\udcff]")  # zero bytes, and bytes that are no UTF-8


class Written(float):
    """A number that remembers how it was written: a float has too few digits for a time in ns."""

    __slots__ = ("text",)

    def __new__(cls, text: str) -> Written:
        """Read `text` as a float, and keep it."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


def _plain(value: object) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


DECODER = json.JSONDecoder(parse_float=Written)
ENCODER = json.JSONEncoder(ensure_ascii=False, default=_plain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A row that cannot be parsed: its number, why, and whether the file ends within it."""

    number: int
    why: str
    cut: bool = False


Row = tuple[Mapping[str, Any], str] | Bad


def as_text(doc: Mapping[str, Any]) -> str:
    """Return a row as JSON; bytes stand in it as base64."""
    return ENCODER.encode(doc)


def number_in(cell: str) -> int | float | None:
    """Return the number that a cell of a table holds, or None."""
    try:
        return int(cell) if "_" not in cell else None
    except ValueError:
        pass
    try:
        return Written(cell) if "_" not in cell else None
    except ValueError:
        return None


def each_once(columns: Sequence[str]) -> list[str]:
    """Return the names of columns, each once; one without a name is called by its number."""
    names: list[str] = []
    for number, told in enumerate(columns):
        name = told or f"column.{number}"
        names.append(name if name not in names else f"{name}.{number}")
    return names


def too_deep(name: str) -> Refused:
    """Return the refusal of rows that no parser follows to their ground."""
    return Refused(f"{name}: nested too deep", code="UNSAFE_CONTENT", subject=name)
