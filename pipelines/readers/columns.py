"""The numbers and words of many messages: columns by name, and one text for each row.

In: rows, one document at a time or many of one layout at once. Out: a float64 table in which a
row lacks what its message did not say (NaN), and the words left over as JSON. An integer that
float64 cannot hold stays among the words; bytes are left to the caller, and the words tell how
many there were. A table that grows large goes on in files of the scratch folder.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path as File
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines import ondisk
from pipelines.ondisk import BLOCK, Numbers, Ordered, Texts
from pipelines.readers.definitions import ONE
from pipelines.readers.rows import EXACT, numbers, words
from pipelines.readers.stamps import scale_of
from pipelines.readers.wire import BYTES, TEXT, Alike, Leaf, Path, value_of
from pipelines.records import Floats, Int64s

NOTHING = "null"
FURTHEST = 2**63  # ns
LARGE = 32 << 20  # bytes of numbers, or of texts, that are kept in memory
Rows = npt.NDArray[np.int64]


@dataclass(slots=True)
class Columns:
    """A table that grows; its names are in the order in which they were first said."""

    folder: File
    names: dict[str, int] = field(default_factory=dict)
    texts: list[str] | Texts = field(default_factory=list)
    text_bytes: int = 0
    has_words: bool = False
    laid: ondisk.Columns | None = None  # the first rows, once there are many
    block_bytes: int = 0
    blocks: list[tuple[Rows, Rows, Floats]] = field(default_factory=list)
    run_start: int = 0
    run_names: tuple[str, ...] = ()
    run: array[float] = field(default_factory=lambda: array("d"))

    def add(self, doc: Mapping[str, Any]) -> None:
        """Append one row."""
        pairs, left = list(numbers(doc)), words(doc)
        names = tuple(name for name, _ in pairs)
        if names != self.run_names:
            self._close()
            self.run_start, self.run_names = len(self.texts), names
        self.run.extend(number for _, number in pairs)
        self._add_text(NOTHING if left is None else as_text(left))
        if self.block_bytes + self.run.itemsize * len(self.run) > LARGE:
            self._close()
            self._lay_down()

    def add_block(self, rows: Rows, names: Sequence[str], values: Floats) -> None:
        """Fill the numbers of `rows`, whose texts are appended in the order of the file."""
        self._close()
        where = [self.names.setdefault(name, len(self.names)) for name in names]
        self.blocks.append((rows, np.array(where, np.int64), values))
        self.block_bytes += values.nbytes

    def add_texts(self, texts: Sequence[str]) -> None:
        """Append the texts of rows that were filled by `add_block`."""
        for text in texts:
            self._add_text(text)
        self.run_start = len(self.texts)
        if self.block_bytes > LARGE:
            self._lay_down()

    def table(self, order: Rows) -> Floats | Numbers:
        """Return all numbers, one row a message, in an order of the messages."""
        self._close()
        if self.laid is None:
            return self._dense(0, len(self.texts))[order]
        self._lay_down(least=1)
        return Numbers(self.laid, tuple(range(len(self.names))), order)

    def texts_in(self, order: Rows) -> Sequence[str]:
        """Return the text of each row, in an order of the messages."""
        if isinstance(self.texts, Texts):
            return Ordered(self.texts, order)
        return tuple(self.texts[at] for at in order)

    def _add_text(self, text: str) -> None:
        same = bool(self.texts) and self.texts[-1] == text
        self.texts.append(self.texts[-1] if same else text)  # one string for a thousand rows
        self.has_words = self.has_words or text is not NOTHING
        self.text_bytes += 0 if same else len(text)
        if self.text_bytes > LARGE and isinstance(self.texts, list):
            self.texts = Texts(self.folder, self.texts)

    def _lay_down(self, least: int = BLOCK) -> None:
        """Write the numbers of whole blocks of rows, the last one with `least`, to a file."""
        self.laid = laid = self.laid or ondisk.Columns(self.folder)
        while len(self.texts) - laid.count >= least:
            low, high = laid.count, min(laid.count + BLOCK, len(self.texts))
            laid.append(self._dense(low, high))
            self.blocks = [one for one in self.blocks if one[0][-1] >= high]
        self.block_bytes = sum(values.nbytes for _, _, values in self.blocks)

    def _dense(self, low: int, high: int) -> Floats:
        """Return the numbers of the rows `[low, high)`."""
        table = np.full((high - low, len(self.names)), np.nan)
        for rows, where, values in self.blocks:
            first, last = np.searchsorted(rows, (low, high))
            table[np.ix_(rows[first:last] - low, where)] = values[first:last]
        return table

    def _close(self) -> None:
        """End a run of rows that say the same names."""
        width = len(self.run_names)
        if width and self.run:
            values = np.array(self.run).reshape(-1, width)
            rows = np.arange(self.run_start, self.run_start + len(values))
            where = [self.names.setdefault(name, len(self.names)) for name in self.run_names]
            self.blocks.append((rows, np.array(where, np.int64), values))
            self.block_bytes += values.nbytes
        self.run, self.run_names, self.run_start = array("d"), (), len(self.texts)


def as_text(words_left: object) -> str:
    """Return words as the JSON that is kept."""
    return json.dumps(words_left, ensure_ascii=False)


def numbers_of(group: Alike, without: frozenset[Path]) -> tuple[list[str], Floats, list[Leaf]]:
    """Return the names and numbers of messages that lie alike, and what float64 cannot hold."""
    names: list[str] = []
    parts: list[Floats] = [np.zeros((len(group.rows), 0))]
    inexact = []
    for leaf in group.layout.leaves:
        if leaf.kind in {TEXT, BYTES} or leaf.path in without:
            continue
        cells = cells_of(group, leaf)
        values = cells.astype(np.float64)
        if cells.dtype.itemsize == 8 and cells.dtype.kind in "iu":
            large = ~((cells < EXACT) & (cells > -EXACT if cells.dtype.kind == "i" else True))
            values[large] = np.nan
            inexact += [leaf] if large.any() else []
        name = ".".join(map(str, leaf.path))
        names += [name] if leaf.count == ONE else [f"{name}.{n}" for n in range(leaf.count)]
        parts.append(values)
    return names, np.concatenate(parts, axis=1), inexact


def texts_of(group: Alike, inexact: Sequence[Leaf]) -> list[str]:
    """Return the words of messages that lie alike; one text for all if they say the same."""
    leaves = group.layout.leaves
    said = [leaf for leaf in leaves if leaf.kind in {TEXT, BYTES}]
    if not said and not inexact:
        return [NOTHING] * len(group.rows)
    spots = [at for leaf in said if leaf.kind == TEXT for at in range(leaf.at, leaf.at + leaf.size)]
    if not inexact and (group.table[:, spots] == group.table[0, spots]).all():
        return [as_text(_words(group.table[0].tobytes(), said, inexact))] * len(group.rows)
    return [as_text(_words(row.tobytes(), said, inexact)) for row in group.table]


def cells_of(group: Alike, leaf: Leaf) -> npt.NDArray[Any]:
    """Return the numbers that stand at `leaf`, one row a message."""
    raw = np.ascontiguousarray(group.table[:, leaf.at : leaf.at + leaf.size])
    return raw.view(leaf.kind)


def nested(pairs: Iterator[tuple[Path, object]]) -> dict[str, Any]:
    """Return the document whose values stand at these paths."""
    root: dict[Any, Any] = {}
    for path, value in pairs:
        at = root
        for step in path[:-1]:
            at = at.setdefault(step, {})
        at[path[-1]] = value
    return {str(key): _listed(value) for key, value in root.items()}


def stamp_column(
    group: Alike, paths: Sequence[str], declared: str | None = None
) -> tuple[Int64s, frozenset[Path]]:
    """Return the time in each of the messages, and the paths it stands at; 0 where there is none.

    Of `paths` the first one counts at which there is a time, or a number named `…_ns`; or any
    number where the source says that it is the time: `declared` is its unit, "" for none.
    """
    leaves = {leaf.path: leaf for leaf in group.layout.leaves if leaf.kind not in {TEXT, BYTES}}
    for text in paths:
        path: Path = tuple(int(step) if step.isdigit() else step for step in text.split("."))
        sec, nanosec = leaves.get((*path, "sec")), leaves.get((*path, "nanosec"))
        if sec and nanosec:
            whole = cells_of(group, sec)[:, 0].astype(np.int64) * 10**9
            return whole + cells_of(group, nanosec)[:, 0], frozenset({sec.path, nanosec.path})
        only = leaves.get(path)
        if only and only.count == ONE and text.endswith("_ns"):
            return cells_of(group, only)[:, 0].astype(np.int64), frozenset({path})
        if only and only.count == ONE and declared is not None:
            told = cells_of(group, only)[:, 0]
            if scale := scale_of(Decimal(str(told[0])), text, declared):
                return _scaled(told, scale), frozenset({path})
    return np.zeros(len(group.rows), np.int64), frozenset()


def _scaled(told: npt.NDArray[Any], scale: int) -> Int64s:
    """Return numbers times a scale, as exactly as they are written; 0 for what is no time."""
    if told.dtype.kind in "iu":
        return told.astype(np.int64) * scale
    times = (Decimal(repr(one)) * scale for one in told.tolist())
    kept = (int(time) if time.is_finite() and abs(time) < FURTHEST else 0 for time in times)
    return np.fromiter(kept, np.int64, len(told))


def _words(data: bytes, said: Sequence[Leaf], inexact: Sequence[Leaf]) -> dict[str, Any]:
    def pairs() -> Iterator[tuple[Path, object]]:
        for leaf in said:
            yield leaf.path, f"{leaf.size} bytes" if leaf.kind == BYTES else value_of(data, leaf)
        for leaf in inexact:
            yield leaf.path, words(value_of(data, leaf))

    return nested(pairs())


def _listed(node: object) -> object:
    """Return nested dictionaries whose keys are numbers as lists."""
    if not isinstance(node, dict):
        return node
    inner = {key: _listed(value) for key, value in node.items()}
    if not all(isinstance(key, int) for key in inner):
        return inner
    return [inner.get(index) for index in range(max(inner) + 1)] if inner else inner
