"""What is wrong with a container, and how its walkers read it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, BinaryIO

BLOCK = 4 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A container that ends early (TRUNCATED) or is not what it says (CORRUPT), and where."""

    code: str
    evidence: dict[str, Any]


def ends_early(promised: int, size: int, **more: object) -> Fault:
    """A length that reaches past the end of the file."""
    return Fault(
        code="TRUNCATED", evidence={"promised_bytes": promised, "size_bytes": size, **more}
    )


def damaged(offset: int, what: str) -> Fault:
    """Something that cannot stand where it stands."""
    return Fault(code="CORRUPT", evidence={"offset": offset, "found": what})


def read_at(file: BinaryIO, offset: int, length: int) -> bytes:
    """Read up to `length` bytes at `offset`."""
    file.seek(offset)
    return file.read(length)


def size_of(file: BinaryIO) -> int:
    """The length of an open file."""
    return os.fstat(file.fileno()).st_size


def only_zeros(file: BinaryIO, offset: int) -> bool:
    """Say whether nothing but zeros follows, as where room was set aside and not used."""
    file.seek(offset)
    while data := file.read(BLOCK):
        if data.strip(b"\x00"):
            return False
    return True
