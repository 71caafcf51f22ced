"""The numbers in rows and messages, as channels named by their path (`pos.0`, `inventory.food`).

Integers that float64 cannot hold, words and everything else are no channels: they stay in the text
that is kept of each row.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.ondisk import BLOCK, Columns
from pipelines.records import Floats

EXACT = 2**53
MAX_CHANNELS = 4_096
ACTIONS = ("action", "action.*", "action_*", "actions.*", "keys.*", "keyboard.*", "mouse.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """Numbers of all rows: one row a message, one column a name, NaN where a row lacks it."""

    names: tuple[str, ...]
    values: Floats

    def only(self, names: Sequence[str]) -> Channels:
        """Return the channels of these names."""
        columns = [self.names.index(name) for name in names]
        return Channels(names=tuple(names), values=self.values[:, columns])


def channels_of(docs: Sequence[Mapping[str, Any]], without: Iterable[str] = ()) -> Channels:
    """Return the numbers of `docs` as channels, but for the paths in `without`."""
    columns = dict[str, int]()
    values = _dense(docs, frozenset(without), columns)
    return Channels(names=tuple(columns), values=values)


def columns_of(
    docs: Iterable[Mapping[str, Any]], folder: Path, without: Iterable[str] = ()
) -> tuple[tuple[str, ...], Columns]:
    """Return the names of the same channels, and the numbers in a file of `folder`."""
    left_out, places, columns = frozenset(without), dict[str, int](), Columns(folder)
    rows = iter(docs)
    while block := list(islice(rows, BLOCK)):
        columns.append(_dense(block, left_out, places))
    return tuple(places), columns


def _dense(
    docs: Sequence[Mapping[str, Any]], left_out: frozenset[str], columns: dict[str, int]
) -> Floats:
    """Return the numbers of rows; `columns` is where each name stands, and grows."""
    shapes: dict[tuple[int, ...], tuple[int, ...]] = {}  # of rows: one for all that say the same
    cells: list[tuple[tuple[int, ...], array[float]]] = []
    for doc in docs:
        row: dict[int, float] = {}
        for name, number in numbers(doc):
            if name in left_out or (name not in columns and len(columns) >= MAX_CHANNELS):
                continue
            row[columns.setdefault(name, len(columns))] = number
        shape = tuple(row)
        cells.append((shapes.setdefault(shape, shape), array("d", row.values())))
    values = np.full((len(docs), len(columns)), np.nan)
    for number, (shape, told) in enumerate(cells):
        values[number, shape] = told
    return values


def numbers(value: object, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield (path, number) for every number that float64 holds as it was written.

    Integers it must hold exactly, decimals as nearly as it can: as it holds a fraction in JSON.
    """
    if isinstance(value, str) or value is None:  # the usual cases first: this runs for each cell
        return
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < EXACT):
        yield name, float(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from numbers(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from numbers(inner, f"{name}.{index}")
    elif isinstance(value, Decimal):
        yield name, float(value)


def words(value: object) -> object:
    """Return what `numbers` leaves out of `value`, or None when it leaves out nothing."""
    if isinstance(value, Mapping):
        inner = {str(key): words(each) for key, each in value.items()}
        return {key: each for key, each in inner.items() if each is not None} or None
    if isinstance(value, list | tuple):
        kept = [words(each) for each in value]
        return kept if any(each is not None for each in kept) else None
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < EXACT):
        return None
    return value


def split_roles(names: Sequence[str], config: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the names that are actions and those that are state, as the config's patterns say."""
    action = [name for name in names if matches(name, "action", _patterns(config))]
    rest = [name for name in names if name not in action]
    if "state" in config and "state.*" not in config["state"]:
        rest = [name for name in rest if matches(name, "state", config["state"])]
    return action, rest


def _patterns(config: Mapping[str, Any]) -> Sequence[str]:
    """Return the config's patterns; `action.*` says no more than the usual names do."""
    patterns = tuple(config.get("action", ("action.*",)))
    return (*patterns, *ACTIONS) if "action.*" in patterns else patterns


def matches(name: str, stream: str, patterns: Sequence[str]) -> bool:
    """Say whether a pattern fits the channel; a pattern may name the stream before the channel."""
    bare = (one.removeprefix(f"{stream}.") for one in patterns)
    return any(fnmatchcase(name, one) for one in (*patterns, *bare) if one != "*")
