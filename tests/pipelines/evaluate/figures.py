"""Evaluations as values, so that a test of the page needs no model."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from training.evaluating import Evaluation, Shown
from training.evaluating.comparing import COPY, NULL, SHUFFLED, WAYS, Compared
from training.evaluating.estimates import Curve
from training.evaluating.states import States


def curve(*values: float, around: float = 0.5) -> Curve:
    return Curve(
        mean=values,
        low=tuple(one - around for one in values),
        high=tuple(one + around for one in values),
    )


def compared(first: float = 30.0, *, num_frames: int = 8) -> Compared:
    falls = [first - 0.5 * at for at in range(num_frames)]
    ways = {way: curve(*(one - at for one in falls)) for at, way in enumerate(WAYS)}
    return Compared(
        num_windows=8,
        num_clips=8,
        psnr=ways,
        ssim={way: curve(*([0.9] * num_frames), around=0.01) for way in WAYS},
        delta_psnr={way: curve(*([1.0] * num_frames)) for way in (SHUFFLED, NULL, COPY)},
    )


def evaluation(sources: Mapping[str, Compared] | None = None, **changes: Any) -> Evaluation:
    own = {"acorn": compared()} if sources is None else sources
    given: dict[str, Any] = {
        "split": "val", "seed": 0, "window": 12, "context": 4, "num_windows": 8, "num_clips": 8,
        "num_lost": 0, "horizons": (1, 4, 8), "overall": compared(), "groups": {"source": own},
        "states": States(num_windows=8, model=curve(*[0.5] * 8), copy_last=curve(*[0.7] * 8)),
        "digest": "0" * 64, "repeats": True, "num_weights": {"tokenizer": 10, "dynamics": 20},
        "missing": {},
    }  # fmt: skip
    return Evaluation(**(given | changes))


def shown(source: str = "acorn", *, num_frames: int = 12, side: int = 32) -> Shown:
    frames = np.zeros((num_frames, side, side, 3), np.uint8)
    frames[:, :, :, 0] = np.arange(num_frames)[:, None, None] * 20
    return Shown(
        source=source, clip="c" * 32, context=4, seconds=0.1,
        true_THWC=frames, model_THWC=frames[::-1].copy(),
    )  # fmt: skip
