"""What the rows of a log say that are too many to hold, gathered while they are read.

In: one row after another. Out: their times and their numbers, which lie in files of the scratch
folder; a row is looked at once and let go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.ondisk import BLOCK, Columns, Numbers, Order
from pipelines.readers.reading import Config
from pipelines.readers.rows import MAX_CHANNELS, table_of
from pipelines.readers.timing import RowTimes

LEFT_OUT = 2  # fields that may turn out to be no channels: the time, and the number of the picture


class Gathered:
    """Times and numbers of rows."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], config: Config, folder: Path) -> None:
        self.times = RowTimes(rows[0], config, folder=folder)
        self._columns = Columns(folder)
        self._places: dict[str, int] = {}
        self._fresh: list[Mapping[str, Any]] = []
        for row in rows:
            self.add(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take one row."""
        self._fresh.append(row)
        if len(self._fresh) == BLOCK:
            self.close()

    def close(self) -> None:
        """Take the rows that wait: there are no more."""
        if self._fresh:
            self.times.add(self._fresh)
            most = MAX_CHANNELS + LEFT_OUT
            self._columns.append(table_of(self._fresh, self._places, most=most))
            self._fresh = []

    def names(self, without: Iterable[str]) -> tuple[str, ...]:
        """Return the channels but for the paths in `without`."""
        left_out = frozenset(without)
        return tuple(name for name in self._places if name not in left_out)[:MAX_CHANNELS]

    def numbers(self, names: Sequence[str], order: Order | None) -> Numbers:
        """Return the numbers of some channels, in an order of the rows."""
        return Numbers(self._columns, tuple(self._places[name] for name in names), order)
