"""Files that are packed with gzip or bzip2, or written in UTF-16, read as what is inside them.

In: a path. Out: the bytes, or the lines, of what lies there; a file that is not packed is given as
it is, and never without bound. Nothing is written anywhere. What ends early or does not open is
refused after the bytes that could be read, so that whoever counts knows how much there was.
"""

from __future__ import annotations

import bz2
import codecs
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from pipelines.readers.formats import Glance
from pipelines.readers.reading import Refused

WIDE = "UTF-16"
PACKINGS = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xff\xfe", WIDE),  # text whose letters are two bytes: read as if it were UTF-8
    (b"\xfe\xff", WIDE),
)
CHUNK = 256 << 10
HEAD = 64 << 10
HARMLESS = 64 << 20  # so much may come out of anything
RATIO = 1_000  # beyond it, a log is a bomb
LARGEST = 8 << 30
LONGEST_LINE = 64 << 20


def packing(head: bytes) -> str:
    """Return how a file is packed, or "" when it is not."""
    return next((name for magic, name in PACKINGS if head.startswith(magic)), "")


def unpacked(path: Path, name: str) -> Iterator[bytes]:
    """Yield the bytes inside the file at `path`; `name` is for messages."""
    with path.open("rb") as file:
        how = packing(file.read(3))
        file.seek(0)
        if not how:
            while chunk := file.read(CHUNK):
                yield chunk
            return
        inside = UNPACK[how](file)
        given = 0
        while chunk := _next(inside, given, how, name=name):
            given += len(chunk)
            if given > LARGEST or (given > HARMLESS and given > RATIO * file.tell()):
                raise Refused(
                    f"{name}: {how} that unpacks to over {given} bytes",
                    code="TOO_LARGE",
                    subject=name,
                    evidence={"packed_bytes": file.tell(), "unpacked_bytes": given},
                )
            yield chunk


def lines_of(path: Path, name: str) -> Iterator[bytes]:
    """Yield the lines inside the file at `path`, each with its line feed.

    A file whose first piece has returns and no line feed ends its lines with those.
    """
    rest, end = b"", b""
    for chunk in unpacked(path, name):
        end = end or (b"\r" if b"\r" in chunk and b"\n" not in chunk else b"\n")
        *whole, rest = (rest + chunk).split(end)
        for line in whole:
            yield line + b"\n"
        if len(rest) > LONGEST_LINE:
            raise Refused(
                f"{name}: a line of over {LONGEST_LINE} bytes", code="TOO_LARGE", subject=name
            )
    if rest:
        yield rest


def look_inside(seen: Glance) -> tuple[Glance, str]:
    """Return a glance at what a packed file holds, and the reason if it cannot be unpacked."""
    head, trouble = b"", ""
    try:
        for chunk in unpacked(seen.path, seen.name):
            head += chunk
            if len(head) > HEAD:
                break
    except Refused as error:
        trouble = error.code
    whole = len(head) <= HEAD and not trouble
    size = len(head) if whole else HEAD + 1
    tail = head if whole else b""
    return replace(seen, head=head[:HEAD], tail=tail, size=size), trouble


def inside(seen: Glance) -> Glance:
    """Return a glance at what the file holds, packed or not."""
    return look_inside(seen)[0] if packing(seen.head) else seen


def _gunzipped(file: BinaryIO) -> Iterator[bytes]:
    stream = gzip.GzipFile(fileobj=file)
    while chunk := stream.read1(CHUNK):
        yield chunk


def _bunzipped(file: BinaryIO) -> Iterator[bytes]:
    """Yield what is in streams one after the other; zeros may stand behind them, as in gzip.

    The library's own reader takes anything behind a stream for its end.
    """
    packed = file.read(CHUNK)
    while packed:
        stream = bz2.BZ2Decompressor()
        while not stream.eof:
            if stream.needs_input and not packed and not (packed := file.read(CHUNK)):
                raise EOFError("the stream has no end")
            if chunk := stream.decompress(packed, CHUNK):
                yield chunk
            packed = b""
        packed = stream.unused_data.lstrip(b"\0")
        while not packed and (more := file.read(CHUNK)):
            packed = more.lstrip(b"\0")


def _narrowed(file: BinaryIO) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(WIDE)()
    while packed := file.read(CHUNK):
        if text := decoder.decode(packed):
            yield text.encode()
    decoder.decode(b"", final=True)


UNPACK: Mapping[str, Callable[[BinaryIO], Iterator[bytes]]] = {
    "gzip": _gunzipped,
    "bzip2": _bunzipped,
    WIDE: _narrowed,
}


def _next(chunks: Iterator[bytes], given: int, how: str, *, name: str) -> bytes:
    try:
        return next(chunks, b"")
    except (EOFError, OSError, UnicodeError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        ends = isinstance(error, EOFError) or "truncated" in str(error)
        raise Refused(
            f"{name}: {how} that unpacks to {given} bytes, then {error}",
            code="TRUNCATED" if ends else "CORRUPT",
            subject=name,
            evidence={"unpacked_bytes": given, "message": str(error)},
        ) from error
