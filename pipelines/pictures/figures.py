"""The figures of pictures: arrays of small pictures in, one float a picture and figure out.

Pure and in blocks: a call for each picture would cost more than its arithmetic. A step is measured
against the picture before, which the caller hands over from block to block.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pictures = npt.NDArray[np.uint8]  # pictures x rows x columns
Figure = npt.NDArray[np.float32]
DARK_MEAN, DARK_MOST = 20.0, 48  # of a row or column that belongs to a bar
BLACK, WHITE = 24.0, 231.0  # mean luma
LEAST, MOST = 4, 251  # luma in which nothing can be seen
BLOCK = 8


def steps(pictures: Pictures, before: Pictures | None) -> Figure:
    """Return the mean difference of each picture to the one before; NaN where there is none."""
    first = pictures[:1] if before is None else before[None]
    earlier = np.concatenate([first, pictures[:-1]])
    apart = np.maximum(pictures, earlier) - np.minimum(pictures, earlier)
    found = _mean(apart)
    if before is None:
        found[0] = np.nan
    return found


def sharpness(luma: Pictures) -> Figure:
    """Return the variance of the Laplacian of each picture."""
    wide = luma.astype(np.int16)
    edges = 4 * wide[:, 1:-1, 1:-1]
    edges -= wide[:, :-2, 1:-1]
    edges -= wide[:, 2:, 1:-1]
    edges -= wide[:, 1:-1, :-2]
    edges -= wide[:, 1:-1, 2:]
    flat = edges.reshape(len(edges), -1).astype(np.float32)
    return np.asarray(flat.var(axis=1), dtype=np.float32)


def brightness(luma: Pictures) -> Figure:
    """Return the mean luma of each picture."""
    return _mean(luma)


def clipping(luma: Pictures) -> Figure:
    """Return the share of pixels that are all dark or all bright."""
    return _mean((luma <= LEAST) | (luma >= MOST))


def bars(luma: Pictures) -> Figure:
    """Return the share of each picture that dark bars at its edges take; NaN for a black one."""
    lit = _inside(luma, axis=2) * _inside(luma, axis=1)
    return np.where(lit > 0, 1.0 - lit, np.nan).astype(np.float32)


def blockiness(luma: npt.NDArray[np.uint8]) -> float:
    """Return how much stronger luma changes across the borders of 8x8 blocks than inside them."""
    wide = luma.astype(np.int16)
    across, inside = [], []
    for steps_of in (np.abs(np.diff(wide, axis=1)), np.abs(np.diff(wide, axis=0)).T):
        means = steps_of.mean(axis=0)
        borders = np.arange(1, len(means) + 1) % BLOCK == 0
        across.append(means[borders])
        inside.append(means[~borders])
    within = np.concatenate(inside)
    if not len(within) or not within.any() or not any(map(len, across)):
        return float("nan")
    return float(np.concatenate(across).mean() / within.mean())


def _inside(luma: Pictures, *, axis: int) -> npt.NDArray[np.float64]:
    """Return the share of rows (axis 2) or columns (axis 1) between the dark ones at both ends."""
    dark = (luma.mean(axis=axis) < DARK_MEAN) & (luma.max(axis=axis) < DARK_MOST)
    lit = ~dark
    length = lit.shape[1]
    ends = lit.argmax(axis=1) + lit[:, ::-1].argmax(axis=1)
    return np.where(lit.any(axis=1), (length - ends) / length, 0.0)


def _mean(pictures: npt.NDArray[np.uint8] | npt.NDArray[np.bool_]) -> Figure:
    flat = pictures.reshape(len(pictures), -1)
    return np.asarray(flat.sum(axis=1, dtype=np.int64) / flat.shape[1], dtype=np.float32)
