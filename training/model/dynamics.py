"""From the frames so far and the next command to the next frame, in latents.

At frame t the model sees latents and states up to t and the action that leads to t + 1, and answers
with the change of the latents and of the state. The last layer starts at zero, so an untrained
model says "nothing moves": training can only be judged by how far it gets from that.
Everything a source does not have is masked: a channel without a value has no influence, a clip
without actions gets the learned "no action".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.config import ModelConfig
from training.model.blocks import Block


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the dynamics may look at. Entry t of the action is the command that led to frame t."""

    z_BTNC: Tensor
    action_BTA: Tensor
    action_mask_BTA: Tensor
    state_BTS: Tensor
    state_mask_BTS: Tensor
    dt_BT: Tensor
    domain_B: Tensor
    video_B: Tensor


class Dynamics(nn.Module):
    """Next latents and next state for every frame but the last."""

    def __init__(
        self,
        sizes: ModelConfig,
        *,
        num_tokens: int,
        num_actions: int,
        num_states: int,
        num_domains: int,
    ) -> None:
        super().__init__()
        width = sizes.width
        self.num_tokens = num_tokens
        self.latent = nn.Linear(sizes.latent, width)
        self.place = nn.Parameter(torch.randn(num_tokens, width) * 0.02)
        self.action = nn.Linear(2 * num_actions, width)
        self.no_action = nn.Parameter(torch.zeros(width))
        self.state = nn.Linear(2 * num_states, width)
        self.pace = nn.Linear(1, width)  # log of the time step
        self.domain = nn.Embedding(num_domains, width)
        self.no_video = nn.Parameter(torch.zeros(width))
        self.registers = nn.Parameter(torch.randn(sizes.registers, width) * 0.02)
        self.blocks = nn.ModuleList(
            Block(
                width,
                sizes.heads,
                sizes.kv_heads,
                in_time=number % sizes.temporal_every == sizes.temporal_every - 1,
            )
            for number in range(sizes.depth)
        )
        self.norm = nn.RMSNorm(width)
        self.latent_head = nn.Linear(width, sizes.latent)
        self.state_head = nn.Linear(width, num_states)
        for head in (self.latent_head, self.state_head):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)

    def forward(self, seen: Seen) -> tuple[Tensor, Tensor]:
        """Latents and states of frames 1 .. T - 1, each from the frames before it alone."""
        z_BTNC, state_BTS = seen.z_BTNC[:, :-1], seen.state_BTS[:, :-1]
        x_BTND = torch.cat([self._latents(seen), self._extras(seen)], dim=2)
        for block in self.blocks:
            x_BTND = block(x_BTND)
        x_BTND = self.norm(x_BTND)
        change = self.latent_head(x_BTND[:, :, : self.num_tokens])
        known = seen.state_mask_BTS[:, :-1]
        moved = self.state_head(x_BTND[:, :, self.num_tokens + 1])
        return z_BTNC + change, state_BTS * known + moved

    def _latents(self, seen: Seen) -> Tensor:
        video = seen.video_B[:, None, None, None].to(seen.z_BTNC.dtype)
        tokens = self.latent(seen.z_BTNC[:, :-1]) * video + self.no_video * (1 - video)
        placed: Tensor = tokens + self.place
        return placed

    def _extras(self, seen: Seen) -> Tensor:
        """Action, state, pace and domain, registers: the tokens beside the latents."""
        mask = seen.action_mask_BTA[:, 1:].to(seen.action_BTA.dtype)
        given = mask.amax(dim=-1, keepdim=True)
        action = self.action(torch.cat([seen.action_BTA[:, 1:] * mask, mask], dim=-1))
        action = action * given + self.no_action * (1 - given)
        known = seen.state_mask_BTS[:, :-1].to(seen.state_BTS.dtype)
        state = self.state(torch.cat([seen.state_BTS[:, :-1] * known, known], dim=-1))
        pace = self.pace(seen.dt_BT[:, 1:, None].clamp_min(1e-4).log())
        condition = pace + self.domain(seen.domain_B)[:, None]
        batch, frames = mask.shape[:2]
        registers = self.registers.expand(batch, frames, -1, -1)
        return torch.cat([torch.stack([action, state, condition], dim=2), registers], dim=2)


@torch.no_grad()
def rollout(dynamics: Dynamics, seen: Seen, context: int) -> Tensor:
    """Latents of all frames: the first `context` as given, each later one from predictions.

    Actions are given for every frame; states only up to the context, then predicted.
    """
    z_BTNC, state_BTS = seen.z_BTNC.clone(), seen.state_BTS.clone()
    known = seen.state_mask_BTS.clone()
    for frame in range(context, z_BTNC.shape[1]):
        known[:, frame:] = known[:, context - 1 : context]
        upto = Seen(
            z_BTNC=z_BTNC[:, : frame + 1],
            action_BTA=seen.action_BTA[:, : frame + 1],
            action_mask_BTA=seen.action_mask_BTA[:, : frame + 1],
            state_BTS=state_BTS[:, : frame + 1],
            state_mask_BTS=known[:, : frame + 1],
            dt_BT=seen.dt_BT[:, : frame + 1],
            domain_B=seen.domain_B,
            video_B=seen.video_B,
        )
        z_next, state_next = dynamics(upto)
        z_BTNC[:, frame], state_BTS[:, frame] = z_next[:, -1].clamp(-1, 1), state_next[:, -1]
    return z_BTNC
