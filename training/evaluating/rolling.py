"""The same windows predicted in several ways: same context, same noise, other actions.

From the context on, the model sees its own predictions and the actions of its way: the true ones,
those of other windows of the same source, or none. Context frames keep their own actions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from training.evaluating.held_out import HeldOut
from training.evaluating.plan import drawn
from training.loader import Batch
from training.loss import Tensors, seen_of, to_device
from training.model.rollout import Rollout, followed
from training.model.world import WorldModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """Latents and states of all frames: the context as given, the rest as predicted."""

    z_BTNC: Tensor
    state_BTS: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    """A model on one device, and what every rollout of an evaluation shares."""

    model: WorldModel
    context: int
    seed: int
    memory: int  # frames looked back on at most: as many as in training
    euler_steps: int  # a frame, by diffusion

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.model.parameters()).device

    def tensors(self, batch: Batch) -> Tensors:
        """A batch where the model is."""
        return to_device(batch, self.device)

    @torch.no_grad()
    def latents(self, tensors: Tensors) -> Tensor:
        """Of the true frames."""
        z_BTNC: Tensor = self.model.tokenizer.encode(tensors.frames_BTHWC)
        return z_BTNC

    @torch.no_grad()
    def predicted(self, tensors: Tensors, z_BTNC: Tensor) -> Predicted:
        """Every frame after the context from the ones before it and the window's own actions."""
        latents, states = followed(self.begun(), seen_of(tensors, z_BTNC), self.context)
        return Predicted(z_BTNC=latents, state_BTS=states)

    def begun(self) -> Rollout:
        """A rollout that has seen nothing yet."""
        return Rollout(
            self.model.dynamics,
            euler_steps=self.euler_steps,
            seed=self.seed,
            memory=self.memory,
        )

    @torch.no_grad()
    def painted(self, z_BTNC: Tensor) -> Tensor:
        """Frames of latents."""
        frames_BTHWC: Tensor = self.model.tokenizer.decode(z_BTNC).clamp(0, 1)
        return frames_BTHWC


def device_here() -> str:
    """The device that measures fastest on this machine, by torch's name."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def copied(tensors: Tensors, context: int) -> Tensor:
    """The last frame of the context, again and again."""
    frames_BTHWC = tensors.frames_BTHWC.clone()
    frames_BTHWC[:, context:] = frames_BTHWC[:, context - 1 : context]
    return frames_BTHWC


def without_actions(batch: Batch, context: int) -> Batch:
    """The windows with no action after the context: the model's learned "no action"."""
    mask_BTA = batch.action_mask_BTA.copy()
    mask_BTA[:, context:] = False
    return replace(batch, action_mask_BTA=mask_BTA)


def with_other_actions(held: HeldOut, context: int, *, seed: int, draw: int) -> Batch:
    """The windows, after the context, with the actions of another window of their source.

    Of another clip where there is one. A source with one window gets its own actions in another
    order of time.
    """
    batch = held.batch
    others = partners(held.sources, held.clips, seed=seed, draw=draw)
    action_BTA, mask_BTA = batch.action_BTA.copy(), batch.action_mask_BTA.copy()
    order = drawn(seed, "order", draw).permutation(np.arange(context, held.num_frames))
    for at, other in enumerate(others):
        taken = np.arange(context, held.num_frames) if other != at else order
        action_BTA[at, context:] = batch.action_BTA[other, taken]
        mask_BTA[at, context:] = batch.action_mask_BTA[other, taken]
    return replace(batch, action_BTA=action_BTA, action_mask_BTA=mask_BTA)


def partners(
    sources: Sequence[str], clips: Sequence[str], *, seed: int, draw: int
) -> tuple[int, ...]:
    """For each window another one of its source, of another clip if there is one; or itself."""
    found = []
    for at, (source, clip) in enumerate(zip(sources, clips, strict=True)):
        same = [one for one, name in enumerate(sources) if name == source and one != at]
        apart = [one for one in same if clips[one] != clip]
        choice = apart or same or [at]
        found.append(choice[int(drawn(seed, "partner", draw, at).integers(len(choice)))])
    return tuple(found)
