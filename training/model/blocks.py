"""Pre-norm attention blocks over a grid of frames and tokens: inside a frame, or back in time.

Shapes: B batch, T frames, N tokens a frame, D width, H heads, K key-value heads, E width of a head.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Grouped-query attention with normalised queries and keys; causal attention turns by time."""

    def __init__(self, width: int, heads: int, kv_heads: int, *, causal: bool) -> None:
        super().__init__()
        self.causal = causal
        self.heads, self.kv_heads, self.head = heads, kv_heads, width // heads
        self.query = nn.Linear(width, width, bias=False)
        self.keyvalue = nn.Linear(width, 2 * kv_heads * self.head, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm = nn.RMSNorm(self.head)
        self.key_norm = nn.RMSNorm(self.head)

    def forward(self, x_BLD: Tensor) -> Tensor:
        """Attend over L: tokens of one frame, or one token's past."""
        batch, length, _ = x_BLD.shape
        query_BHLE = self.query(x_BLD).view(batch, length, self.heads, self.head).transpose(1, 2)
        both = self.keyvalue(x_BLD).view(batch, length, 2, self.kv_heads, self.head)
        key_BKLE, value_BKLE = both.unbind(2)
        query_BHLE = self.query_norm(query_BHLE)
        key_BKLE = self.key_norm(key_BKLE.transpose(1, 2))
        if self.causal:
            turn = _angles(length, self.head, x_BLD)
            query_BHLE, key_BKLE = _turned(query_BHLE, turn), _turned(key_BKLE, turn)
        mixed_BHLE = F.scaled_dot_product_attention(
            query_BHLE, key_BKLE, value_BKLE.transpose(1, 2), is_causal=self.causal, enable_gqa=True
        )
        out: Tensor = self.out(mixed_BHLE.transpose(1, 2).reshape(batch, length, -1))
        return out


class Block(nn.Module):
    """Attention and SwiGLU; `in_time` blocks are causal over frames, the others see one frame."""

    def __init__(self, width: int, heads: int, kv_heads: int, *, in_time: bool) -> None:
        super().__init__()
        self.in_time = in_time
        hidden = (8 * width // 3 + 7) // 8 * 8
        self.attention_norm, self.mlp_norm = nn.RMSNorm(width), nn.RMSNorm(width)
        self.attention = Attention(width, heads, kv_heads, causal=in_time)
        self.up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x_BTND: Tensor) -> Tensor:
        """The grid after one block; no frame hears of a later one."""
        batch, frames, tokens, width = x_BTND.shape
        grid = self.attention_norm(x_BTND)
        if self.in_time:
            rows = grid.transpose(1, 2).reshape(batch * tokens, frames, width)
            heard = self.attention(rows).view(batch, tokens, frames, width).transpose(1, 2)
        else:
            rows = grid.reshape(batch * frames, tokens, width)
            heard = self.attention(rows).view(batch, frames, tokens, width)
        x_BTND = x_BTND + heard
        gate, value = self.up(self.mlp_norm(x_BTND)).chunk(2, dim=-1)
        out: Tensor = x_BTND + self.down(F.silu(gate) * value)
        return out


def _angles(length: int, head: int, like: Tensor) -> Tensor:
    rates = 10_000.0 ** (-torch.arange(0, head, 2, device=like.device, dtype=torch.float32) / head)
    return torch.arange(length, device=like.device, dtype=torch.float32)[:, None] * rates


def _turned(x_BHLE: Tensor, angles_LE: Tensor) -> Tensor:
    """Rotary position: pairs of channels turned by their time step."""
    first, second = x_BHLE.chunk(2, dim=-1)
    cos, sin = angles_LE.cos().to(x_BHLE.dtype), angles_LE.sin().to(x_BHLE.dtype)
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
