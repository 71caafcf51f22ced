"""Layers that can be adapted to one domain without touching what others get from them.

An adapter is a product of two thin matrices, added for the windows of its domain. A window has one
domain, so with an adapter dropped every other window's numbers stay the same to the last bit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Low(nn.Module):
    """The two thin matrices of one adapter; the second starts at zero, so it starts as nothing."""

    def __init__(self, inputs: int, outputs: int, rank: int) -> None:
        super().__init__()
        self.narrow = nn.Parameter(torch.randn(rank, inputs) * inputs**-0.5)
        self.widen = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, x_BxD: Tensor) -> Tensor:
        """What the adapter adds."""
        return x_BxD @ self.narrow.to(x_BxD.dtype).T @ self.widen.to(x_BxD.dtype).T


class Offset(nn.Module):
    """The adapter of an embedding: what is added to the vector of one domain."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(width))

    def forward(self, x_BD: Tensor) -> Tensor:
        """What the adapter adds."""
        return self.shift.to(x_BD.dtype).expand_as(x_BD)


class AdaptedEmbedding(nn.Embedding):
    """A vector a domain, and its adapters; a domain that only an adapter knows starts at zero."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__(count, width)
        self.low = nn.ModuleDict()

    def fresh_low(self, _rank: int) -> nn.Module:
        """An adapter of this layer that does nothing yet."""
        return Offset(self.embedding_dim).to(self.weight.device)

    def forward(self, domain_B: Tensor) -> Tensor:
        """The vector of each window's domain."""
        known_B = domain_B < self.num_embeddings
        x_BD = super().forward(torch.where(known_B, domain_B, 0)) * known_B[:, None]
        for number, low in self.low.items():
            mine_B = (domain_B == int(number))[:, None]
            x_BD = torch.where(mine_B, x_BD + low(x_BD), x_BD)
        return x_BD


class AdaptedLinear(nn.Linear):
    """A linear layer without bias and its adapters, by number of the domain."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)
        self.low = nn.ModuleDict()

    def fresh_low(self, rank: int) -> nn.Module:
        """An adapter of this layer that does nothing yet."""
        return Low(self.in_features, self.out_features, rank).to(self.weight.device)

    def forward(self, x_BxD: Tensor, domain_B: Tensor | None = None) -> Tensor:
        """The product; windows of an adapted domain get their adapter's part as well."""
        y_BxD = nn.functional.linear(x_BxD, self.weight)
        if domain_B is None:
            return y_BxD
        for number, low in self.low.items():
            mine_B = (domain_B == int(number)).view(-1, *[1] * (x_BxD.dim() - 1))
            y_BxD = torch.where(mine_B, y_BxD + low(x_BxD), y_BxD)
        return y_BxD
