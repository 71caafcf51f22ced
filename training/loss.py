"""What training makes small. Every loss comes as (weighted sum, weight), never as a mean.

Ranks add both over the whole batch before they divide, so a window that could not be decoded
counts nowhere and uneven slices count by their windows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.loader import Batch
from training.model.dynamics import Dynamics, Seen
from training.model.tokenizer import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensors:
    """A batch on the device; `kept_B` is false where the action was dropped."""

    frames_BTHWC: Tensor  # float in [0, 1]
    action_BTA: Tensor
    action_mask_BTA: Tensor
    state_BTS: Tensor
    state_mask_BTS: Tensor
    dt_BT: Tensor
    domain_B: Tensor
    video_B: Tensor
    weight_B: Tensor


def to_device(batch: Batch, device: torch.device, *, dropped: Tensor | None = None) -> Tensors:
    """Move a batch, bytes as bytes; `dropped` windows lose their actions (null action)."""
    mask = torch.from_numpy(batch.action_mask_BTA).to(device)
    if dropped is not None:
        mask = mask & ~dropped.to(device)[:, None, None]
    return Tensors(
        frames_BTHWC=torch.from_numpy(batch.frames_BTHWC).to(device).float() / 255,
        action_BTA=torch.from_numpy(batch.action_BTA).to(device),
        action_mask_BTA=mask,
        state_BTS=torch.from_numpy(batch.state_BTS).to(device),
        state_mask_BTS=torch.from_numpy(batch.state_mask_BTS).to(device),
        dt_BT=torch.from_numpy(batch.dt_BT).to(device),
        domain_B=torch.from_numpy(batch.domain_B).to(device),
        video_B=torch.from_numpy(batch.video_B).to(device),
        weight_B=torch.from_numpy(batch.weight_B).to(device),
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
    """Squared error of the next latents, and Huber of the next state where one is valid."""

    def __init__(self, dynamics: Dynamics, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.dynamics = dynamics
        self._encode = tokenizer.encode  # frozen: not a part of this module

    def forward(self, tensors: Tensors) -> Tensor:
        """The weighted sum over windows."""
        with torch.no_grad():
            z_BTNC = self._encode(tensors.frames_BTHWC)
        z_next, state_next = self.dynamics(seen_of(tensors, z_BTNC))
        latent_B = (z_next - z_BTNC[:, 1:]).square().flatten(1).mean(1)
        known = tensors.state_mask_BTS[:, 1:].float()
        gap = F.huber_loss(state_next, tensors.state_BTS[:, 1:], reduction="none") * known
        state_B = gap.flatten(1).sum(1) / known.flatten(1).sum(1).clamp_min(1)
        per_B = latent_B * tensors.video_B + 0.1 * state_B
        loss: Tensor = (per_B * tensors.weight_B).sum()
        return loss
