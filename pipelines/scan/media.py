"""Media files: what their containers state, found by their first bytes whatever their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO

from licensing.signals import natural_language, plain_text, xmp_signals
from pipelines.scan.boxes import walk_boxes
from pipelines.scan.chunks import walk_jpeg, walk_png, walk_riff
from pipelines.scan.matroska import walk_matroska
from pipelines.scan.pieces import Piece, given_up, packets
from pipelines.scan.statement import MANIFEST, Signal, Statement, unreadable

HEAD = 256 << 10
MOST_PIECES = 256
_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"styp", b"wide", b"free", b"skip", b"uuid"})
_WALKERS: tuple[tuple[bytes, Callable[[IO[bytes], int], Iterator[Piece]]], ...] = (
    (b"\x1a\x45\xdf\xa3", walk_matroska),
    (b"RIFF", walk_riff),
    (b"\x89PNG\r\n\x1a\n", walk_png),
    (b"\xff\xd8\xff", walk_jpeg),
)


def is_media(head: bytes) -> bool:
    """Say whether a file that begins so is one of the containers that are walked; no text is."""
    marked = head[4:8] in _BOXES or any(head.startswith(mark) for mark, _ in _WALKERS)
    return marked and b"\0" in head[:64]


def read_media(file: IO[bytes], path: str, *, size: int) -> Iterator[Statement]:
    """Yield what an open media file states about itself; of a manifest only that it is there."""
    for one in dict.fromkeys(_pieces(file, size)):
        signals = _signals(one)
        if signals or one.place == MANIFEST:
            yield Statement(
                path=path, place=one.place, signals=signals, raw=one.content or None, about=(path,)
            )


def _pieces(file: IO[bytes], size: int) -> Iterator[Piece]:
    """The pieces that the container's lengths lead to, else those that stand at its two ends."""
    file.seek(0)
    head = file.read(HEAD)
    found = [*islice(_walked(file, head, size), MOST_PIECES + 1)]
    yield from found[:MOST_PIECES]
    if len(found) > MOST_PIECES:
        yield from given_up()
    places = {one.place for one in found}
    file.seek(max(len(head), size - HEAD))
    yield from (one for one in packets(head + file.read(HEAD)) if one.place not in places)


def _walked(file: IO[bytes], head: bytes, size: int) -> Iterator[Piece]:
    if head[4:8] in _BOXES:
        yield from walk_boxes(file, size)
    for mark, walk in _WALKERS:
        if head.startswith(mark):
            yield from walk(file, size)


def _signals(one: Piece) -> tuple[Signal, ...]:
    if one.content is None:
        return unreadable(one.place)
    if one.place == "XMP":
        return xmp_signals(one.content)
    if one.place == "words":
        return natural_language(plain_text(one.content))
    return ()
