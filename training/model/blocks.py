"""Pre-norm attention blocks over a grid of frames and tokens: inside a frame, or back in time.

Every linear layer sees the whole grid, so that a domain's adapter can change the windows of its
domain and no others. Queries and keys are one tensor until they meet: one projection, one norm, one
turn.

Shapes: B batch, T frames, N tokens a frame, D width, H heads, K key-value heads, P = H + K,
E width of a head, R rows of one attention, L places of a row, A axes of a place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.nn import functional as F

from training.model.linear import AdaptedLinear

Compiler = Callable[[GraphModule, list[Any]], Callable[..., Any]]


@dataclass(frozen=True, slots=True)
class KeyValue:
    """What a block that looks back in time keeps of the frames before: both R, K, L, E."""

    key: Tensor
    value: Tensor


class Attention(nn.Module):
    """Grouped-query attention with normalised, turned queries and keys."""

    def __init__(self, width: int, heads: int, kv_heads: int, *, in_time: bool) -> None:
        super().__init__()
        self.in_time = in_time
        self.heads, self.kv_heads, self.head = heads, kv_heads, width // heads
        self.mix = AdaptedLinear(width, (heads + 2 * kv_heads) * self.head)
        self.gain_PE = nn.Parameter(torch.ones(heads + kv_heads, self.head))
        self.out = AdaptedLinear(width, width)

    def forward(
        self,
        x_BTND: Tensor,
        places_LA: Tensor | None,
        *,
        domain_B: Tensor | None = None,
        past: KeyValue | None = None,
    ) -> tuple[Tensor, KeyValue]:
        """What every token heard, and the keys and values it could be heard by."""
        batch, frames, tokens, width = x_BTND.shape
        mixed = self.mix(x_BTND, domain_B).view(batch, frames, tokens, -1, self.head)
        both, value = torch.split(mixed, [self.heads + self.kv_heads, self.kv_heads], dim=3)
        both = F.rms_norm(both, (self.head,), eps=1e-6) * self.gain_PE
        if places_LA is not None:
            angles_LE = _angles(places_LA, self.head, longest=10_000 if self.in_time else 100)
            # a frame's angle is that of all its tokens and heads, a token's that of all its heads
            both = _turned(both, angles_LE[:, None, None] if self.in_time else angles_LE[:, None])
        both_RPLE, value_RKLE = self._rows(both.to(value.dtype)), self._rows(value)
        query_RHLE, key_RKLE = torch.split(both_RPLE, [self.heads, self.kv_heads], dim=1)
        if past is not None:
            key_RKLE = torch.cat([past.key, key_RKLE], dim=2)
            value_RKLE = torch.cat([past.value, value_RKLE], dim=2)
        heard_RHLE = F.scaled_dot_product_attention(
            query_RHLE,
            key_RKLE,
            value_RKLE,
            attn_mask=self._mask(query_RHLE, key_RKLE),
            is_causal=self.in_time and past is None,
            enable_gqa=self.kv_heads != self.heads,
        )
        grid = self._grid(heard_RHLE, batch).reshape(batch, frames, tokens, width)
        return self.out(grid, domain_B), KeyValue(key_RKLE, value_RKLE)

    def _mask(self, query_RHLE: Tensor, key_RKLE: Tensor) -> Tensor | None:
        """Needed only where several frames follow remembered ones."""
        asked, known = query_RHLE.shape[2], key_RKLE.shape[2]
        if not self.in_time or asked in {1, known}:
            return None
        whole = torch.ones(asked, known, dtype=torch.bool, device=query_RHLE.device)
        return whole.tril(diagonal=known - asked)

    def _rows(self, x_BTNxE: Tensor) -> Tensor:
        batch, frames, tokens, heads, head = x_BTNxE.shape
        if self.in_time:
            rows = x_BTNxE.permute(0, 2, 3, 1, 4)
            return rows.reshape(batch * tokens, heads, frames, head)
        return x_BTNxE.transpose(2, 3).reshape(batch * frames, heads, tokens, head)

    def _grid(self, x_RHLE: Tensor, batch: int) -> Tensor:
        split = x_RHLE.view(batch, -1, *x_RHLE.shape[1:])
        return split.permute(0, 3, 1, 2, 4) if self.in_time else split.transpose(2, 3)


class Block(nn.Module):
    """Attention and SwiGLU; `in_time` blocks are causal over frames, the others see one frame."""

    def __init__(self, width: int, heads: int, kv_heads: int, *, in_time: bool) -> None:
        super().__init__()
        self.in_time = in_time
        hidden = hidden_of(width)
        self.attention_norm, self.mlp_norm = nn.RMSNorm(width), nn.RMSNorm(width)
        self.attention = Attention(width, heads, kv_heads, in_time=in_time)
        self.up = AdaptedLinear(width, 2 * hidden)
        self.down = AdaptedLinear(hidden, width)

    def forward(
        self,
        x_BTND: Tensor,
        places_LA: Tensor | None = None,
        *,
        domain_B: Tensor | None = None,
        past: KeyValue | None = None,
    ) -> tuple[Tensor, KeyValue]:
        """The grid after one block; no frame hears of a later one."""
        heard, kept = self.attention(
            self.attention_norm(x_BTND), places_LA, domain_B=domain_B, past=past
        )
        x_BTND = x_BTND + heard
        gate, value = self.up(self.mlp_norm(x_BTND), domain_B).chunk(2, dim=-1)
        return x_BTND + self.down(F.silu(gate) * value, domain_B), kept


def hidden_of(width: int) -> int:
    """Width inside SwiGLU: 8/3, up to the next multiple of 8."""
    return (8 * width // 3 + 7) // 8 * 8


def compile_blocks(model: nn.Module, *, backend: str | Compiler = "inductor") -> None:
    """Compile every block where it stands: for training on CUDA, at shapes that do not change.

    A rollout wants a model that was not compiled: its caches grow with every frame.
    """
    for block in model.modules():
        if isinstance(block, Block):
            block.compile(backend=backend)


def places_in_time(first: int, frames: int, *, device: torch.device) -> Tensor:
    """Where frames `first` and on stand: T, 1."""
    return torch.arange(first, first + frames, device=device)[:, None]


def places_in_space(rows: int, columns: int, *, beside: int, device: torch.device) -> Tensor:
    """Row and column of each patch: N, 2; the `beside` tokens after them stand at 0, 0."""
    places_N = torch.arange(rows * columns, device=device)
    places_N2 = torch.stack([places_N // columns, places_N % columns], dim=1)
    return F.pad(places_N2, (0, 0, 0, beside))


def _angles(places_LA: Tensor, head: int, *, longest: float) -> Tensor:
    """The angle of each pair of channels; the pairs are shared out among the axes.

    Always in full precision: places are whole numbers, which no policy rounds.
    """
    pairs = head // 2 // places_LA.shape[1]
    steps = torch.arange(pairs, device=places_LA.device, dtype=torch.float32)
    return (places_LA[..., None] * torch.pow(longest, -steps / pairs)).flatten(1)


def _turned(x_BTNPE: Tensor, angles: Tensor) -> Tensor:
    """Each pair of channels turned by the angle of its place."""
    first, second = x_BTNPE.chunk(2, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
