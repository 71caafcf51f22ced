"""Pieces of media files that may state something: found by walking lengths, never by decoding.

Each walker takes an open file and yields pieces; it reads heads and skips content, and after so
many heads it gives up with an unread piece. A file that ends early or has absurd lengths ends the
walk: ingest quarantines it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

LONGEST_PIECE = 2 << 20
LONGEST_MANIFEST = 16 << 20
LONGEST_WORDS = 64 << 10
MOST_HEADS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One statement inside a media file; no content means that it could not be read."""

    place: str  # "XMP" | "C2PA manifest" | "words" | "container"
    content: bytes | None


def piece(file: IO[bytes], place: str, *, start: int, end: int) -> Piece:
    """Read the piece of a file from `start` to `end`, as far as its place is read at all."""
    if place == "words":
        end = min(end, start + LONGEST_WORDS)
    most = LONGEST_MANIFEST if place == "C2PA manifest" else LONGEST_PIECE
    if end - start > most:
        return Piece(place=place, content=None)
    file.seek(start)
    return Piece(place=place, content=file.read(max(0, end - start)))


def given_up() -> Iterator[Piece]:
    """Yield what stands for a container with more heads than are walked."""
    yield Piece(place="container", content=None)


def packets(content: bytes) -> Iterator[Piece]:
    """Yield the XMP and the sign of a manifest in the first or last bytes of any other format."""
    start = content.find(b"<x:xmpmeta")
    if start >= 0:
        end = content.find(b"</x:xmpmeta>", start)
        yield Piece(place="XMP", content=None if end < 0 else content[start : end + 12])
    if b"jumdc2pa" in content:
        yield Piece(place="C2PA manifest", content=b"")
