"""Every way of predicting scored frame by frame, and the means that are reported of it.

The model stands beside what must be beaten (the last frame copied), what should hurt (other
actions, no action) and what cannot be passed (the tokenizer alone).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from torch import Tensor

from training.evaluating.estimates import Curve, Values, estimate
from training.evaluating.foreseen import Foreseen
from training.evaluating.plan import Plan, chunks
from training.evaluating.rolling import Rolled, copied, with_other_actions, without_actions
from training.evaluating.scores import psnr, ssim
from training.loader import Batch, windows_at
from training.windows import Ints

MODEL, SHUFFLED, NULL = "model", "shuffled_actions", "null_action"
COPY, CEILING = "copy_last", "tokenizer"
WAYS: Final = (MODEL, SHUFFLED, NULL, COPY, CEILING)
METRICS: Final[Mapping[str, Callable[[Tensor, Tensor], Tensor]]] = {"psnr": psnr, "ssim": ssim}

Scores = Mapping[str, Mapping[str, Values]]  # metric -> way -> windows x predicted frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What some windows say: each curve has a value for each predicted frame."""

    num_windows: int
    num_clips: int
    psnr: Mapping[str, Curve]  # way -> dB
    ssim: Mapping[str, Curve]
    delta_psnr: Mapping[str, Curve]  # the model less one way, window by window


def score(rolled: Rolled, foreseen: Foreseen, plan: Plan) -> Scores:
    """Score every way on every window; frames are decoded some windows at a time."""
    context, held = rolled.context, foreseen.held
    drawn_batches = [
        with_other_actions(held, context, seed=plan.seed, draw=draw) for draw in range(plan.draws)
    ]
    parts: dict[str, dict[str, list[Values]]] = {
        metric: {way: [] for way in WAYS} for metric in METRICS
    }
    for chunk in chunks(len(held.sources), plan.batch):
        others = [windows_at(one, chunk) for one in drawn_batches]
        true = rolled.tensors(windows_at(held.batch, chunk)).frames_BTHWC
        for way, several in _ways(rolled, foreseen, chunk, others=others):
            for metric, function in METRICS.items():
                found = [
                    function(one[:, context:], true[:, context:]).cpu().numpy() for one in several
                ]
                parts[metric][way].append(np.mean(found, axis=0, dtype=np.float64))
    return {
        metric: {way: np.concatenate(values) for way, values in ways.items()}
        for metric, ways in parts.items()
    }


def compare(scores: Scores, clips: Sequence[str], *, seed: int, at: Sequence[int]) -> Compared:
    """The means over the windows at some places, which are of `clips`."""
    own = [clips[one] for one in at]
    rows = np.array(at, np.int64)
    model = scores["psnr"][MODEL][rows]
    return Compared(
        num_windows=len(own),
        num_clips=len(set(own)),
        psnr={way: estimate(one[rows], own, seed=seed) for way, one in scores["psnr"].items()},
        ssim={way: estimate(one[rows], own, seed=seed) for way, one in scores["ssim"].items()},
        delta_psnr={
            way: estimate(model - scores["psnr"][way][rows], own, seed=seed)
            for way in (SHUFFLED, NULL, COPY)
        },
    )


def _ways(
    rolled: Rolled, foreseen: Foreseen, chunk: Ints, *, others: Sequence[Batch]
) -> Iterator[tuple[str, list[Tensor]]]:
    """The frames of each way in turn; more than one set of frames where it was drawn."""
    batch = windows_at(foreseen.held.batch, chunk)
    z_BTNC, predicted = foreseen.at(chunk)

    def shown(one: Batch) -> Tensor:
        return rolled.painted(rolled.predicted(rolled.tensors(one), z_BTNC).z_BTNC)

    yield MODEL, [rolled.painted(predicted.z_BTNC)]
    yield SHUFFLED, [shown(one) for one in others]
    yield NULL, [shown(without_actions(batch, rolled.context))]
    yield COPY, [copied(rolled.tensors(batch), rolled.context)]
    yield CEILING, [rolled.painted(z_BTNC)]
