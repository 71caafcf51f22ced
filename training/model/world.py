"""The two parts together, made the same way for the same seed on every rank."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from training.config import ModelConfig
from training.model.dynamics import Dynamics
from training.model.tokenizer import Tokenizer


class WorldModel(nn.Module):
    """Tokenizer and dynamics of one set's shapes."""

    def __init__(self, tokenizer: Tokenizer, dynamics: Dynamics) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.dynamics = dynamics


def make_world(
    sizes: ModelConfig,
    *,
    seed: int,
    frame: tuple[int, int],
    num_actions: int,
    num_states: int,
    num_domains: int,
) -> WorldModel:
    """A fresh model; its weights depend on `seed` and the sizes only."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tokenizer = Tokenizer(*frame, sizes)
        dynamics = Dynamics(
            sizes,
            num_tokens=tokenizer.num_tokens,
            num_actions=num_actions,
            num_states=num_states,
            num_domains=num_domains,
        )
        return WorldModel(tokenizer, dynamics)


def weights_digest(module: nn.Module) -> str:
    """sha256 over names and bytes of every weight: which tokenizer this is, are two runs equal."""
    whole = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        whole.update(name.encode())
        whole.update(value.detach().cpu().contiguous().numpy().tobytes())
    return whole.hexdigest()
