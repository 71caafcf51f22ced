"""MPEG transport streams: packets of 188 bytes, counted for each stream; and program streams."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from pipelines.readers.containers.fault import Fault, damaged, ends_early, read_at, size_of

SYNC = 0x47
SHAPES = ((188, 0), (192, 4), (204, 0))  # bytes of a packet, and of what stands before its mark
PACKET = 188  # bytes, without what stands around it
PACKETS = 1 << 16
NO_STREAM = 0x1FFF
Bytes = npt.NDArray[np.uint8]


def shape_of(head: bytes) -> tuple[int, int] | None:
    """Return the shape of a transport stream by its sync bytes; None when it is none."""
    for step, start in SHAPES:
        marks = head[start : start + step * 6 : step]
        if len(marks) >= 3 and set(marks) == {SYNC}:
            return step, start
    return None


def transport_fault(file: BinaryIO) -> Fault | None:
    """Find a packet without its mark, one marked as damaged, one missing, or half of one."""
    step, start = shape_of(read_at(file, 0, 2_048)) or SHAPES[0]
    size, at, last = size_of(file), 0, dict[int, int]()
    while at < size:
        raw = np.frombuffer(read_at(file, at, step * PACKETS), np.uint8)
        packets: Bytes = raw[: len(raw) // step * step].reshape(-1, step)[:, start:]
        fault = _packets_fault(packets, last, at=at, step=step)
        if fault:
            return fault
        at += len(packets) * step
        if len(raw) % step:
            return ends_early(at + step, size, packets=at // step)
    return None


def _packets_fault(packets: Bytes, last: dict[int, int], *, at: int, step: int) -> Fault | None:
    for wrong, what in (
        (packets[:, 0] != SYNC, "a packet without its mark"),
        (packets[:, 1] & 0x80 > 0, "a packet marked as damaged"),
    ):
        if wrong.any():
            return damaged(at + int(np.argmax(wrong)) * step, what)
    pids = (packets[:, 1].astype(np.int64) & 0x1F) << 8 | packets[:, 2]
    for pid in np.unique(pids[pids != NO_STREAM]).tolist():
        rows = np.flatnonzero(pids == pid)
        lost = _lost(packets[rows], last, pid)
        if lost >= 0:
            return damaged(at + int(rows[lost]) * step, f"stream {pid} after a missing packet")
        broken = _broken_unit(packets[rows])
        if broken >= 0:
            return damaged(at + int(rows[broken]) * step, f"stream {pid}: no head of a unit")
    return None


def _broken_unit(own: Bytes) -> int:
    """Return the first packet that should begin a unit and does not, where most units do; else -1.

    ISO/IEC 13818-1, 2.4.3.6: a unit of sound or pictures begins with 00 00 01. Tables do not, and
    what is scrambled cannot be told.
    """
    rows = np.flatnonzero((own[:, 1] & 0x40 > 0) & (own[:, 3] & 0x10 > 0) & (own[:, 3] & 0xC0 == 0))
    at = 4 + np.where(own[rows, 3] & 0x20 > 0, 1 + own[rows, 4].astype(np.int64), 0)
    rows, at = rows[at <= PACKET - 3], at[at <= PACKET - 3]
    begins = (own[rows[:, None], at[:, None] + np.arange(3)] == (0, 0, 1)).all(axis=1)
    if begins.all() or 2 * int(begins.sum()) <= len(rows):
        return -1
    return int(rows[int(np.argmin(begins))])


def _lost(own: Bytes, last: dict[int, int], pid: int) -> int:
    """Return the first packet of a stream whose number does not follow, -1 when all do.

    A jump at the beginning of a unit may be a splice of two recordings and is left to the decoder.
    """
    has_payload = own[:, 3] & 0x10 > 0
    numbers = own[:, 3].astype(np.int64) & 15
    jumps_allowed = (own[:, 3] & 0x20 > 0) & (own[:, 4] > 0) & (own[:, 5] & 0x80 > 0)
    begins = own[:, 1] & 0x40 > 0
    rows = np.flatnonzero(has_payload)
    if not len(rows):
        return -1
    told = numbers[rows]
    before = np.concatenate([[last.get(pid, int(told[0]) - 1)], told[:-1]])
    follows = (told - before) % 16 <= 1  # a packet may be sent twice
    wrong = ~follows & ~jumps_allowed[rows] & ~begins[rows]
    last[pid] = int(told[-1])
    return int(rows[int(np.argmax(wrong))]) if wrong.any() else -1


def program_fault(file: BinaryIO) -> Fault | None:
    """Walk a program stream from packet to packet; zeros between them are stuffing."""
    size, at = size_of(file), 0
    while at + 4 <= size:
        head = read_at(file, at, 14)
        if head[:3] != b"\x00\x00\x01":
            skipped = _stuffing(file, at)
            if not skipped:
                return damaged(at, "no start of a packet")
            at += skipped
            continue
        end = at + _packet_bytes(head)
        if end > size:
            return ends_early(end, size)
        at = end
    return None


def _packet_bytes(head: bytes) -> int:
    if head[3] == 0xB9:  # the end of the stream
        return 4
    if head[3] == 0xBA:  # a pack: of MPEG-2 or of MPEG-1
        return 14 + (head[13] & 7) if head[4] & 0xC0 == 0x40 and len(head) == 14 else 12
    return 6 + int.from_bytes(head[4:6], "big")


def _stuffing(file: BinaryIO, at: int) -> int:
    """Return how many zeros stand before the next start of a packet, or before the end."""
    block = read_at(file, at, PACKETS)
    zeros = len(block) - len(block.lstrip(b"\x00"))
    follows = block[zeros : zeros + 1]
    if not follows or (follows == b"\x01" and zeros >= 2):
        return zeros - 2 if follows else zeros
    return 0
