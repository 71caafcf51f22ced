"""Where one shot ends and the next begins: a change far above what is usual around it; pure.

The change from picture to picture is that of luma and chroma at 160x90. A cut stands out of the
moving median of the pictures before it and of those after it, so that neither a fast pan nor its
start is one. Two cuts within a blink are a flash. Dissolves and fades are no cuts.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

AROUND = 12  # pictures of each moving median
TIMES = 2.0  # how far above both a cut stands
LEAST = 12.0  # of 255: less is no cut, however still the rest is
FLASH_NS = 150_000_000
AT_ONCE = 1 << 16


def shot_starts(
    ts_ns: npt.NDArray[np.int64], change: npt.NDArray[np.float32]
) -> npt.NDArray[np.int64]:
    """Return the times of the first picture of each shot but the first."""
    if len(ts_ns) < 2:
        return np.zeros(0, np.int64)
    level = np.nan_to_num(change, nan=0.0)
    usual = np.concatenate([*_usual(level)])
    at = ts_ns[(level > LEAST) & (level > TIMES * usual)]
    near = np.diff(at) < FLASH_NS
    is_flash = np.concatenate([[False], near]) | np.concatenate([near, [False]])
    return np.asarray(at[~is_flash[: len(at)]], dtype=np.int64)


def _usual(level: npt.NDArray[np.float32]) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the higher of the medians before and after each picture, some pictures at a time."""
    edge = np.zeros(AROUND, np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([edge, level, edge]), AROUND)
    for low in range(0, len(level), AT_ONCE):
        high = min(low + AT_ONCE, len(level))
        before = np.median(windows[low:high], axis=1)
        after = np.median(windows[low + AROUND + 1 : high + AROUND + 1], axis=1)
        yield np.maximum(before, after)
