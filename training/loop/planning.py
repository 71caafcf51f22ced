"""What a run will take, before it takes it: windows, steps, weights, tokens, memory, shares.

The model is built without memory. Bytes are an estimate: what is exact is said by the run's log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from training.config import TrainConfig, in_frames
from training.loader import shapes_of, windows_in
from training.model.world import WorldModel, num_weights, world_of
from training.sampler import Plan, plan_order
from training.windows import Windows

if TYPE_CHECKING:
    from training.gate import Cleared

EXTRAS: Final = 3  # tokens a frame beside latents and registers: action, state, condition
_NUMBERS: Final = 4  # of four bytes a weight: itself, its gradient, two moments
_KEPT: Final = 17  # numbers that a block keeps for the way back, a token and channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A run as its configuration and its set make it; nothing of it has happened."""

    windows: int
    windows_by_source: Mapping[str, int]
    shares: Mapping[str, float]  # of the positions, by source
    steps: int
    epochs: float
    samples: int
    tokenizer_weights: int
    dynamics_weights: int
    tokens_a_step: int
    frames_a_step: int
    memory_bytes: int  # a rank
    latent_bytes: int  # of all windows
    latent_room: int  # bytes of them that a rank keeps at most
    sharded: bool
    ranks: tuple[int, int]  # fewest and most
    device: str

    def doc(self) -> dict[str, Any]:
        """The plan as JSON."""
        return asdict(self)


def plan_run(config: TrainConfig, cleared: Cleared) -> Planned:
    """What `config` will do with a set that passed the gate for it."""
    config = in_frames(config, cleared.manifest["render"]["fps"])
    windows = windows_in(cleared, length=config.window, stride=config.stride)
    order = plan_order(windows, cleared.manifest_digest, config.seed, weights=config.weights)
    with torch.device("meta"):
        model = world_of(config, shapes_of(cleared.manifest))
    counts = _alive(windows)
    num_windows = sum(counts.values())
    samples = config.steps * config.batch
    return Planned(
        windows=num_windows,
        windows_by_source=counts,
        shares=_shares(order, counts),
        steps=config.steps,
        epochs=round(samples / num_windows, 3),
        samples=samples,
        tokenizer_weights=num_weights(model.tokenizer),
        dynamics_weights=num_weights(model.dynamics),
        tokens_a_step=config.batch * config.window * tokens_a_frame(model, config),
        frames_a_step=config.batch * config.window,
        memory_bytes=_memory(model, config),
        latent_bytes=num_windows * _latents(model, config),
        latent_room=config.latent_bytes,
        sharded=_is_sharded(model, config),
        ranks=(config.min_workers or config.workers, config.workers),
        device=config.device,
    )


def tokens_a_frame(model: WorldModel, config: TrainConfig) -> int:
    """Latents, and the tokens beside them."""
    return model.tokenizer.num_tokens + EXTRAS + config.model.registers


def _alive(windows: Windows) -> dict[str, int]:
    """Windows of each source that has any; those of erased clips only keep their numbers."""
    alive = ~windows.dead(())
    counts = {
        name: int(alive[first : first + count].sum())
        for name, (first, count) in windows.by_source().items()
    }
    return {name: count for name, count in counts.items() if count}


def _shares(order: Plan, alive: Mapping[str, int]) -> dict[str, float]:
    """Shares of what is delivered: an erased source's positions are skipped."""
    parts = dict(alive)
    if order.quotas:
        named = zip(order.sources, order.quotas, strict=True)
        parts = {name: quota for (name, _, _), quota in named if name in alive}
    return {name: round(part / sum(parts.values()), 4) for name, part in parts.items()}


def _is_sharded(model: WorldModel, config: TrainConfig) -> bool:
    return config.workers > 1 and num_weights(model.dynamics) > config.shard_above


def _memory(model: WorldModel, config: TrainConfig) -> int:
    """Weights, gradients, moments and averages, and what the largest part of a batch keeps."""
    dynamics = num_weights(model.dynamics) * (_NUMBERS + bool(config.ema))
    if _is_sharded(model, config):
        dynamics //= config.min_workers or config.workers
    held = 4 * (dynamics + _NUMBERS * num_weights(model.tokenizer))
    ranks = config.min_workers or config.workers
    part = int(np.ceil(config.batch / ranks / config.accumulate))
    tokens = part * config.window * tokens_a_frame(model, config)
    return held + tokens * config.model.width * config.model.depth * _KEPT * _bytes_each(config)


def _latents(model: WorldModel, config: TrainConfig) -> int:
    """Bytes of one window's latents."""
    numbers = config.window * model.tokenizer.num_tokens * config.model.latent
    return numbers * _bytes_each(config)


def _bytes_each(config: TrainConfig) -> int:
    return 2 if config.device == "cuda" else 4
