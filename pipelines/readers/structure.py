"""Does a container end where it says it ends? Its own lengths tell, without decoding anything."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

MAX_DEPTH = 32
HOLDERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf"})


def cut_short(path: Path) -> dict[str, Any]:
    """Return evidence that the file ends early; nothing when its lengths add up or say nothing."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(64)
        file.seek(0)
        if head[4:8] in {b"ftyp", b"moov", b"mdat", b"styp", b"wide", b"free", b"skip"}:
            return _boxes_short(file, size)
        if head.startswith(b"\x1a\x45\xdf\xa3"):
            return _segment_short(file, size)
        if head.startswith(b"RIFF"):
            return _short(8 + struct.unpack_from("<I", head, 4)[0], size, slack=1)
        if head.startswith(b"GIF8"):
            file.seek(max(0, size - 16))
            return {} if b"\x3b" in file.read() else {"missing": "trailer", "size_bytes": size}
    return {}


def encrypted(path: Path) -> bool:
    """Say whether an mp4 names protected sample entries."""
    with path.open("rb") as file:
        for kind, start, end in _boxes(file, path.stat().st_size):
            if kind == b"moov":
                file.seek(start)
                moov = file.read(min(end - start, 16 << 20))
                return b"encv" in moov or (b"sinf" in moov and b"schm" in moov)
    return False


def nested_too_deep(path: Path) -> bool:
    """Say whether boxes stand in boxes further down than any recorder puts them."""
    with path.open("rb") as file:
        for kind, start, _ in _boxes(file, path.stat().st_size):
            depth = 0
            while kind in HOLDERS and depth <= MAX_DEPTH:
                file.seek(start)
                head = file.read(8)
                kind, start, depth = head[4:], start + 8, depth + 1
            if depth > MAX_DEPTH:
                return True
    return False


def _short(promised: int, size: int, *, slack: int = 0) -> dict[str, Any]:
    if promised <= size + slack:
        return {}
    return {"promised_bytes": promised, "size_bytes": size}


def _boxes_short(file: BinaryIO, size: int) -> dict[str, Any]:
    kinds = set()
    for kind, _, end in _boxes(file, size):
        kinds.add(kind)
        if end > size:
            return {"box": kind.decode("latin-1"), **_short(end, size)}
    if b"moov" not in kinds and b"moof" not in kinds:
        return {"missing": "moov", "size_bytes": size}
    return {}


def _boxes(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield (kind, payload start, end) of the boxes at the top level."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, kind = struct.unpack(">I4s", file.read(8))
        start = at + 8
        if length == 1:
            wide = file.read(8)
            if len(wide) < 8:
                return
            length, start = struct.unpack(">Q", wide)[0], at + 16
        end = size if length == 0 else at + length
        if end < start:
            return
        yield kind, start, end
        at = end


def _segment_short(file: BinaryIO, size: int) -> dict[str, Any]:
    """Compare the length of a Matroska segment with the file; a live recording has none."""
    head = file.read(4096)
    header_length, width = _vint(head, 4)
    at = 4 + width + header_length
    if head[at : at + 4] != b"\x18\x53\x80\x67":
        return {}
    length, width = _vint(head, at + 4)
    if length == (1 << (7 * width)) - 1:
        return {}
    return _short(at + 4 + width + length, size)


def _vint(data: bytes, at: int) -> tuple[int, int]:
    """Return the value and the width of an EBML length."""
    if at >= len(data) or data[at] == 0:
        return 0, 1
    width = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + width], "big") & ((1 << (7 * width)) - 1)
    return value, width
