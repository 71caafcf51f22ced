"""The 64-bit difference hash of a picture, the mask of bits that mean something, and its mirror.

A bit says whether luma rises from one field of a 9x8 grid to the next in its row. Where it hardly
changes the bit is noise and its place in the mask is 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.pictures.small import HEIGHT, WIDTH

Words = npt.NDArray[np.uint64]
SETTLED = 0.75  # of a series: a bit that has one value for so long is background
NOISE = 2.0  # of 255: a gradient below it is the encoder's
ROWS, COLUMNS = 8, 9
_MIRRORED = np.packbits(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)[:, ::-1])


def difference_hashes(luma: npt.NDArray[np.uint8]) -> tuple[Words, Words]:
    """Return (bits, mask) of each picture of `luma`, pictures x HEIGHT x WIDTH."""
    fields = _fields(HEIGHT, ROWS) @ luma.astype(np.float32) @ _fields(WIDTH, COLUMNS).T
    rises = np.diff(fields, axis=2)
    return _words(rises > 0), _words(np.abs(rises) >= NOISE)


def mirrored(bits: Words, mask: Words) -> tuple[Words, Words]:
    """Return the hash of the mirrored picture: each row turned round, what rose now falls."""
    return ~_turned(bits), _turned(mask)


def active(bits: Words, mask: Words) -> Words:
    """Return which bits tell something at each place of a series, out of those that `mask` counts.

    A bit that has one value for most of the series is the background of a fixed camera: it tells
    something where it has the other value. Any other bit always does.
    """
    if not len(bits):
        return mask
    counted, ones = _spread(mask), _spread(bits & mask)
    usual = ones.sum(axis=0) / np.maximum(counted.sum(axis=0), 1)
    settled = _gathered((usual >= SETTLED) | (usual <= 1 - SETTLED))
    return mask & (~settled | (bits ^ _gathered(usual >= SETTLED)))


def _turned(words: Words) -> Words:
    rows = np.ascontiguousarray(words).view(np.uint8)
    return _MIRRORED[rows].view(np.uint64)


def _fields(size: int, parts: int) -> npt.NDArray[np.float32]:
    """Return the matrix that averages `size` pixels into `parts` fields, borders shared."""
    at = np.linspace(0, size, parts + 1)
    low, high = at[:-1, None], at[1:, None]
    pixel = np.arange(size)[None]
    shared = np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None)
    return np.asarray(shared / (high - low), dtype=np.float32)


def _spread(words: Words) -> npt.NDArray[np.uint8]:
    """Return one row of 64 bits a word."""
    return np.unpackbits(np.ascontiguousarray(words).view(np.uint8).reshape(-1, 8), axis=1)


def _gathered(bits: npt.NDArray[np.bool_]) -> np.uint64:
    return np.uint64(np.packbits(bits).view(np.uint64)[0])


def _words(bits: npt.NDArray[np.bool_]) -> Words:
    """Pack 8x8 bits a picture: one byte a row."""
    return np.packbits(bits, axis=2).reshape(len(bits), ROWS).view(np.uint64).ravel()
