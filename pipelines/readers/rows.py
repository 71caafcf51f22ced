"""Rows of an event log (JSON lines, CSV, Parquet), and the numbers in them as channels.

In: a file. Out: `Rows`, each row as a mapping and as the text that is kept. A row that cannot be
parsed refuses the file, with the line and the number of rows that read. Numbers become float64
channels named by their path (`pos.0`, `inventory.food`); integers that float64 cannot hold, words
and everything else stay in the kept text.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.readers.reading import Counted, Refused
from pipelines.records import Floats

EXACT = 2**53
MAX_CHANNELS = 4_096
ACTIONS = ("action", "action.*", "action_*", "actions.*", "keys.*", "keyboard.*", "mouse.*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of one log, as mappings and as kept text."""

    docs: tuple[Mapping[str, Any], ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """Numbers of all rows: one row a message, one column a name, NaN where a row lacks it."""

    names: tuple[str, ...]
    values: Floats

    def only(self, names: Sequence[str]) -> Channels:
        """Return the channels of these names."""
        columns = [self.names.index(name) for name in names]
        return Channels(names=tuple(names), values=self.values[:, columns])


def load_rows(path: Path, kind: str, name: str) -> Rows:
    """Read the log at `path`, which is of `kind` jsonl, csv or parquet; `name` is for messages."""
    pairs = LOADERS[kind](path, name)
    if not pairs:
        raise Refused(f"{name}: no row in it", code="NO_CONTENT", subject=name)
    return Rows(docs=tuple(doc for doc, _ in pairs), texts=tuple(text for _, text in pairs))


def channels_of(docs: Sequence[Mapping[str, Any]], without: Iterable[str] = ()) -> Channels:
    """Return the numbers of `docs` as channels, but for the paths in `without`."""
    left_out, columns = frozenset(without), dict[str, int]()
    cells: list[dict[int, float]] = []
    for doc in docs:
        row = {}
        for name, number in numbers(doc):
            if name in left_out or (name not in columns and len(columns) >= MAX_CHANNELS):
                continue
            row[columns.setdefault(name, len(columns))] = number
        cells.append(row)
    values = np.full((len(docs), len(columns)), np.nan)
    for number, row in enumerate(cells):
        values[number, list(row)] = list(row.values())
    return Channels(names=tuple(columns), values=values)


def numbers(value: object, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield (path, number) for every number that float64 holds exactly as it was written."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from numbers(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from numbers(inner, f"{name}.{index}")
    elif isinstance(value, float) or (isinstance(value, int) and abs(value) < EXACT):
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


Pairs = list[tuple[Mapping[str, Any], str]]


def _jsonl(path: Path, name: str) -> Pairs:
    pairs: Pairs = []
    offset, size = 0, path.stat().st_size
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            offset += len(raw)
            doc, wrong = _object(raw)
            if wrong:
                cut = offset == size and not raw.endswith(b"\n")
                evidence = {"line": number, "offset": offset - len(raw), "message": wrong}
                raise _damaged(name, len(pairs), cut=cut, evidence=evidence)
            if doc is not None:
                pairs.append((doc, raw.decode("utf-8-sig").strip()))
    return pairs


def _object(raw: bytes) -> tuple[dict[str, Any] | None, str]:
    """Return the object on a line, or nothing for an empty one; and what is wrong with it."""
    try:
        text = raw.decode("utf-8-sig").strip()
        doc = json.loads(text) if text else None
    except (ValueError, RecursionError) as error:
        return None, str(error)
    return (doc, "") if doc is None or isinstance(doc, dict) else (None, "not an object")


def _csv(path: Path, name: str) -> Pairs:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        read = raw.count(b"\n", 0, error.start)
        evidence = {"offset": error.start, "message": str(error)}
        raise _damaged(name, max(0, read - 1), cut=False, evidence=evidence) from error
    mark = max(",;\t", key=text.split("\n", 1)[0].count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    header = next(rows, [])
    if all(_number(cell) is not None for cell in header):
        raise Refused(f"{name}: a table without names", code="UNKNOWN_SCHEMA", subject=name)
    pairs: Pairs = []
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(header) or "\x00" in "".join(row):
            cut = rows.line_num == text.count("\n") + 1 and len(row) < len(header)
            evidence = {"line": number, "cells": len(row), "expected": len(header)}
            raise _damaged(name, len(pairs), cut=cut, evidence=evidence)
        doc = {
            key.strip(): _number(cell) if _number(cell) is not None else cell
            for key, cell in zip(header, row, strict=True)
        }
        pairs.append((doc, _json(dict(zip(header, row, strict=True)))))
    return pairs


def _parquet(path: Path, name: str) -> Pairs:
    pairs: Pairs = []
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            batches = (_plain(batch) for batch in file.iter_batches(batch_size=4_096))
            pairs += [(doc, _json(doc)) for batch in batches for doc in batch.to_pylist()]
    except (pa.ArrowException, OSError) as error:
        evidence = {"message": str(error)}
        raise _damaged(name, len(pairs), cut=False, evidence=evidence) from error
    return pairs


LOADERS: dict[str, Callable[[Path, str], Pairs]] = {
    "jsonl": _jsonl,
    "csv": _csv,
    "parquet": _parquet,
}


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with time stamps as int64 ns."""
    columns = [
        column.cast(pa.timestamp("ns")).cast(pa.int64())
        if pa.types.is_timestamp(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _json(doc: Mapping[str, Any]) -> str:
    return json.dumps(doc, ensure_ascii=False, default=str)


def _number(cell: str) -> int | float | None:
    for kind in (int, float):
        try:
            return kind(cell)
        except ValueError:
            continue
    return None


def _damaged(name: str, read: int, *, cut: bool, evidence: Mapping[str, Any]) -> Refused:
    return Refused(
        f"{name}: {read} rows read, then a row that cannot be parsed",
        code="TRUNCATED" if cut else "CORRUPT",
        subject=name,
        evidence={"rows_read": read, **evidence},
        partial={name: Counted(num_messages=read)},
    )
