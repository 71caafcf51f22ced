"""DV: sequences of 150 blocks of 80 bytes; each block says which it is. SMPTE 314M, 3."""

from __future__ import annotations

from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from pipelines.readers.containers.fault import Fault, damaged, ends_early, read_at, size_of

MARK = b"\x1f\x07\x00"  # the first block: a head, in sequence 0
BLOCK, BLOCKS = 80, 150  # bytes of a block, blocks of a sequence
SEQUENCE = BLOCK * BLOCKS
AT_ONCE = 1 << 10  # sequences
HEAD, SUBCODE, AUXILIARY, SOUND, PICTURE = range(5)
CHANNELS = 4  # at most, each with sequences of its own
GROUPS, PICTURES = 9, 15  # a block of sound before every 15 of the picture
_FIRST = [HEAD, SUBCODE, SUBCODE, AUXILIARY, AUXILIARY, AUXILIARY]
_BLOCKS_OF_PICTURE = np.arange(GROUPS * PICTURES).reshape(GROUPS, PICTURES)
KINDS = np.array([*_FIRST, *([SOUND, *[PICTURE] * PICTURES] * GROUPS)])
NUMBERS = np.array(
    [0, 0, 1, 0, 1, 2, *np.insert(_BLOCKS_OF_PICTURE, 0, range(GROUPS), axis=1).flat]
)


def dv_fault(file: BinaryIO) -> Fault | None:
    """Find a block that is not the one that must stand there, or a picture without its end.

    Where no sequence is as the standard has it, it is of another kind and cannot be judged.
    """
    size, at, last = size_of(file), 0, -1
    most = 11 if read_at(file, 3, 1)[0] & 0x80 else 9  # the last sequence: of 25 or 30 pictures
    while size - at >= SEQUENCE:
        raw = np.frombuffer(read_at(file, at, SEQUENCE * AT_ONCE), np.uint8)
        blocks = raw[: len(raw) // SEQUENCE * SEQUENCE].reshape(-1, BLOCKS, BLOCK)
        wrong = _wrong(blocks, last, most)
        if not at and wrong.any(axis=1).all():
            return None
        if wrong.any():
            return damaged(at + int(np.argmax(wrong)) * BLOCK, "another block than must be here")
        at, last = at + len(blocks) * SEQUENCE, int(blocks[-1, 0, 1] >> 4)
    return _ending(file, at, most=most)


def _ending(file: BinaryIO, at: int, *, most: int) -> Fault | None:
    """Say whether the last sequence ends a picture, and nothing stands behind it."""
    size, each = size_of(file), _picture_bytes(file, at, most=most)
    if at < size and at % each == 0 and read_at(file, at, 1) != MARK[:1]:
        return damaged(at, "bytes behind the end")
    return ends_early(at - at % each + each, size) if at < size or at % each else None


def _picture_bytes(file: BinaryIO, end: int, *, most: int) -> int:
    """Return how long a picture is: where the next one begins, one of up to four channels."""
    for at in range(SEQUENCE, min(end, CHANNELS * (most + 1) * SEQUENCE + 1), SEQUENCE):
        if read_at(file, at, len(MARK)) == MARK:
            return at
    return (most + 1) * SEQUENCE


def _wrong(blocks: npt.NDArray[np.uint8], last: int, most: int) -> npt.NDArray[np.bool_]:
    """Say of every block whether it is another one than must follow sequence `last`."""
    told = blocks[:, 0, 1].astype(np.int64) >> 4
    before = np.concatenate([[last], told[:-1]])
    wrong: npt.NDArray[np.bool_] = blocks[:, :, 0] >> 5 != KINDS
    wrong |= blocks[:, :, 2] != NUMBERS
    wrong |= blocks[:, :, 1] >> 4 != told[:, None]
    wrong[:, 0] |= told != np.where(before == most, 0, before + 1)
    return wrong
