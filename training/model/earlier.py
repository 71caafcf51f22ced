"""What happened before a window begins: commands and states of a lookback, as one token's worth.

A stream may be looked back on further than pictures are: an arm's joints over the last second tell
where it is going. All frames of a stream's lookback are weighed into one vector, which joins that
stream's token of the first slot; later slots hear of it through the blocks that look back in time,
so a rollout's caches hold it and no slot costs more. What is masked weighs nothing, and a window
whose lookback is masked whole is what it would be without one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """One stream before the first frame of windows, the newest frame last."""

    values_BPC: Tensor
    mask_BPC: Tensor  # false before the clip begins and where a channel is not valid


class LookbackEncoder(nn.Module):
    """One vector for what a stream did before the window; zero where nothing is known."""

    def __init__(self, num_channels: int, width: int) -> None:
        super().__init__()
        self.take = nn.Linear(2 * num_channels, width)
        self.age = nn.Linear(1, width)  # log of how long ago
        self.weigh = nn.Linear(width, 1, bias=False)
        self.tell = nn.Linear(width, width, bias=False)

    def forward(self, earlier: Earlier, dt_B: Tensor) -> Tensor:
        """B, D of a lookback whose frames lie `dt_B` seconds apart."""
        mask_BPC = earlier.mask_BPC.to(earlier.values_BPC.dtype)
        known_BP = earlier.mask_BPC.any(dim=-1)
        count = known_BP.shape[1]
        ago_P = torch.arange(count, 0, -1, device=known_BP.device, dtype=dt_B.dtype)
        ago_BP = (ago_P * dt_B[:, None]).clamp_min(1e-4)
        inputs = torch.cat([earlier.values_BPC * mask_BPC, mask_BPC], dim=-1)
        told_BPD = F.silu(self.take(inputs) + self.age(ago_BP[..., None].log()))
        score_BP = self.weigh(told_BPD)[..., 0] / math.sqrt(told_BPD.shape[-1])
        score_BP = score_BP.masked_fill(~known_BP, torch.finfo(score_BP.dtype).min)
        share_BP = score_BP.softmax(dim=1) * known_BP
        whole_BD: Tensor = self.tell((share_BP[..., None] * told_BPD).sum(dim=1))
        return whole_BD
