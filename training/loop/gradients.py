"""Sum gradients over ranks in an order that never depends on what ran before.

A wrapper that learns its order from the first backward sums in another order after a resume, and
the last bits differ. Here the order is that of the parameters, in buckets of a fixed size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import torch
from torch import Tensor, nn

from training.loop.ranks import add_up

BUCKET: Final = 1 << 25  # numbers: 128 MB of float32


@torch.no_grad()
def sum_gradients(params: Sequence[nn.Parameter], *, bucket: int = BUCKET) -> None:
    """Every rank ends with the sums; a parameter that no rank used keeps no gradient."""
    for part in _buckets(params, bucket):
        used = torch.tensor([float(one.grad is not None) for one in part], device=part[0].device)
        grads = [torch.zeros_like(one) if one.grad is None else one.grad for one in part]
        flat = torch.cat([*(one.reshape(-1) for one in grads), used])
        add_up(flat)
        sums = torch.split(flat, [*(one.numel() for one in part), len(part)])
        for param, total, times in zip(part, sums, sums[-1].tolist(), strict=False):
            param.grad = total.view_as(param).clone() if times else None


def clipped(params: Sequence[nn.Parameter], limit: float) -> float:
    """Scale the gradients so that their norm over all ranks is at most `limit`; the norm before."""
    norm: Tensor = nn.utils.clip_grad_norm_(params, limit)
    whole = getattr(norm, "full_tensor", None)  # of weights that are sharded over ranks
    return float(whole() if whole is not None else norm)


def _buckets(params: Sequence[nn.Parameter], size: int) -> Iterator[list[nn.Parameter]]:
    part: list[nn.Parameter] = []
    for param in params:
        if part and sum(one.numel() for one in part) + param.numel() > size:
            yield part
            part = []
        part.append(param)
    if part:
        yield part
