"""A tiny network whose fresh heads say something, and frames for it to look at."""

from dataclasses import replace
from typing import Any

import torch

from tests.training.conftest import small
from training.config import ModelConfig
from training.model.dynamics import Dynamics, Grid
from training.model.slots import Seen, Slots, mixed, slots_after, slots_at

BATCH, FRAMES, LATENT, ACTIONS, STATES = 3, 6, 8, 3, 2
GRID = Grid(
    rows=2, columns=3, num_actions=ACTIONS, num_states=STATES, domains=("acorn", "birch", "cedar")
)
MODES = ("regression", "diffusion")


def sizes_of(mode: str, **changes: Any) -> ModelConfig:
    base = {
        "latent": LATENT,
        "width": 16,
        "depth": 4,
        "heads": 2,
        "kv_heads": 1,
        "temporal_every": 2,
    }
    return small(model={**base, "mode": mode, **changes}).model


def dynamics_of(mode: str, **changes: Any) -> Dynamics:
    """Every weight that a fresh network has at zero is drawn."""
    torch.manual_seed(0)
    return drawn_heads(Dynamics(sizes_of(mode, **changes), GRID))


def drawn_heads(model: Dynamics) -> Dynamics:
    """The network with weights where a fresh one has zeros."""
    for head in (model.latent_head, model.state_head):
        torch.nn.init.normal_(head.weight, std=0.3)
    for one in (model.no_action, model.no_video):
        torch.nn.init.normal_(one)
    return model.eval()


def seen_frames(frames: int = FRAMES) -> Seen:
    numbers = torch.Generator().manual_seed(1)

    def drawn(*size: int) -> torch.Tensor:
        return torch.randn(size, generator=numbers)

    return Seen(
        z_BTNC=drawn(BATCH, frames, GRID.rows * GRID.columns, LATENT).tanh(),
        action_BTA=drawn(BATCH, frames, ACTIONS),
        action_mask_BTA=torch.ones(BATCH, frames, ACTIONS, dtype=torch.bool),
        state_BTS=drawn(BATCH, frames, STATES),
        state_mask_BTS=torch.ones(BATCH, frames, STATES, dtype=torch.bool),
        dt_BT=torch.full((BATCH, frames), 0.1),
        domain_B=torch.tensor([0, 1, 2]),
        video_B=torch.tensor([True, True, True]),
    )


def slots_for(model: Dynamics, seen: Seen) -> Slots:
    """Slots as training makes them, with the same noise and levels each time."""
    if not model.diffusion:
        return slots_after(seen)
    numbers = torch.Generator().manual_seed(2)
    noise_BTNC = torch.randn(seen.z_BTNC.shape, generator=numbers)
    level_BT = torch.randint(0, 64, seen.dt_BT.shape, generator=numbers)
    return slots_at(seen, mixed(seen.z_BTNC, noise_BTNC, level_BT), level_BT)


def doubled(seen: Seen) -> Seen:
    """In double precision: what is fed back again and again must not hide a fault in rounding."""
    floats = {name: getattr(seen, name).double() for name in ("z_BTNC", "action_BTA", "state_BTS")}
    earlier = {
        stream: replace(one, values_BPC=one.values_BPC.double())
        for stream, one in seen.earlier.items()
    }
    return replace(seen, **floats, dt_BT=seen.dt_BT.double(), earlier=earlier)
