"""A linear layer that can be adapted to one domain without touching what others get from it.

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


class AdaptedLinear(nn.Linear):
    """A linear layer without bias and its adapters, by number of the domain."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)
        self.low = nn.ModuleDict()

    def forward(self, x_BxD: Tensor, domain_B: Tensor | None = None) -> Tensor:
        """The product; windows of an adapted domain get their adapter's part as well."""
        y_BxD = nn.functional.linear(x_BxD, self.weight)
        if domain_B is None:
            return y_BxD
        for number, low in self.low.items():
            mine_B = (domain_B == int(number)).view(-1, *[1] * (x_BxD.dim() - 1))
            y_BxD = torch.where(mine_B, y_BxD + low(x_BxD), y_BxD)
        return y_BxD
