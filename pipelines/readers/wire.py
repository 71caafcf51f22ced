"""Messages of ROS as they lie in a log: CDR (ROS 2) and the plain layout of ROS 1.

In: the bytes of messages and the fields of their definition. Out: where each value lies. Messages
of a topic mostly lie alike, so that one walk through the first tells where the numbers of all the
others are: `alike` finds those of equal length whose strings and sequences are of equal lengths,
and their numbers are then read as columns, without a step of the interpreter for each message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from pipelines.readers.definitions import ANY, FILLER, ONE, Field, Fields

MAX_NUMBERS = 4_096  # of one sequence; a longer one is kept as bytes
PADDING = 3  # bytes after the last value of a CDR message
TEXT, BYTES = "text", "bytes"
REPRESENTATIONS: dict[int, tuple[Literal["<", ">"], int]] = {
    0: (">", 8),
    1: ("<", 8),
    6: (">", 4),
    7: ("<", 4),
}
Path = tuple[str | int, ...]
Bytes2D = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How the messages of one topic are written."""

    fields: Fields
    is_cdr: bool

    def says(self, names: set[str]) -> bool:
        """Say whether the message has all these fields."""
        return names <= {one.name for one in self.fields}


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of a message: numbers, a string, or bytes. `count` is ONE for a single number."""

    path: Path
    kind: str  # letters of a number for numpy, TEXT or BYTES
    at: int
    size: int  # in bytes
    count: int = ONE


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the values of a message lie, and where the lengths stand that shape it."""

    leaves: tuple[Leaf, ...]
    lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Alike:
    """Messages of one layout: their numbers in the batch, and their bytes as a table."""

    rows: npt.NDArray[np.int64]
    table: Bytes2D
    layout: Layout


@dataclass(frozen=True, slots=True)
class Broken:
    """A message that is not what its definition says."""

    row: int
    why: str


def alike(batch: Sequence[bytes], wire: Wire) -> Iterator[Alike | Broken]:
    """Sort a batch of messages by layout; each is in exactly one of the results."""
    by_size: dict[int, list[int]] = {}
    for row, data in enumerate(batch):
        by_size.setdefault(len(data), []).append(row)
    for size, rows in by_size.items():
        table = np.frombuffer(b"".join([batch[row] for row in rows]), np.uint8)
        yield from _of_one_size(np.array(rows), table.reshape(len(rows), size), wire)


def layout_of(data: bytes, wire: Wire) -> Layout:
    """Walk through one message.

    Raises:
        ValueError: it is not what its definition says.
    """
    walk = _Walk.through(data, wire)
    left = len(data) - walk.at
    if left > (PADDING if wire.is_cdr else 0):
        raise ValueError(f"{left} of {len(data)} bytes left after the last field")
    return Layout(tuple(walk.leaves), tuple(walk.lengths))


def fits(data: bytes, wire: Wire) -> bool:
    """Say whether a message is what its definition says."""
    try:
        layout_of(data, wire)
    except ValueError:
        return False
    return True


def value_of(data: bytes, leaf: Leaf) -> object:
    """Return one value of a message as Python has it: numbers, text or bytes."""
    raw = data[leaf.at : leaf.at + leaf.size]
    if leaf.kind == TEXT:
        return raw.decode("utf-8", "backslashreplace")
    if leaf.kind == BYTES:
        return raw
    numbers = np.frombuffer(raw, leaf.kind).tolist()
    return numbers[0] if leaf.count == ONE else numbers


def _of_one_size(
    rows: npt.NDArray[np.int64], table: Bytes2D, wire: Wire
) -> Iterator[Alike | Broken]:
    while len(rows):
        try:
            layout = layout_of(table[0].tobytes(), wire)
        except ValueError as error:
            yield Broken(int(rows[0]), str(error))
            rows, table = rows[1:], table[1:]
            continue
        shape = [at + step for at in layout.lengths for step in range(4)]
        same = (table[:, shape] == table[0, shape]).all(axis=1)
        if same.all():
            yield Alike(rows, table, layout)
            return
        yield Alike(rows[same], table[same], layout)
        rows, table = rows[~same], table[~same]


@dataclass(slots=True)
class _Walk:
    """One walk through one message, field by field."""

    data: bytes
    start: int = 0  # where alignment counts from
    widest: int = 1  # alignment goes no further than this
    order: Literal["<", ">"] = "<"
    at: int = 0
    leaves: list[Leaf] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    @classmethod
    def through(cls, data: bytes, wire: Wire) -> _Walk:
        """Walk through `data` to its last field."""
        if not wire.is_cdr:
            walk = cls(data)
        elif len(data) < 4 or data[0] or data[1] not in REPRESENTATIONS:
            raise ValueError(f"unknown CDR representation {data[:2].hex()}")
        else:
            order, widest = REPRESENTATIONS[data[1]]
            walk = cls(data, start=4, widest=widest, order=order, at=4, lengths=[0])
        walk.message(wire.fields, ())
        return walk

    def message(self, fields: Fields, path: Path) -> None:
        """Go over the fields of a message."""
        real = [one for one in fields if one.name != FILLER]
        for one in real:
            self.one_field(one, (*path, one.name))
        if not real and self.start:
            self.skip(1)  # CDR has no empty structure

    def one_field(self, one: Field, path: Path) -> None:
        """Go over a field, or each of its entries."""
        count = self.length() if one.count == ANY else one.count
        if one.number:
            self.numbers(one, path, count)
            return
        for index in range(max(count, 1) if count == ONE else count):
            here = path if count == ONE else (*path, index)
            if one.fields is None:
                self.text(here)
            else:
                self.message(one.fields, here)

    def numbers(self, one: Field, path: Path, count: int) -> None:
        """Note one number or a row of them, or that they are bytes."""
        width = int(one.number[1])
        if not count:
            return
        self.align(width)
        many = abs(count)
        as_bytes = (one.number == "u1" and one.count == ANY) or many > MAX_NUMBERS
        kind = BYTES if as_bytes else self.order + one.number
        self.leaves.append(Leaf(path, kind, self.at, many * width, count))
        self.skip(many * width)

    def text(self, path: Path) -> None:
        """Note a string."""
        size = self.length()
        self.leaves.append(Leaf(path, TEXT, self.at, max(0, size - bool(self.start)), ONE))
        self.skip(size)
        if self.start and size and self.data[self.at - 1]:
            raise ValueError(f"a string without its end at byte {self.at - 1}")

    def length(self) -> int:
        """Read a length, which shapes the message."""
        self.align(4)
        self.lengths.append(self.at)
        self.skip(4)
        size = int.from_bytes(
            self.data[self.at - 4 : self.at], "little" if self.order == "<" else "big"
        )
        if size > len(self.data) - self.at:
            raise ValueError(f"a length of {size} at byte {self.at - 4} of {len(self.data)}")
        return size

    def align(self, width: int) -> None:
        """Go to the next place where a value of `width` bytes may stand."""
        width = min(width, self.widest)
        self.at += -(self.at - self.start) % width

    def skip(self, size: int) -> None:
        """Go over `size` bytes."""
        self.at += size
        if self.at > len(self.data):
            raise ValueError(f"{self.at - len(self.data)} bytes too short")
