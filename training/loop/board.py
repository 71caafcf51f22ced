"""Event files that TensorBoard reads: scalars a step, written without its library.

A record is a length, a checksum of it, the event, a checksum of that; an event is a protocol buffer
of a moment, a step and named numbers. Each attempt of a run has a file of its own. It serves the
eye: where it cannot be written, that is told once, and the run goes on without it.
"""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Iterator, Mapping
from io import FileIO
from pathlib import Path
from typing import Any, Final

LOG = logging.getLogger("clearway.training")
_POLYNOMIAL: Final = 0x82F63B78  # CRC-32C, bits reversed
_WORD: Final = 0xFFFFFFFF
_GROUPS: Final = {
    "loss": "loss",
    "grad_norm": "loss",
    "frames_per_s": "speed",
    "tokens_per_s": "speed",
    "mfu": "speed",
    "seconds": "seconds",
    "stall": "seconds",
    "check": "seconds",
    "save": "seconds",
    "rss_mb": "memory",
    "cuda_mb": "memory",
}


class Board:
    """The event file of one attempt."""

    def __init__(self, folder: Path, *, attempt: int, began_s: float) -> None:
        """`began_s` is the moment of the start in seconds since 1970."""
        name = f"events.out.tfevents.{int(began_s)}.clearway.{attempt:04d}"
        self._began_s, self._start = began_s, time.perf_counter()
        self._path = folder / name
        self._stream: FileIO | None = None
        try:
            self._stream = self._path.open("wb", buffering=0)
        except OSError as error:
            self._leave_out(str(error))
        self._add(_event(began_s, 0, version="brain.Event:2"))

    def write(self, step: int, line: Mapping[str, Any]) -> None:
        """Add the numbers of a step's line that have a place on a board."""
        now_s = self._began_s + time.perf_counter() - self._start
        self._add(_event(now_s, step, numbers=dict(_named(line))))

    def close(self) -> None:
        """End the file."""
        if self._stream is not None:
            self._stream.close()

    def _add(self, event: bytes) -> None:
        record = framed(event)
        try:
            whole = self._stream is None or self._stream.write(record) == len(record)
        except OSError as error:
            self._leave_out(str(error))
        else:
            if not whole:
                self._leave_out("the disk took a part of a record")

    def _leave_out(self, why: str) -> None:
        LOG.warning("%s is left out from here on: it could not be written: %s", self._path, why)
        self.close()
        self._stream = None


def _named(line: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, group in _GROUPS.items():
        value = line.get(name)
        if value is not None:
            yield f"{group}/{line['phase'] if name == 'loss' else name}", float(value)


def framed(body: bytes) -> bytes:
    """One record of an event file."""
    length = struct.pack("<Q", len(body))
    return length + _masked(length) + body + _masked(body)


def _event(
    wall_s: float, step: int, *, version: str = "", numbers: Mapping[str, float] | None = None
) -> bytes:
    body = b"\x09" + struct.pack("<d", wall_s) + b"\x10" + _varint(step)
    if version:
        body += _bytes(b"\x1a", version.encode())
    values = [
        _bytes(b"\x0a", _bytes(b"\x0a", name.encode()) + b"\x15" + struct.pack("<f", value))
        for name, value in (numbers or {}).items()
    ]
    return body + (_bytes(b"\x2a", b"".join(values)) if values else b"")


def _bytes(tag: bytes, body: bytes) -> bytes:
    return tag + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _masked(body: bytes) -> bytes:
    crc = crc32c(body)
    turned = ((crc >> 15) | (crc << 17)) & _WORD
    return struct.pack("<I", (turned + 0xA282EAD8) & _WORD)


def crc32c(body: bytes) -> int:
    """The Castagnoli checksum."""
    crc = _WORD
    for one in body:
        crc = _TABLE[(crc ^ one) & 0xFF] ^ (crc >> 8)
    return crc ^ _WORD


def _row(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
    return value


_TABLE: Final = tuple(_row(at) for at in range(256))
