"""How much arithmetic a frame costs, counted from the sizes: the ground under "share of the peak".

Counted are matrix products, two operations each, as `torch.utils.flop_counter` counts them: causal
attention in full, nothing recomputed, nothing for norms and activations. The frozen encoder counts
once, the dynamics three times (forward, and backward to inputs and to weights), their first layers
twice, because nothing is learned before them. A lookback is read once a window and not counted.
"""

from __future__ import annotations

from training.config import ModelConfig, TrainConfig
from training.model.blocks import hidden_of
from training.model.world import Sizes


def model_flops(config: TrainConfig, sizes: Sizes) -> float:
    """Operations a frame of a window in a step that trains the dynamics."""
    model = config.model
    num_tokens = _tokens(model, sizes)
    slots = config.window - (model.mode == "regression")
    dynamics = (
        _first(model, sizes, num_tokens) * 2 + _dynamics(model, sizes, (num_tokens, slots)) * 3
    )
    return dynamics * slots / config.window + encoder_flops(config, sizes)


def encoder_flops(config: TrainConfig, sizes: Sizes) -> float:
    """Operations a frame of the frozen encoder, which a window whose latents are kept saves."""
    model, num_tokens = config.model, _tokens(config.model, sizes)
    width = model.tokenizer_width
    stem = 2 * width * (3 * model.patch**2 + model.latent)
    block = _linear(width, model) + 4 * num_tokens * width
    return num_tokens * (stem + model.tokenizer_depth * block)


def _tokens(model: ModelConfig, sizes: Sizes) -> int:
    return (sizes.height // model.patch) * (sizes.width // model.patch)


def _first(model: ModelConfig, sizes: Sizes, num_tokens: int) -> float:
    """The layers that take latents, actions, states and time steps in."""
    inputs = num_tokens * model.latent + 2 * sizes.num_actions + 2 * sizes.num_states + 1
    return 2 * inputs * model.width


def _dynamics(model: ModelConfig, sizes: Sizes, grid: tuple[int, int]) -> float:
    num_tokens, slots = grid
    tokens = num_tokens + 3 + model.registers
    looking_back = model.depth // model.temporal_every
    heard = (model.depth - looking_back) * tokens + looking_back * slots
    attention = 4 * tokens * heard * model.width
    heads = 2 * model.width * (num_tokens * model.latent + sizes.num_states)
    return model.depth * tokens * _linear(model.width, model) + attention + heads


def _linear(width: int, model: ModelConfig) -> float:
    """The linear layers of a block, for one token."""
    mixed = width + 2 * model.kv_heads * (width // model.heads)
    return 2 * width * (mixed + width + 3 * hidden_of(width))
