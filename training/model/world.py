"""The two parts together, made the same way for the same seed on every rank."""

from __future__ import annotations

import hashlib
from typing import Protocol

import torch
from torch import nn

from training.config import TrainConfig, streams_of
from training.model.dynamics import Dynamics, Grid
from training.model.tokenizer import Tokenizer


class Sizes(Protocol):
    """What a model must know of a training set (the loader's `Shapes`)."""

    @property
    def height(self) -> int:
        """Pixels."""

    @property
    def width(self) -> int:
        """Pixels."""

    @property
    def num_actions(self) -> int:
        """Action channels of the set."""

    @property
    def num_states(self) -> int:
        """State channels of the set."""

    @property
    def domains(self) -> tuple[str, ...]:
        """Sources of the set; their order numbers them."""


class WorldModel(nn.Module):
    """Tokenizer and dynamics for one set's shapes."""

    def __init__(self, tokenizer: Tokenizer, dynamics: Dynamics, sizes: Sizes) -> None:
        super().__init__()
        self.tokenizer = tokenizer
        self.dynamics = dynamics
        self.sizes = sizes


def world_of(config: TrainConfig, sizes: Sizes) -> WorldModel:
    """A fresh model; its weights depend on the seed and the sizes only."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        tokenizer = Tokenizer(sizes.height, sizes.width, config.model)
        grid = Grid(
            rows=tokenizer.rows,
            columns=tokenizer.columns,
            num_actions=sizes.num_actions,
            num_states=sizes.num_states,
            domains=sizes.domains,
            lookback=streams_of(config),
        )
        dynamics = Dynamics(config.model, grid)
        return WorldModel(tokenizer, dynamics, sizes)


def num_weights(module: nn.Module) -> int:
    """How many numbers a module learns."""
    return sum(param.numel() for param in module.parameters())


def weights_digest(module: nn.Module) -> str:
    """sha256 over names and bytes of every weight: which tokenizer this is, are two runs equal."""
    whole = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        whole.update(name.encode())
        whole.update(value.detach().cpu().contiguous().numpy().tobytes())
    return whole.hexdigest()
