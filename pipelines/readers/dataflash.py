"""The messages of an ArduPilot DataFlash log: which types it defines, and where each message lies.

A message is two marks, the number of its type, and fields of fixed length. The log defines its
types itself, in messages of type FMT; FMTU says which field tells instances of a type apart. No
message has a checksum: what is known of damage is that a message does not follow another one.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from mmap import mmap
from typing import Final

import numpy as np
import numpy.typing as npt

MARK: Final = b"\xa3\x95"
HEAD: Final = 3
FMT: Final = 128
FMT_LENGTH: Final = 89
START: Final = MARK + bytes([FMT, FMT, FMT_LENGTH]) + b"FMT\x00"
DESCRIBING: Final = frozenset({"FMT", "FMTU", "UNIT", "MULT"})
MAX_LOST: Final = 100  # places kept as evidence
BLOCK: Final = 1 << 16  # messages copied at once

# libraries/AP_Logger/LogStructure.h of ArduPilot: letter -> type in the file, and its factor
NUMBERS: Final[Mapping[str, tuple[str, float]]] = {
    "b": ("<i1", 1), "B": ("<u1", 1), "h": ("<i2", 1), "H": ("<u2", 1), "i": ("<i4", 1),
    "I": ("<u4", 1), "q": ("<i8", 1), "Q": ("<u8", 1), "f": ("<f4", 1), "d": ("<f8", 1),
    "g": ("<f2", 1), "c": ("<i2", 1e-2), "C": ("<u2", 1e-2), "e": ("<i4", 1e-2),
    "E": ("<u4", 1e-2), "L": ("<i4", 1e-7), "M": ("<u1", 1), "a": ("(32,)<i2", 1),
}  # fmt: skip
TEXTS: Final = {"n": 4, "N": 16, "Z": 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageType:
    """A type of message: the letter of each field by its name, and how all of them lie."""

    name: str
    letters: Mapping[str, str]
    layout: np.dtype[np.void]

    @property
    def length(self) -> int:
        """Bytes of a message, its head included."""
        return HEAD + self.layout.itemsize


@dataclass(slots=True, kw_only=True)
class Walk:
    """What one walk through a log found."""

    types: dict[int, MessageType] = field(default_factory=lambda: {FMT: _FMT})
    places: dict[int, array[int]] = field(default_factory=dict)  # of what follows each head
    instance_of: dict[int, str] = field(default_factory=dict)  # type -> field
    lost: list[tuple[int, int]] = field(default_factory=list)  # where, bytes
    num_lost: int = 0
    cut_at: int = -1

    @property
    def num_messages(self) -> int:
        """Messages read, those that describe the log left out."""
        return sum(
            len(places)
            for number, places in self.places.items()
            if self.types[number].name not in DESCRIBING
        )


def walk_messages(data: bytes | mmap) -> Walk:
    """Go from message to message; what is none is passed over to the next one, and noted."""
    walk, at, end = Walk(), 0, len(data)
    while at < end:
        kind = _type_at(walk, data, at)
        if kind is None:
            at = _pass_over(walk, data, at)
        elif at + kind.length > end:
            walk.cut_at, at = at, end
        else:
            number = data[at + 2]
            walk.places.setdefault(number, array("q")).append(at + HEAD)
            if number == FMT or kind.name == "FMTU":
                _learn(walk, kind, np.frombuffer(data, kind.layout, count=1, offset=at + HEAD)[0])
            at += kind.length
    return walk


def rows_of(walk: Walk, number: int, data: bytes | mmap) -> npt.NDArray[np.void]:
    """Return all messages of a type, in the order of the log, with a field for each of its own."""
    layout = walk.types[number].layout
    places = np.frombuffer(walk.places[number], np.int64)
    whole, within = np.frombuffer(data, np.uint8), np.arange(layout.itemsize)
    raw = np.empty((len(places), layout.itemsize), np.uint8)
    for start in range(0, len(places), BLOCK):
        raw[start : start + BLOCK] = whole[places[start : start + BLOCK, None] + within]
    return raw.view(layout)[:, 0]


def text(raw: bytes) -> str:
    """Return the characters of a text field up to its end."""
    return raw.split(b"\x00", 1)[0].decode("utf-8", "replace")


def _type_at(walk: Walk, data: bytes | mmap, at: int) -> MessageType | None:
    """Return the type of the message at a place; the last bytes of a cut one are taken for FMT."""
    if len(data) - at < HEAD:
        return _FMT if MARK.startswith(data[at : at + 2]) else None
    return walk.types.get(data[at + 2]) if data[at : at + 2] == MARK else None


def _pass_over(walk: Walk, data: bytes | mmap, at: int) -> int:
    """Return where the next message might start, and note what lies before it.

    Equal zeros or ones to the end are what the card had not been written with yet: no loss.
    """
    next_at = data.find(MARK, at + 1)
    if next_at < 0:
        next_at, rest = len(data), data[at:]
        if not rest.strip(b"\x00") or not rest.strip(b"\xff"):
            return next_at
    if walk.lost and sum(walk.lost[-1]) == at:
        walk.lost[-1] = (walk.lost[-1][0], next_at - walk.lost[-1][0])
        return next_at
    walk.num_lost += 1
    if len(walk.lost) < MAX_LOST:
        walk.lost.append((at, next_at - at))
    return next_at


def _learn(walk: Walk, kind: MessageType, row: np.void) -> None:
    """Take a definition: of a type, or of which field tells its instances apart."""
    if kind.name == "FMT":
        found = _defined(row)
        if found is not None and int(row["Type"]) != FMT:
            walk.types[int(row["Type"])] = found
        return
    defined = walk.types.get(int(row["FmtType"])) if "FmtType" in kind.letters else None
    units = text(bytes(row["UnitIds"])) if "UnitIds" in kind.letters else ""
    for name, unit in zip(defined.letters if defined else (), units, strict=False):
        if unit == "#":
            walk.instance_of[int(row["FmtType"])] = name


def _defined(row: np.void) -> MessageType | None:
    """Return the type that an FMT message defines; None when its parts do not fit together."""
    letters = text(bytes(row["Format"]))
    names = [one.strip() for one in text(bytes(row["Columns"])).split(",")] if letters else []
    if len(names) != len(letters) or len(set(names)) != len(names):
        return None
    made = _made(text(bytes(row["Name"])), dict(zip(names, letters, strict=True)))
    return made if made is not None and made.length == int(row["Length"]) else None


def _made(name: str, letters: Mapping[str, str]) -> MessageType | None:
    if not all(one in NUMBERS or one in TEXTS for one in letters.values()):
        return None
    fields = [
        (key, f"S{TEXTS[one]}" if one in TEXTS else NUMBERS[one][0]) for key, one in letters.items()
    ]
    return MessageType(name=name, letters=letters, layout=np.dtype(fields))


def _fmt() -> MessageType:
    names = ("Type", "Length", "Name", "Format", "Columns")
    layout = np.dtype(list(zip(names, ("<u1", "<u1", "S4", "S16", "S64"), strict=True)))
    letters = dict(zip(names, "BBnNZ", strict=True))
    return MessageType(name="FMT", letters=letters, layout=layout)


_FMT: Final[MessageType] = _fmt()
