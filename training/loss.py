"""What training makes small. Every loss comes as (weighted sum, weight), never as a mean.

Ranks add both over the whole batch before they divide, so a window that could not be decoded
counts nowhere and uneven slices count by their windows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.config import TrainConfig
from training.loader import Batch
from training.model.dynamics import Dynamics
from training.model.earlier import Earlier
from training.model.noise import Draw, normal, stream
from training.model.slots import LEVELS, Seen, mixed, slots_after, slots_at
from training.model.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """What the latents are mixed with by diffusion, and to which level."""

    level_BT: Tensor
    values_BTNC: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """What chance decides in a step, the same for a slot whatever rank or slice it is in."""

    dropped_B: Tensor  # these windows lose their actions
    noise: Noise | None  # by diffusion


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensors:
    """A batch on the device."""

    frames_BTHWC: Tensor  # float in [0, 1]
    action_BTA: Tensor
    action_mask_BTA: Tensor
    state_BTS: Tensor
    state_mask_BTS: Tensor
    dt_BT: Tensor
    domain_B: Tensor
    video_B: Tensor
    weight_B: Tensor
    z_BTNC: Tensor | None = None  # the latents of the frames, which then are left out
    noise: Noise | None = None
    earlier: Mapping[str, Earlier] = field(default_factory=dict)  # stream -> before the window


def draws_of(batch: Batch, config: TrainConfig, device: torch.device) -> Draws:
    """The draws for a batch: a function of (seed, step, slot) alone."""
    keys = [(config.seed, batch.step, int(slot)) for slot in batch.slots_B]
    streams = [
        {draw: stream(draw, seed=seed, step=step, slot=slot) for draw in (Draw.DROPOUT, Draw.LEVEL)}
        for seed, step, slot in keys
    ]
    dropped = [one[Draw.DROPOUT].random() < config.action_dropout for one in streams]
    dropped_B = torch.tensor(dropped, dtype=torch.bool, device=device)
    if config.model.mode != "diffusion":
        return Draws(dropped_B=dropped_B, noise=None)
    _, frames, height, width, _ = batch.frames_BTHWC.shape
    level = [one[Draw.LEVEL].integers(LEVELS, size=frames) for one in streams]
    num_tokens = (height // config.model.patch) * (width // config.model.patch)
    size = (frames, num_tokens, config.model.latent)
    noise = Noise(
        level_BT=torch.from_numpy(np.stack(level)).to(device),
        values_BTNC=normal(Draw.NOISE, size, keys=keys, device=device),
    )
    return Draws(dropped_B=dropped_B, noise=noise)


def to_device(
    batch: Batch,
    device: torch.device,
    *,
    draws: Draws | None = None,
    z_BTNC: Tensor | None = None,
) -> Tensors:
    """Move a batch, bytes as bytes; windows whose action was dropped get the null action.

    With the latents of its frames at hand, the frames stay where they are.
    """
    frames_BTHWC = batch.frames_BTHWC if z_BTNC is None else batch.frames_BTHWC[:, :0]
    mask = torch.from_numpy(batch.action_mask_BTA).to(device)
    past_mask = torch.from_numpy(batch.past_action_mask_BPA).to(device)
    if draws is not None:
        kept = ~draws.dropped_B[:, None, None]
        mask, past_mask = mask & kept, past_mask & kept
    earlier = {
        "action": Earlier(
            values_BPC=torch.from_numpy(batch.past_action_BPA).to(device), mask_BPC=past_mask
        ),
        "state": Earlier(
            values_BPC=torch.from_numpy(batch.past_state_BQS).to(device),
            mask_BPC=torch.from_numpy(batch.past_state_mask_BQS).to(device),
        ),
    }
    return Tensors(
        # as bytes, beside the compute where they are page-locked; their batch outlives the copy,
        # because a step ends with reading its loss
        frames_BTHWC=torch.from_numpy(frames_BTHWC).to(device, non_blocking=True).float() / 255,
        action_BTA=torch.from_numpy(batch.action_BTA).to(device),
        action_mask_BTA=mask,
        state_BTS=torch.from_numpy(batch.state_BTS).to(device),
        state_mask_BTS=torch.from_numpy(batch.state_mask_BTS).to(device),
        dt_BT=torch.from_numpy(batch.dt_BT).to(device),
        domain_B=torch.from_numpy(batch.domain_B).to(device),
        video_B=torch.from_numpy(batch.video_B).to(device),
        weight_B=torch.from_numpy(batch.weight_B).to(device),
        z_BTNC=z_BTNC,
        noise=draws.noise if draws else None,
        earlier={name: one for name, one in earlier.items() if one.mask_BPC.shape[1]},
    )


def seen_of(tensors: Tensors, z_BTNC: Tensor) -> Seen:
    """What the dynamics see of a batch with these latents."""
    return Seen(
        z_BTNC=z_BTNC,
        action_BTA=tensors.action_BTA,
        action_mask_BTA=tensors.action_mask_BTA,
        state_BTS=tensors.state_BTS,
        state_mask_BTS=tensors.state_mask_BTS,
        dt_BT=tensors.dt_BT,
        domain_B=tensors.domain_B,
        video_B=tensors.video_B,
        earlier=tensors.earlier,
    )


class TokenizerLoss(nn.Module):
    """L1 + MSE between frames and what the bottleneck lets through."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer

    def forward(self, tensors: Tensors) -> Tensor:
        """The weighted sum over windows."""
        # frames of one window are alike: every third teaches as much in a third of the time
        frames_BTHWC = tensors.frames_BTHWC[:, ::3]
        gap = self.tokenizer(frames_BTHWC) - frames_BTHWC
        per_B = (gap.abs() + gap.square()).flatten(1).mean(1)
        loss: Tensor = (per_B * tensors.weight_B * tensors.video_B).sum()
        return loss


class DynamicsLoss(nn.Module):
    """Squared error of the latents, and Huber of the state where one is valid.

    By diffusion a frame counts the more, the cleaner it was shown: 0.9 t + 0.1.
    """

    def __init__(self, dynamics: Dynamics, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.dynamics = dynamics
        self._encode = tokenizer.encode  # frozen: not a part of this module

    def forward(self, tensors: Tensors) -> Tensor:
        """The weighted sum over windows."""
        z_BTNC = tensors.z_BTNC
        if z_BTNC is None:
            with torch.no_grad():
                z_BTNC = self._encode(tensors.frames_BTHWC)
        seen, noise = seen_of(tensors, z_BTNC), tensors.noise
        if noise is None:
            first, slots = 1, slots_after(seen)
            counts_BT = torch.ones_like(slots.dt_BT)
        else:
            shown = mixed(z_BTNC, noise.values_BTNC, noise.level_BT)
            first, slots = 0, slots_at(seen, shown, noise.level_BT)
            counts_BT = 0.9 * noise.level_BT / LEVELS + 0.1
        z_found, state_found = self.dynamics(slots)
        latent_BT = (z_found - z_BTNC[:, first:]).square().flatten(2).mean(2)
        latent_B = (latent_BT * counts_BT).mean(1)
        known = tensors.state_mask_BTS[:, first:].float()
        gap = F.huber_loss(state_found, tensors.state_BTS[:, first:], reduction="none") * known
        state_B = gap.flatten(1).sum(1) / known.flatten(1).sum(1).clamp_min(1)
        per_B = latent_B * tensors.video_B + 0.1 * state_B
        loss: Tensor = (per_B * tensors.weight_B).sum()
        return loss
