"""The next state against the last one copied: what is measured where there are no pictures.

One step ahead, from true frames and states, in the channels' own spread over the training rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from training.evaluating.comparing import chunks
from training.evaluating.estimates import Curve, estimate
from training.evaluating.held_out import HeldOut, only
from training.evaluating.plan import Plan
from training.evaluating.rolling import Rolled
from training.loss import seen_of


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Root of the mean squared error of the next state; one value each."""

    num_windows: int
    model: Curve
    copy_last: Curve

    @property
    def beats_copy_last(self) -> bool:
        """Whether the model is nearer than the state before."""
        return self.model.mean[0] < self.copy_last.mean[0]


@torch.no_grad()
def measure_states(rolled: Rolled, held: HeldOut, plan: Plan) -> States | None:
    """The error over all windows with known states; None where there are none."""
    errors, clips = [], []
    for chunk in chunks(len(held.sources), plan.batch):
        tensors = rolled.tensors(only(held.batch, chunk))
        mask_BTS = tensors.state_mask_BTS[:, 1:] & tensors.state_mask_BTS[:, :-1]
        mask_BTS[:, : rolled.context - 1] = False
        known_B = mask_BTS.flatten(1).sum(1)
        _, state_BTS = rolled.model.dynamics(seen_of(tensors, rolled.latents(tensors)))
        true_BTS = tensors.state_BTS[:, 1:]
        ways = (state_BTS, tensors.state_BTS[:, :-1])
        gaps = [((one - true_BTS).square() * mask_BTS).flatten(1).sum(1) for one in ways]
        both = torch.stack(gaps, 1) / known_B.clamp_min(1)[:, None]
        fine = (known_B > 0).cpu().numpy()
        errors.append(both.sqrt().cpu().numpy()[fine])
        clips += [held.clips[one] for one in chunk[fine].tolist()]
    if not clips:
        return None
    values = np.concatenate(errors)
    model, copy = (estimate(values[:, [one]], clips, seed=plan.seed) for one in (0, 1))
    return States(num_windows=len(clips), model=model, copy_last=copy)
