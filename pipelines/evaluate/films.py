"""Windows as moving pictures: the recording beside what the model made of it."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from pipelines.evaluate.page import Film
from pipelines.pictures.gif import gif
from training.evaluating import Shown, png

_LEAST: Final = 128  # pixels a side: smaller pictures are shown larger
_GAP: Final = 4
_BAR: Final = 6
_GREY, _COLOUR = (128, 128, 128), (11, 92, 173)

Pixels = npt.NDArray[np.uint8]


def film_of(shown: Shown) -> Film:
    """One window as a GIF, its last frame as PNG."""
    frames = [_frame(shown, at) for at in range(len(shown.true_THWC))]
    predicted = len(frames) - shown.context
    return Film(
        gif=gif(frames, seconds=shown.seconds),
        png=png(frames[-1]),
        says=(
            f"A clip of {shown.source}: the recording on the left, on the right {shown.context} "
            f"frames of it and {predicted} predicted ones."
        ),
        caption=f"{shown.source}, clip {shown.clip[:12]}, {predicted} frames predicted",
    )


def _frame(shown: Shown, at: int) -> Pixels:
    """True and predicted beside each other over a bar of time."""
    pair = [_large(one[at]) for one in (shown.true_THWC, shown.model_THWC)]
    height, width, _ = pair[0].shape
    gap = np.full((height, _GAP, 3), 128, np.uint8)
    top = np.concatenate([pair[0], gap, pair[1]], axis=1)
    bar = np.full((_BAR, 2 * width + _GAP, 3), 255, np.uint8)
    done = round(bar.shape[1] * (at + 1) / len(shown.true_THWC))
    context = round(bar.shape[1] * shown.context / len(shown.true_THWC))
    bar[1:, : min(done, context)] = _GREY
    bar[1:, context:done] = _COLOUR
    return np.concatenate([top, bar], axis=0)


def _large(pixels: Pixels) -> Pixels:
    times = max(1, -(-_LEAST // min(pixels.shape[:2])))
    return pixels.repeat(times, 0).repeat(times, 1)
