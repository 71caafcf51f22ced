"""Does a place look the same on returning to it? Measured where a true clip itself returns.

A return: a frame that looks like one of the context, after frames that did not. Prediction and
copied frame are compared with the true frame there. Nothing is staged: where no held-out clip
returns, the answer is that it cannot be measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.evaluating.comparing import CEILING, COPY, MODEL
from training.evaluating.estimates import Curve, Values, estimate
from training.evaluating.foreseen import Foreseen
from training.evaluating.plan import Plan
from training.evaluating.rolling import Rolled, copied
from training.evaluating.scores import psnr
from training.loader import windows_at

APART_DB: Final = 6.0  # nearer to the earlier frame than the frames between were, at least
_AWAY: Final = 2  # frames away at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """Frame `back` of a window looks like its frame `seen`; `away` is the farthest between."""

    window: int
    seen: int
    away: int
    back: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Persistence:
    """PSNR on the return, over windows; one value each."""

    num_windows: int  # that return
    num_looked: int
    at: Mapping[str, Curve]
    frames_away: float  # mean number of frames from the context to the return


def measure_persistence(rolled: Rolled, foreseen: Foreseen, plan: Plan) -> Persistence | str:
    """Score the first clear return of each window; or why there is none."""
    held = foreseen.held
    true = held.batch.frames_BTHWC.astype(np.float32) / 255
    found = [
        one
        for at, frames in enumerate(true)
        if (one := find_return(frames, context=rolled.context, window=at)) is not None
    ]
    if not found:
        return (
            f"none of {len(held.sources)} held-out windows of {held.num_frames} frames comes back "
            "to a view of its context after leaving it"
        )
    values = np.array([_scored(rolled, foreseen, one) for one in found])
    clips = [held.clips[one.window] for one in found]
    ways = (MODEL, COPY, CEILING)
    return Persistence(
        num_windows=len(found),
        num_looked=len(held.sources),
        at={way: estimate(values[:, [at]], clips, seed=plan.seed) for at, way in enumerate(ways)},
        frames_away=round(float(np.mean([one.back - rolled.context + 1 for one in found])), 2),
    )


def find_return(frames_THWC: Values, *, context: int, window: int = 0) -> Return | None:
    """The clearest return of a window to a frame of its context; None without one."""
    best, found = APART_DB, None
    for seen in range(context):
        near = _near(frames_THWC, seen)
        for back in range(context + _AWAY, len(near)):
            between = near[context:back]
            away = int(between.argmin())
            gain = float(near[back] - between[away])
            if gain > best:
                best = gain
                found = Return(window=window, seen=seen, away=context + away, back=back)
    return found


def _near(frames_THWC: Values, seen: int) -> Values:
    """PSNR in dB of every frame to one of them."""
    gaps: Values = ((frames_THWC - frames_THWC[seen]) ** 2).reshape(len(frames_THWC), -1).mean(1)
    return -10 * np.log10(np.maximum(gaps, 1e-6))


def _scored(rolled: Rolled, foreseen: Foreseen, one: Return) -> list[float]:
    """Model, copy and tokenizer against the true frame of the return."""
    place = np.array([one.window], np.int64)
    tensors = rolled.tensors(windows_at(foreseen.held.batch, place))
    z_BTNC, predicted = foreseen.at(place)
    frames = (
        rolled.painted(predicted.z_BTNC[:, one.back, None]),
        copied(tensors, rolled.context)[:, one.back, None],
        rolled.painted(z_BTNC[:, one.back, None]),
    )
    true = tensors.frames_BTHWC[:, one.back, None]
    return [float(psnr(each, true)) for each in frames]
