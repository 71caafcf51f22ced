"""What a rollout does under actions that no recording holds: it must stay finite and in range.

Ranges are those of the real frames and states of the same windows. Latents of a tokenizer that
ends in a tanh are within [-1, 1] by themselves; how many lie at that edge tells more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import torch

from training.evaluating.foreseen import Foreseen
from training.evaluating.plan import Plan, chunks
from training.evaluating.rolling import Predicted, Rolled
from training.loader import Batch, windows_at

FAR: Final = 10.0  # standard deviations: where the loader cuts
_EDGE: Final = 0.999


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far the predictions of one way went; what is not finite counts only as that."""

    finite: bool
    latent_max: float
    at_edge: float  # share of latents
    outside: float  # share of latents beyond the range of their channel in real frames
    state_max: float  # in standard deviations; 0 where no state is known
    state_over: float  # the same over the largest real one; 0 where none is known


def measure_bounds(rolled: Rolled, foreseen: Foreseen, plan: Plan) -> Mapping[str, Reach] | str:
    """Roll out under each way of `_WAYS`; real frames and the true actions stand beside them."""
    held = foreseen.held
    if not held.batch.action_mask_BTA.any():
        return "no held-out window has known actions"
    parts: dict[str, list[Predicted]] = {}
    masks = []
    for chunk in chunks(len(held.sources), plan.batch):
        batch = windows_at(held.batch, chunk)
        tensors = rolled.tensors(batch)
        z_BTNC, predicted = foreseen.at(chunk)
        masks.append(tensors.state_mask_BTS[:, rolled.context - 1].cpu())
        real = Predicted(z_BTNC=z_BTNC, state_BTS=tensors.state_BTS)
        parts.setdefault("real", []).append(_after(real, 0))
        parts.setdefault("true_actions", []).append(_after(predicted, rolled.context))
        for way, change in _WAYS.items():
            changed = rolled.tensors(change(batch, rolled.context))
            far = rolled.predicted(changed, z_BTNC)
            parts.setdefault(way, []).append(_after(far, rolled.context))
    mask_BS = torch.cat(masks)
    whole = {
        way: Predicted(
            z_BTNC=torch.cat([one.z_BTNC for one in several]),
            state_BTS=torch.cat([one.state_BTS for one in several]) * mask_BS[:, None],
        )
        for way, several in parts.items()
    }
    return {way: _reach(one, whole["real"]) for way, one in whole.items()}


def _far(batch: Batch, context: int, *, sign: float) -> Batch:
    action_BTA = batch.action_BTA.copy()
    action_BTA[:, context:] = sign * FAR
    return replace(batch, action_BTA=action_BTA)


def _swinging(batch: Batch, context: int) -> Batch:
    """From one end to the other, frame by frame."""
    action_BTA = batch.action_BTA.copy()
    action_BTA[:, context::2] = FAR
    action_BTA[:, context + 1 :: 2] = -FAR
    return replace(batch, action_BTA=action_BTA)


def _held(batch: Batch, context: int) -> Batch:
    """The last action of the context, never let go."""
    action_BTA, mask_BTA = batch.action_BTA.copy(), batch.action_mask_BTA.copy()
    action_BTA[:, context:] = action_BTA[:, context - 1, None]
    mask_BTA[:, context:] = mask_BTA[:, context - 1, None]
    return replace(batch, action_BTA=action_BTA, action_mask_BTA=mask_BTA)


_WAYS: Final[Mapping[str, Callable[[Batch, int], Batch]]] = {
    "held": _held,
    "far_up": lambda batch, context: _far(batch, context, sign=1.0),
    "far_down": lambda batch, context: _far(batch, context, sign=-1.0),
    "swinging": _swinging,
}


def _after(predicted: Predicted, first: int) -> Predicted:
    return Predicted(
        z_BTNC=predicted.z_BTNC[:, first:].float().cpu(),
        state_BTS=predicted.state_BTS[:, first:].float().cpu(),
    )


def _reach(got: Predicted, real: Predicted) -> Reach:
    is_finite = bool(torch.isfinite(got.z_BTNC).all() and torch.isfinite(got.state_BTS).all())
    z_BTNC, state_BTS = (one.nan_to_num(0, 0, 0) for one in (got.z_BTNC, got.state_BTS))
    size = z_BTNC.abs()
    low, high = real.z_BTNC.amin((0, 1, 2)), real.z_BTNC.amax((0, 1, 2))
    outside = (z_BTNC < low) | (z_BTNC > high)
    state, usual = float(state_BTS.abs().max()), float(real.state_BTS.abs().max())
    return Reach(
        finite=is_finite,
        latent_max=round(float(size.max()), 4),
        at_edge=round(float((size > _EDGE).float().mean()), 5),
        outside=round(float(outside.float().mean()), 5),
        state_max=round(state, 4),
        state_over=round(state / usual, 4) if usual > 0 else 0.0,
    )
