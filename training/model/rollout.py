"""Frames one after the other, each from the ones before: what a player or a planner runs.

The blocks that look back in time keep keys and values of the slots so far, so a frame costs about
the same however many came before it. By diffusion a frame starts as noise and becomes clean in K
Euler steps, z += (x - z) / (1 - t) / K; then it joins the past at the context level, like the given
frames.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor

from training.model.dynamics import Dynamics, Past
from training.model.noise import Draw, normal
from training.model.slots import (
    CONTEXT_LEVEL,
    LEVELS,
    Seen,
    Slots,
    frames_of,
    joined,
    mixed,
    slots_after,
    slots_at,
)


@torch.no_grad()
def rollout(
    dynamics: Dynamics, seen: Seen, context: int, *, euler_steps: int = 4, seed: int = 0
) -> Tensor:
    """Latents of all frames: the first `context` as given, each later one from predictions.

    Actions are given for every frame; states only up to the context, then predicted.
    """
    return followed(Rollout(dynamics, euler_steps=euler_steps, seed=seed), seen, context)[0]


@torch.no_grad()
def followed(going: Rollout, seen: Seen, context: int) -> tuple[Tensor, Tensor]:
    """Latents and states of all frames by a rollout that has seen nothing yet, as in `rollout`."""
    going.observe(frames_of(seen, slice(context)))
    latents, states = [seen.z_BTNC[:, :context]], [seen.state_BTS[:, :context]]
    for frame in range(context, seen.z_BTNC.shape[1]):
        z_BNC, state_BS = going.step(
            seen.action_BTA[:, frame], seen.action_mask_BTA[:, frame], seen.dt_BT[:, frame]
        )
        latents.append(z_BNC[:, None])
        states.append(state_BS[:, None])
    return torch.cat(latents, dim=1), torch.cat(states, dim=1)


class Rollout:
    """The past of a batch of windows, and the next frame of each on command."""

    def __init__(
        self, dynamics: Dynamics, *, euler_steps: int = 4, seed: int = 0, memory: int = 0
    ) -> None:
        """`memory` is how many frames are looked back on at most; 0: all of them."""
        self._dynamics = dynamics
        self._euler_steps, self._seed, self._memory = euler_steps, seed, memory
        self._past: Past | None = None
        self._last: Seen | None = None  # the newest frame, from which the next one goes on
        self._frames = 0

    @torch.no_grad()
    def observe(self, seen: Seen) -> None:
        """Take frames as they were; the first call must bring at least one."""
        slots = self._slots(seen)
        if slots.dt_BT.shape[1]:
            self._remember(self._dynamics.follow(slots, self._past)[2])
        self._frames += seen.dt_BT.shape[1]
        self._last = frames_of(seen, slice(-1, None))

    @torch.no_grad()
    def step(
        self, action_BA: Tensor, action_mask_BA: Tensor, dt_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Latents and state of the next frame under this command; then it is part of the past."""
        if self._last is None:
            raise AssertionError("a rollout observes a frame before it predicts one")
        asked = replace(
            self._last,
            action_BTA=action_BA[:, None],
            action_mask_BTA=action_mask_BA[:, None],
            dt_BT=dt_B[:, None],
        )
        if self._dynamics.diffusion:
            asked = self._denoised(asked)
        z_BTNC, state_BTS, past = self._dynamics.follow(self._slots(asked), self._past)
        if not self._dynamics.diffusion:
            asked = replace(asked, z_BTNC=z_BTNC.clamp(-1, 1), state_BTS=state_BTS)
        self._remember(past)
        self._frames += 1
        self._last = asked
        return asked.z_BTNC[:, 0], asked.state_BTS[:, 0]

    def _slots(self, seen: Seen) -> Slots:
        """Slots of frames that follow the newest one, as the past keeps them."""
        whole = seen if self._last is None else joined(self._last, seen)
        if not self._dynamics.diffusion:
            return slots_after(whole)
        level_BT = torch.full_like(seen.dt_BT, CONTEXT_LEVEL, dtype=torch.long)
        noise = [
            self._noise(Draw.CONTEXT, seen, frame)
            for frame in range(self._frames, self._frames + seen.dt_BT.shape[1])
        ]
        return self._at(seen, mixed(seen.z_BTNC, torch.cat(noise, dim=1), level_BT), level_BT)

    def _at(self, seen: Seen, z_BTNC: Tensor, level_BT: Tensor) -> Slots:
        """Slots with these latents; the first one's state before it is that of the newest frame."""
        slots = slots_at(seen, z_BTNC, level_BT)
        if self._last is None:
            return slots
        before = joined(self._last, frames_of(seen, slice(-1)))
        return replace(slots, state_BTS=before.state_BTS, state_mask_BTS=before.state_mask_BTS)

    def _denoised(self, asked: Seen) -> Seen:
        z_BTNC, state_BTS = self._noise(Draw.FRAME, asked, self._frames), asked.state_BTS
        levels = [LEVELS * at // self._euler_steps for at in range(self._euler_steps + 1)]
        for level, cleaner in pairwise(levels):
            level_BT = torch.full_like(asked.dt_BT, level, dtype=torch.long)
            x_BTNC, state_BTS, _ = self._dynamics.follow(
                self._at(asked, z_BTNC, level_BT), self._past
            )
            z_BTNC = z_BTNC + (x_BTNC - z_BTNC) * ((cleaner - level) / (LEVELS - level))
        return replace(asked, z_BTNC=z_BTNC.clamp(-1, 1), state_BTS=state_BTS)

    def _noise(self, draw: Draw, seen: Seen, frame: int) -> Tensor:
        batch, _, tokens, channels = seen.z_BTNC.shape
        keys = ((self._seed, frame, row) for row in range(batch))
        drawn = normal(draw, (tokens, channels), keys=keys, device=seen.z_BTNC.device)
        return drawn[:, None].to(seen.z_BTNC.dtype)

    def _remember(self, past: Past) -> None:
        self._past = past.newest(self._memory) if self._memory else past
