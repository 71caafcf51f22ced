"""Evaluations as values, so that a test of the page needs no model."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from training.evaluating import Evaluation, Shown
from training.evaluating.behaviour import Behaviour
from training.evaluating.bounds import Reach
from training.evaluating.comparing import CEILING, COPY, MODEL, NULL, SHUFFLED, WAYS, Compared
from training.evaluating.drift import Band, Drift
from training.evaluating.estimates import Curve
from training.evaluating.following import Following
from training.evaluating.latency import Latency
from training.evaluating.returning import Persistence
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
        "num_lost": 0, "untrained": (), "horizons": (1, 4, 8),
        "overall": compared(), "groups": {"source": own},
        "states": States(num_windows=8, model=curve(*[0.5] * 8), copy_last=curve(*[0.7] * 8)),
        "digest": "0" * 64, "repeats": True, "num_weights": {"tokenizer": 10, "dynamics": 20},
        "missing": {}, "behaviour": behaviour(),
    }  # fmt: skip
    return Evaluation(**(given | changes))


def shown(source: str = "acorn", *, num_frames: int = 12, side: int = 32) -> Shown:
    frames = np.zeros((num_frames, side, side, 3), np.uint8)
    frames[:, :, :, 0] = np.arange(num_frames)[:, None, None] * 20
    return Shown(
        source=source, clip="c" * 32, context=4, seconds=0.1,
        true_THWC=frames, model_THWC=frames[::-1].copy(),
    )  # fmt: skip


def behaviour(**changes: Any) -> Behaviour:
    reach = Reach(
        finite=True, latent_max=0.9, at_edge=0.01, outside=0.02, state_max=2.0, state_over=1.1
    )
    ways = ("real", "model", "shuffled_actions", "shuffled_as_true")
    given: dict[str, Any] = {
        "following": Following(
            num_windows=8, num_fitted=24, channels={"acorn": ["key_w"]},
            ways={way: curve(0.8 - 0.2 * at) for at, way in enumerate(ways)},
            by_source={"acorn": dict.fromkeys(ways, 0.8), "b": dict.fromkeys(ways, 0.1)},
        ),
        "drift": Drift(
            num_windows=4, num_clips=4, num_frames=16, beyond_training=True,
            psnr={way: curve(*[30.0 - at for at in range(16)]) for way in (MODEL, COPY, CEILING)},
            slope={way: curve(-1.0) for way in (MODEL, COPY, CEILING)},
            bands=(Band(first=1, last=4, num_frames=8, model=2.0, copy_last=3.0, real=1.0),),
        ),
        "persistence": Persistence(
            num_windows=2, num_looked=4, at={MODEL: curve(30.0), COPY: curve(20.0)}, frames_away=6.5
        ),
        "bounds": {"real": reach, "held": reach},
        "latency": Latency(device="cpu", num_frames=48, euler_steps=1, p50_ms=2.0, p95_ms=3.0),
    }  # fmt: skip
    return Behaviour(**(given | changes))
