"""Boxes of mp4, mov and their kin: XMP and C2PA in `uuid`, XMP and words in `udta` and `meta`."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

from pipelines.scan.pieces import MOST_HEADS, Piece, given_up, piece

_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_HOLDERS = frozenset({b"moov", b"trak", b"udta", b"meta"})
_WORDS = frozenset({b"cprt", b"ilst", b"\xa9cpy", b"\xa9cmt", b"\xa9inf", b"desc"})


def walk_boxes(file: IO[bytes], size: int) -> Iterator[Piece]:
    """Yield what the boxes of a file state; boxes of samples are skipped, none is nested deep."""
    todo, num_heads = [(0, size)], 0
    while todo:
        at, end = todo.pop()
        while at + 8 <= end:
            num_heads += 1
            if num_heads > MOST_HEADS:
                yield from given_up()
                return
            kind, start, after = _box(file, at, end)
            if after <= at:
                break
            if kind in _HOLDERS and len(todo) < MOST_HEADS:
                todo.append((_inside(file, kind, start), min(after, end)))
            else:
                yield from _stated(file, kind, start=start, end=min(after, end))
            at = after


def _box(file: IO[bytes], at: int, end: int) -> tuple[bytes, int, int]:
    """The kind of the box at `at`, where its content starts and ends; an absurd one ends there."""
    file.seek(at)
    head = file.read(16)
    if len(head) < 8:
        return b"", at, at
    length, kind = struct.unpack_from(">I4s", head)
    if length == 1 and len(head) == 16:
        wide = struct.unpack_from(">Q", head, 8)[0]
        return (kind, at + 16, at + wide) if wide >= 16 else (b"", at, at)
    if length == 0:
        return kind, at + 8, end
    return (kind, at + 8, at + length) if length >= 8 else (b"", at, at)


def _inside(file: IO[bytes], kind: bytes, start: int) -> int:
    """Where the boxes inside a box begin; ISO's `meta` has four bytes before them, Apple's none."""
    if kind != b"meta":
        return start
    file.seek(start)
    return start if file.read(8)[4:] == b"hdlr" else start + 4


def _stated(file: IO[bytes], kind: bytes, *, start: int, end: int) -> Iterator[Piece]:
    if kind == b"uuid":
        file.seek(start)
        own = file.read(16)
        place = {_XMP: "XMP", _C2PA: "C2PA manifest"}.get(own)
        if place:
            yield piece(file, place, start=start + 16, end=end)
    elif kind == b"XMP_":
        yield piece(file, "XMP", start=start, end=end)
    elif kind in _WORDS:
        yield piece(file, "words", start=start, end=end)
