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
from types import NoneType
from typing import Any

import numpy as np

from pipelines.readers.row_text import Written
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
    values = table_of(docs, columns, without=frozenset(without))
    return Channels(names=tuple(columns), values=values)


def table_of(
    docs: Sequence[Mapping[str, Any]],
    columns: dict[str, int],
    *,
    without: frozenset[str] = frozenset(),
    most: int = MAX_CHANNELS,
) -> Floats:
    """Return the numbers of rows; `columns` is where each name stands, and grows up to `most`."""
    plain = _plain_columns(docs)
    if plain is None:
        return _dense(docs, without, columns, most=most)
    for name in plain:
        if name not in without and (name in columns or len(columns) < most):
            columns.setdefault(name, len(columns))
    values = np.full((len(docs), len(columns)), np.nan)
    for name, cells in plain.items():
        if name in columns and name not in without:
            values[:, columns[name]] = cells
    return values


def _plain_columns(docs: Sequence[Mapping[str, Any]]) -> dict[str, Floats] | None:
    """Return the numbers of rows that say the same fields, each of one plain kind; else None."""
    fields = tuple(docs[0]) if docs else ()
    if any(tuple(doc) != fields for doc in docs):
        return None
    found: dict[str, Floats] = {}
    for name in fields:
        cells = [doc[name] for doc in docs]
        kinds = set(map(type, cells))
        if kinds <= {str, NoneType}:
            continue
        if not kinds <= {float, Written, bool, int}:
            return None
        if int in kinds and not all(-EXACT < cell < EXACT for cell in cells if type(cell) is int):
            return None
        found[name] = np.fromiter(cells, np.float64, len(cells))
    return found


def _dense(
    docs: Sequence[Mapping[str, Any]],
    left_out: frozenset[str],
    columns: dict[str, int],
    *,
    most: int,
) -> Floats:
    """Return the numbers of rows of any kind."""
    shapes: dict[tuple[int, ...], tuple[int, ...]] = {}  # of rows: one for all that say the same
    cells: list[tuple[tuple[int, ...], array[float]]] = []
    for doc in docs:
        row: dict[int, float] = {}
        for name, number in numbers(doc):
            if name in left_out or (name not in columns and len(columns) >= most):
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
