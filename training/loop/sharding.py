"""Dynamics that are too large to lie on every rank whole: FSDP2, block by block.

Below `shard_above` weights every rank holds everything and gradients are summed (`gradients`). The
tokenizer is small and always whole.
"""

from __future__ import annotations

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

from training.config import TrainConfig
from training.loop.ranks import rank_and_world
from training.model.dynamics import Dynamics
from training.model.world import num_weights


def shard(dynamics: Dynamics, config: TrainConfig, device: torch.device) -> bool:
    """Spread the weights over the ranks if there are more than `shard_above`; whether it was."""
    world = rank_and_world()[1]
    if world == 1 or num_weights(dynamics) <= config.shard_above:
        return False
    mesh = init_device_mesh(device.type, (world,))
    policy = MixedPrecisionPolicy()
    if device.type == "cuda":
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for block in dynamics.blocks:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(dynamics, mesh=mesh, mp_policy=policy)
    return True
