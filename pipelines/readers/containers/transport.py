"""MPEG transport streams: packets of 188 bytes, counted for each stream; and program streams."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from pipelines.readers.containers.fault import Fault, damaged, ends_early, read_at, size_of
from pipelines.records import Int64s

SYNC = 0x47
SHAPES = ((188, 0), (192, 4), (204, 0))  # bytes of a packet, and of what stands before its mark
PACKET = 188  # bytes, without what stands around it
PACKETS = 1 << 16
NO_STREAM, TABLE = 0x1FFF, 0
TICKS = 90_000  # of a unit's time, a second
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
        lost = _lost(packets[rows], last, pid, spliced=_spliced(packets, rows, pids))
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


def _lost(own: Bytes, last: dict[int, int], pid: int, *, spliced: npt.NDArray[np.bool_]) -> int:
    """Return the first packet of a stream whose number does not follow, -1 when all do.

    A jump at the beginning of a unit may be a splice of two recordings: there it is none.
    """
    has_payload = own[:, 3] & 0x10 > 0
    numbers = own[:, 3].astype(np.int64) & 15
    jumps_allowed = (own[:, 3] & 0x20 > 0) & (own[:, 4] > 0) & (own[:, 5] & 0x80 > 0)
    rows = np.flatnonzero(has_payload)
    if not len(rows):
        return -1
    told = numbers[rows]
    before = np.concatenate([[last.get(pid, int(told[0]) - 1)], told[:-1]])
    follows = (told - before) % 16 <= 1  # a packet may be sent twice
    wrong = ~follows & ~jumps_allowed[rows] & ~spliced[rows]
    last[pid] = int(told[-1])
    return next((row for row in rows[wrong].tolist() if not _steps(own, row)), -1)


def _spliced(packets: Bytes, rows: Int64s, pids: Int64s) -> npt.NDArray[np.bool_]:
    """Say which packets of a stream may begin another recording: such a one begins with a table.

    What stood before the first packet is not at hand.
    """
    tables = np.cumsum(pids == TABLE)[rows]
    after_table = np.concatenate([[True], np.diff(tables) > 0])
    spliced: npt.NDArray[np.bool_] = (packets[rows, 1] & 0x40 > 0) & after_table
    return spliced


def _steps(own: Bytes, row: int) -> bool:
    """Say whether the unit that begins at `row` stands at quite another time than the one before.

    Where a time is missing, nothing can be said, and it is left to the decoder.
    """
    if not own[row, 1] & 0x40:
        return False
    began = np.flatnonzero(own[:row, 1] & 0x40 > 0)
    now = _time_of(own[row])
    before = _time_of(own[int(began[-1])]) if len(began) else None
    return now is None or before is None or abs(now - before) > TICKS


def _time_of(packet: Bytes) -> int | None:
    """Return the time of the unit that begins in a packet. ISO/IEC 13818-1, 2.4.3.7."""
    raw = packet.tobytes()
    unit = raw[4 + (1 + raw[4] if raw[3] & 0x20 else 0) : PACKET]
    if len(unit) < 14 or not unit[7] & 0x80:
        return None
    high, middle, low = unit[9] >> 1 & 7, unit[10] << 8 | unit[11], unit[12] << 8 | unit[13]
    return high << 30 | middle >> 1 << 15 | low >> 1


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
