"""Operations a frame as torch counts them, and models of the sizes that were planned."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.training.models import MODES
from training.config import TrainConfig, read_config
from training.loader import Shapes
from training.loss import DynamicsLoss, Noise, Tensors
from training.model.flops import model_flops
from training.model.world import WorldModel, world_of

SMALL = {
    "patch": 16,
    "width": 512,
    "depth": 12,
    "heads": 8,
    "kv_heads": 4,
    "temporal_every": 4,
    "tokenizer_width": 256,
}
BASE = {**SMALL, "latent": 32, "width": 1024, "depth": 16, "heads": 16, "tokenizer_width": 512}
PLANNED = {"small": (SMALL, 34.5e6, 57e9), "base": (BASE, 176e6, 287e9)}  # weights, FLOPs a frame


def configured(model, *, window=64):
    doc = {"set": "x", "use": {}, "window": window, "model": model}
    return read_config(doc)


def shapes_for(side):
    return Shapes(height=side, width=side, num_actions=4, num_states=3, domains=("acorn",))


def counted(config: TrainConfig, shapes: Shapes) -> tuple[float, WorldModel]:
    """Forward and backward on sizes alone, nothing is computed."""

    def frames(*size):
        return torch.ones(1, config.window, *size)

    with torch.device("meta"), sdpa_kernel(SDPBackend.MATH):
        world = world_of(config, shapes)
        num_tokens, one = world.tokenizer.num_tokens, torch.ones(1, dtype=torch.bool)
        tensors = Tensors(
            frames_BTHWC=frames(shapes.height, shapes.width, 3),
            action_BTA=frames(shapes.num_actions),
            action_mask_BTA=frames(shapes.num_actions).bool(),
            state_BTS=frames(shapes.num_states),
            state_mask_BTS=frames(shapes.num_states).bool(),
            dt_BT=frames(),
            domain_B=one.long(),
            video_B=one,
            weight_B=one.float(),
            noise=Noise(
                level_BT=frames().long(), values_BTNC=frames(num_tokens, config.model.latent)
            )
            if config.model.mode == "diffusion"
            else None,
        )
        with FlopCounterMode(display=False) as counter:
            DynamicsLoss(world.dynamics, world.tokenizer)(tensors).backward()
    return counter.get_total_flops() / config.window, world


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("window", [2, 12])
def test_a_frame_costs_what_torch_counts(mode, window):
    config = read_config(
        {"set": "x", "use": {}, "window": window, "context": 1, "model": {"mode": mode}}
    )
    got, _ = counted(config, shapes_for(64))

    assert model_flops(config, shapes_for(64)) == pytest.approx(got, rel=1e-6)


@pytest.mark.parametrize("name", sorted(PLANNED))
def test_planned_sizes_come_out(name):
    model, weights, flops = PLANNED[name]
    config = configured({**model, "mode": "diffusion"})
    got, world = counted(config, shapes_for(256))

    assert model_flops(config, shapes_for(256)) == pytest.approx(got, rel=1e-6)
    assert got == pytest.approx(flops, rel=0.05)
    assert sum(one.numel() for one in world.dynamics.parameters()) == pytest.approx(weights, 0.02)


def test_a_long_history_costs_little():
    short, long = (
        model_flops(configured({**SMALL, "mode": "diffusion"}, window=window), shapes_for(256))
        for window in (64, 1024)
    )

    assert 1.03 < long / short < 1.1
