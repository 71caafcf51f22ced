"""The tags of Matroska and WebM files: their words may reserve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from pipelines.scan.pieces import MOST_HEADS, Piece, given_up, piece

_SEGMENT, _TAGS = 0x18538067, 0x1254C367


def walk_matroska(file: IO[bytes], size: int) -> Iterator[Piece]:
    """Yield the tags of a file; clusters are skipped by their lengths."""
    at = 0
    for _ in range(MOST_HEADS):
        file.seek(at)
        head = file.read(12)
        kind, id_width = _number(head, 0, keep=True)
        length, width = _number(head, id_width, keep=False)
        if not id_width or not width:
            return
        start = at + id_width + width
        if kind == _TAGS:
            yield piece(file, "words", start=start, end=min(start + length, size))
        unknown = length == (1 << (7 * width)) - 1  # a live recording: only its clusters follow
        if unknown and kind != _SEGMENT:
            return
        at = start if kind == _SEGMENT else start + length
    yield from given_up()


def _number(head: bytes, at: int, *, keep: bool) -> tuple[int, int]:
    """The value and width of a number; `keep` leaves the mark of its width in it, as ids do."""
    if at >= len(head) or not head[at]:
        return 0, 0
    width = 9 - head[at].bit_length()
    value = int.from_bytes(head[at : at + width], "big")
    return (value if keep else value & ((1 << (7 * width)) - 1)), width
