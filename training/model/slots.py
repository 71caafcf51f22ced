"""What the dynamics are shown: one slot for every frame that they are to predict.

The slot of frame f holds the command and the time step that led to f and the state before f. By
regression it also holds the latents before f; by diffusion it holds the latents of f itself,
mixed with noise: z' = t z + (1 - t) e, with a level t of its own for every frame, so that a
history of any cleanness can be followed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import torch
from torch import Tensor

from training.model.earlier import Earlier

LEVELS: Final = 64  # t = level / LEVELS: 0 is noise alone
CONTEXT_LEVEL: Final = 60  # how clean the frames are that others are predicted from
_TIMED: Final = ("z_BTNC", "action_BTA", "action_mask_BTA", "state_BTS", "state_mask_BTS", "dt_BT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Frames as recorded. Entry t of the action is the command that led to frame t."""

    z_BTNC: Tensor
    action_BTA: Tensor
    action_mask_BTA: Tensor
    state_BTS: Tensor
    state_mask_BTS: Tensor
    dt_BT: Tensor
    domain_B: Tensor
    video_B: Tensor
    earlier: Mapping[str, Earlier] = field(default_factory=dict)  # stream -> before frame 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """One entry of T for each frame to predict; the states are those before it."""

    z_BTNC: Tensor
    level_BT: Tensor | None  # none by regression
    action_BTA: Tensor
    action_mask_BTA: Tensor
    state_BTS: Tensor
    state_mask_BTS: Tensor
    dt_BT: Tensor
    domain_B: Tensor
    video_B: Tensor
    earlier: Mapping[str, Earlier] = field(default_factory=dict)  # for the first slot of all


def slots_after(seen: Seen) -> Slots:
    """By regression: a slot for every frame but the first."""
    return Slots(
        z_BTNC=seen.z_BTNC[:, :-1],
        level_BT=None,
        action_BTA=seen.action_BTA[:, 1:],
        action_mask_BTA=seen.action_mask_BTA[:, 1:],
        state_BTS=seen.state_BTS[:, :-1],
        state_mask_BTS=seen.state_mask_BTS[:, :-1],
        dt_BT=seen.dt_BT[:, 1:],
        domain_B=seen.domain_B,
        video_B=seen.video_B,
        earlier=seen.earlier,
    )


def slots_at(seen: Seen, z_BTNC: Tensor, level_BT: Tensor) -> Slots:
    """By diffusion: a slot for every frame, with these latents. The first knows no state."""
    return Slots(
        z_BTNC=z_BTNC,
        level_BT=level_BT,
        action_BTA=seen.action_BTA,
        action_mask_BTA=seen.action_mask_BTA,
        state_BTS=_before(seen.state_BTS),
        state_mask_BTS=_before(seen.state_mask_BTS),
        dt_BT=seen.dt_BT,
        domain_B=seen.domain_B,
        video_B=seen.video_B,
        earlier=seen.earlier,
    )


def mixed(z_BTNC: Tensor, noise_BTNC: Tensor, level_BT: Tensor) -> Tensor:
    """Latents at a level between noise (0) and themselves (`LEVELS`)."""
    share = (level_BT / LEVELS)[:, :, None, None]
    return share * z_BTNC + (1 - share) * noise_BTNC


def frames_of(seen: Seen, frames: slice) -> Seen:
    """Some of the frames."""
    return replace(seen, **{name: getattr(seen, name)[:, frames] for name in _TIMED})


def joined(first: Seen, second: Seen) -> Seen:
    """The frames of the second after those of the first."""
    whole = {name: torch.cat([getattr(first, name), getattr(second, name)], 1) for name in _TIMED}
    return replace(second, **whole, earlier=first.earlier)


def _before(x_BTS: Tensor) -> Tensor:
    return torch.cat([torch.zeros_like(x_BTS[:, :1]), x_BTS[:, :-1]], dim=1)
