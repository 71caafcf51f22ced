"""The network: slots to frames, by blocks that look inside a frame or back in time.

By regression the answer is the change from the frame before, and the last layer starts at zero, so
an untrained model says "nothing moves". By diffusion the answer is the clean frame behind the
noise. Everything a source does not have is masked: a channel without a value has no influence, a
clip without actions gets the learned "no action".
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from training.config import ModelConfig
from training.model.blocks import Block, KeyValue, places_in_space, places_in_time
from training.model.earlier import LookbackEncoder
from training.model.linear import AdaptedEmbedding
from training.model.slots import LEVELS, Slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What is remembered of the slots so far: how many, and the cache of each block in time."""

    frames: int
    caches: tuple[KeyValue, ...]

    def newest(self, frames: int) -> Past:
        """The same, with the caches cut to the newest frames."""
        cut = tuple(
            KeyValue(one.key[:, :, -frames:], one.value[:, :, -frames:]) for one in self.caches
        )
        return Past(frames=self.frames, caches=cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What the network must know of a set and its tokenizer."""

    rows: int  # of patches
    columns: int
    num_actions: int
    num_states: int
    domains: tuple[str, ...]  # sources; their order numbers them
    lookback: tuple[str, ...] = ()  # streams that are looked back on before a window


class Dynamics(nn.Module):
    """Latents and state of each slot's frame, from that slot and the ones before it alone."""

    def __init__(self, sizes: ModelConfig, grid: Grid) -> None:
        super().__init__()
        width = sizes.width
        self.diffusion = sizes.mode == "diffusion"
        self.rows, self.columns, self.domains = grid.rows, grid.columns, grid.domains
        self.num_tokens = grid.rows * grid.columns
        self.latent = nn.Linear(sizes.latent, width)
        self.place = nn.Parameter(torch.randn(self.num_tokens, width) * 0.02)
        self.action = nn.Linear(2 * grid.num_actions, width)
        self.no_action = nn.Parameter(torch.zeros(width))
        self.state = nn.Linear(2 * grid.num_states, width)
        self.pace = nn.Linear(1, width)  # log of the time step
        self.domain = AdaptedEmbedding(len(grid.domains), width)
        if self.diffusion:
            self.level = nn.Embedding(LEVELS, width)
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
        self.state_head = nn.Linear(width, grid.num_states)
        for head in (self.latent_head, self.state_head):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        channels = {"action": grid.num_actions, "state": grid.num_states}
        self.lookback = nn.ModuleDict(
            {stream: LookbackEncoder(channels[stream], width) for stream in grid.lookback}
        )

    def forward(self, slots: Slots) -> tuple[Tensor, Tensor]:
        """Latents and states of the slots' frames."""
        return self.follow(slots, None)[:2]

    def follow(self, slots: Slots, past: Past | None) -> tuple[Tensor, Tensor, Past]:
        """The same for slots that follow remembered ones; also what to remember now."""
        extras = self._extras(slots, is_first=past is None)
        x_BTND = torch.cat([self._latents(slots), extras], dim=2)
        first, frames = past.frames if past else 0, x_BTND.shape[1]
        beside, device = x_BTND.shape[2] - self.num_tokens, x_BTND.device
        in_time = places_in_time(first, frames, device=device)
        in_space = places_in_space(self.rows, self.columns, beside=beside, device=device)
        caches: list[KeyValue] = []
        for block in self.blocks:
            if block.in_time:
                known = past.caches[len(caches)] if past else None
                x_BTND, kept = block(x_BTND, in_time, domain_B=slots.domain_B, past=known)
                caches.append(kept)
            else:
                x_BTND, _ = block(x_BTND, in_space, domain_B=slots.domain_B)
        x_BTND = self.norm(x_BTND)
        z_BTNC = self.latent_head(x_BTND[:, :, : self.num_tokens])
        if not self.diffusion:
            z_BTNC = slots.z_BTNC + z_BTNC
        state_BTS = slots.state_BTS * slots.state_mask_BTS
        state_BTS = state_BTS + self.state_head(x_BTND[:, :, self.num_tokens + 1])
        return z_BTNC, state_BTS, Past(frames=first + frames, caches=tuple(caches))

    def _latents(self, slots: Slots) -> Tensor:
        video = slots.video_B[:, None, None, None].to(slots.z_BTNC.dtype)
        tokens = self.latent(slots.z_BTNC) * video + self.no_video * (1 - video)
        placed: Tensor = tokens + self.place
        return placed

    def _extras(self, slots: Slots, *, is_first: bool) -> Tensor:
        """Action, state, condition, registers: the tokens beside the latents."""
        mask = slots.action_mask_BTA.to(slots.action_BTA.dtype)
        given = mask.amax(dim=-1, keepdim=True)
        action = self.action(torch.cat([slots.action_BTA * mask, mask], dim=-1))
        action = action * given + self.no_action * (1 - given)
        known = slots.state_mask_BTS.to(slots.state_BTS.dtype)
        state = self.state(torch.cat([slots.state_BTS * known, known], dim=-1))
        if is_first:
            action = self._looking_back("action", slots, action)
            state = self._looking_back("state", slots, state)
        condition = self.pace(slots.dt_BT[..., None].clamp_min(1e-4).log())
        condition = condition + self.domain(slots.domain_B)[:, None]
        if slots.level_BT is not None:
            condition = condition + self.level(slots.level_BT)
        batch, frames = mask.shape[:2]
        registers = self.registers.expand(batch, frames, -1, -1)
        return torch.cat([torch.stack([action, state, condition], dim=2), registers], dim=2)

    def _looking_back(self, stream: str, slots: Slots, token_BTD: Tensor) -> Tensor:
        """A stream's tokens, what came before the window joined to that of the first slot."""
        if stream not in self.lookback or not slots.earlier:
            return token_BTD
        before_BD = self.lookback[stream](slots.earlier[stream], slots.dt_BT[:, 0])
        return torch.cat([token_BTD[:, :1] + before_BD[:, None], token_BTD[:, 1:]], dim=1)
