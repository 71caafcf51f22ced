"""The states that follow against the last one copied: what is measured where there is no video.

From the context on the model goes on from its own states. Errors are in the channels' own spread
over the training rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import torch

from training.evaluating.estimates import Curve, estimate
from training.evaluating.foreseen import Foreseen
from training.evaluating.plan import Plan, chunks
from training.evaluating.rolling import Rolled
from training.loader import windows_at

_LOST: Final = 1e3  # what a state that is no number counts as, in standard deviations


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Root of the mean squared error by predicted frame; the first is the next state."""

    num_windows: int
    model: Curve
    copy_last: Curve

    @property
    def beats_copy_last(self) -> bool:
        """Whether the next state is nearer than the state before."""
        return self.model.mean[0] < self.copy_last.mean[0]


def measure_states(rolled: Rolled, foreseen: Foreseen, plan: Plan) -> States | None:
    """The errors over all windows with states that are known throughout; None without one."""
    errors, clips, context, held = [], [], rolled.context, foreseen.held
    for chunk in chunks(len(held.sources), plan.batch):
        tensors = rolled.tensors(windows_at(held.batch, chunk))
        predicted_BTS = foreseen.at(chunk)[1].state_BTS[:, context:]
        got_BTS = predicted_BTS.nan_to_num(_LOST, _LOST, -_LOST)
        true_BTS, last_BTS = tensors.state_BTS[:, context:], tensors.state_BTS[:, context - 1, None]
        mask_BTS = (
            tensors.state_mask_BTS[:, context:] & tensors.state_mask_BTS[:, context - 1, None]
        )
        gaps = [((one - true_BTS).square() * mask_BTS).sum(2) for one in (got_BTS, last_BTS)]
        error_BWT = (torch.stack(gaps, 1) / mask_BTS.sum(2).clamp_min(1)[:, None]).sqrt()
        fine = mask_BTS.any(2).all(1).cpu().numpy()
        errors.append(error_BWT.cpu().numpy()[fine])
        clips += [held.clips[one] for one in chunk[fine].tolist()]
    if not clips:
        return None
    values = np.concatenate(errors)
    model, copy = (estimate(values[:, way], clips, seed=plan.seed) for way in (0, 1))
    return States(num_windows=len(clips), model=model, copy_last=copy)
