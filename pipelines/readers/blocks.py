"""Compressed blocks of logs, opened with a bound on what comes out."""

from __future__ import annotations

import bz2
from typing import Any

from pipelines.readers.reading import Refused

LARGEST = 1 << 30  # bytes of one block
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def opened(compression: str, data: bytes, size: int) -> bytes:
    """Return the `size` bytes of a block; it tells its size before it is opened.

    Raises:
        ValueError: it does not open, or gives another number of bytes.
        Refused: UNSUPPORTED_CODEC, a compression that nothing here knows.
    """
    if size > LARGEST:
        raise ValueError(f"a block of {size} bytes")
    if compression in {"", "none"}:
        plain = data
    elif compression in OPENERS:
        plain = OPENERS[compression](data, size)
    else:
        raise Refused(f"blocks compressed with {compression!r}", code="UNSUPPORTED_CODEC")
    if len(plain) != size:
        raise ValueError(f"{len(plain)} bytes in a block of {size}")
    return plain


def opened_zstd(data: bytes) -> bytes:
    """Return what a zstd frame holds; the frame may tell its size.

    Raises:
        ValueError: it does not open, or holds more than a block may.
    """
    from zstandard import ZstdError, frame_content_size

    try:
        size = frame_content_size(data)
    except ZstdError as error:
        raise ValueError(str(error)) from error
    return _zstd(data, size if size >= 0 else LARGEST)


def _zstd(data: bytes, size: int) -> bytes:
    from zstandard import ZstdDecompressor, ZstdError

    try:
        with ZstdDecompressor().stream_reader(data) as reader:
            plain = reader.read(min(size, LARGEST) + 1)
    except ZstdError as error:
        raise ValueError(str(error)) from error
    return bytes(plain)


def _lz4(data: bytes, size: int) -> bytes:
    import lz4.frame

    opener: Any = lz4.frame.LZ4FrameDecompressor()
    try:
        return bytes(opener.decompress(data, max_length=size + 1))
    except (RuntimeError, EOFError) as error:
        raise ValueError(str(error)) from error


def _bz2(data: bytes, size: int) -> bytes:
    try:
        return bz2.BZ2Decompressor().decompress(data, max_length=size + 1)
    except (OSError, EOFError) as error:
        raise ValueError(str(error)) from error


OPENERS = {"zstd": _zstd, "lz4": _lz4, "bz2": _bz2}
