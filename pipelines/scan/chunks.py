"""Chunks of RIFF (avi, wav, webp), PNG and JPEG files that state something."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import IO

from pipelines.scan.pieces import (
    LONGEST_MANIFEST,
    LONGEST_PIECE,
    MOST_HEADS,
    Piece,
    given_up,
    piece,
)

_RIFF = {b"XMP ": "XMP", b"_PMX": "XMP", b"C2PA": "C2PA manifest"}
_PNG = {b"caBX": "C2PA manifest", b"tEXt": "words"}
_XMP_KEY = b"XML:com.adobe.xmp\0"
_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_JPEG_MORE_XMP = b"http://ns.adobe.com/xmp/extension/\0"


def walk_riff(file: IO[bytes], size: int) -> Iterator[Piece]:
    """Yield what the chunks of a RIFF file state, those of its continuations too."""
    at = 12
    for _ in range(MOST_HEADS):
        file.seek(at)
        head = file.read(12)
        if len(head) < 8:
            return
        kind, length = struct.unpack_from("<4sI", head)
        start, end = at + 8, min(at + 8 + length, size)
        if kind in _RIFF:
            yield piece(file, _RIFF[kind], start=start, end=end)
        elif kind == b"LIST" and head[8:] == b"INFO":
            yield piece(file, "words", start=start, end=end)
        at = start + 4 if kind == b"RIFF" else start + length + length % 2
    yield from given_up()


def walk_png(file: IO[bytes], size: int) -> Iterator[Piece]:
    """Yield what the chunks of a PNG state."""
    at = 8
    for _ in range(MOST_HEADS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        start, end = at + 8, min(at + 8 + length, size)
        if kind in _PNG:
            yield piece(file, _PNG[kind], start=start, end=end)
        elif kind == b"iTXt":
            yield _international(piece(file, "XMP", start=start, end=end))
        at = start + length + 4
    yield from given_up()


def walk_jpeg(file: IO[bytes], _: int) -> Iterator[Piece]:
    """Yield what the segments before the picture state; what is too long for one is joined."""
    more, manifest = b"", b""
    for kind, content in _segments(file):
        if kind == 0xE1 and content.startswith(_JPEG_XMP):
            yield Piece(place="XMP", content=content[len(_JPEG_XMP) :])
        elif kind == 0xE1 and content.startswith(_JPEG_MORE_XMP) and len(more) <= LONGEST_PIECE:
            more += content[len(_JPEG_MORE_XMP) + 40 :]  # after an id, a length and an offset
        elif kind == 0xEB and (manifest or b"jumdc2pa" in content):
            manifest += content[: LONGEST_MANIFEST - len(manifest)]
        elif kind in {0xED, 0xFE}:  # IPTC, comment
            yield Piece(place="words", content=content)
    if more:
        yield Piece(place="XMP", content=more if len(more) <= LONGEST_PIECE else None)
    if manifest:
        yield Piece(place="C2PA manifest", content=manifest)


def _segments(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    at = 2
    for _ in range(MOST_HEADS):
        file.seek(at)
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or head[1] in {0xD9, 0xDA}:
            return
        if head[1] == 0xFF:  # a fill byte
            at += 1
            continue
        length = max(2, struct.unpack_from(">H", head, 2)[0])
        yield head[1], file.read(length - 2)
        at += 2 + length


def _international(found: Piece) -> Piece:
    """The XMP of an `iTXt` chunk, or its words."""
    content = found.content
    if content is None or not content.startswith(_XMP_KEY):
        return Piece(place="words", content=content)
    packed, text = content[18:19], content[20:]
    text = text.partition(b"\0")[2].partition(b"\0")[2]  # after a language and a translated key
    if packed != b"\1":
        return Piece(place="XMP", content=text)
    inflate = zlib.decompressobj()
    try:
        plain = inflate.decompress(text, LONGEST_PIECE)
    except zlib.error:
        return Piece(place="XMP", content=None)
    return Piece(place="XMP", content=None if inflate.unconsumed_tail else plain)
