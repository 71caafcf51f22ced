"""Pre-norm attention blocks over a grid of frames and tokens: inside a frame, or back in time.

Every linear layer sees the whole grid, so that a domain's adapter can change the windows of its
domain and no others. Queries and keys are one tensor until they meet: one projection, one norm, one
turn.

Shapes: B batch, T frames, N tokens a frame, D width, H heads, K key-value heads, P = H + K,
E width of a head, R rows of one attention, L positions of a row.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from training.model.linear import AdaptedLinear


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
        turn: Tensor | None,
        *,
        domain_B: Tensor | None = None,
        past: KeyValue | None = None,
    ) -> tuple[Tensor, KeyValue]:
        """What every token heard, and the keys and values it could be heard by."""
        batch, frames, tokens, width = x_BTND.shape
        mixed = self.mix(x_BTND, domain_B).view(batch, frames, tokens, -1, self.head)
        both, value = torch.split(mixed, [self.heads + self.kv_heads, self.kv_heads], dim=3)
        both = F.rms_norm(both, (self.head,), eps=1e-6) * self.gain_PE
        if turn is not None:
            both = _turned(both, turn)
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
            is_causal=self.in_time and past is None and frames > 1,
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
        hidden = (8 * width // 3 + 7) // 8 * 8
        self.attention_norm, self.mlp_norm = nn.RMSNorm(width), nn.RMSNorm(width)
        self.attention = Attention(width, heads, kv_heads, in_time=in_time)
        self.up = AdaptedLinear(width, 2 * hidden)
        self.down = AdaptedLinear(hidden, width)

    def forward(
        self,
        x_BTND: Tensor,
        turn: Tensor | None = None,
        *,
        domain_B: Tensor | None = None,
        past: KeyValue | None = None,
    ) -> tuple[Tensor, KeyValue]:
        """The grid after one block; no frame hears of a later one."""
        heard, kept = self.attention(
            self.attention_norm(x_BTND), turn, domain_B=domain_B, past=past
        )
        x_BTND = x_BTND + heard
        gate, value = self.up(self.mlp_norm(x_BTND), domain_B).chunk(2, dim=-1)
        return x_BTND + self.down(F.silu(gate) * value, domain_B), kept


def turn_in_time(first: int, frames: int, *, head: int, device: torch.device) -> Tensor:
    """Cosine and sine of frames `first` and on, to broadcast over B, T, N, P, E / 2."""
    places_T = torch.arange(first, first + frames, device=device, dtype=torch.float32)
    return _turn(places_T[:, None] * _rates(head // 2, 10_000, device))[:, :, None, None]


def turn_in_space(
    shape: tuple[int, int], beside: int, *, head: int, device: torch.device
) -> Tensor:
    """Cosine and sine over the grid of patches: half of the pairs by row, half by column.

    The `beside` tokens after the patches stand nowhere and do not turn. Broadcasts over
    B, T, N, P, E / 2.
    """
    rows, columns = shape
    places_N = torch.arange(rows * columns, device=device)
    rates = _rates(head // 4, 100, device)
    down, right = places_N // columns, places_N % columns
    angles = torch.cat([down[:, None] * rates, right[:, None] * rates], dim=1)
    return _turn(F.pad(angles, (0, 0, 0, beside)))[:, :, None]


def _rates(pairs: int, longest: float, device: torch.device) -> Tensor:
    steps = torch.arange(pairs, device=device, dtype=torch.float32)
    return torch.pow(longest, -steps / pairs)


def _turn(angles: Tensor) -> Tensor:
    return torch.stack([angles.cos(), angles.sin()])


def _turned(x_BTNPE: Tensor, turn: Tensor) -> Tensor:
    """Each pair of channels turned by the angle of its place."""
    first, second = x_BTNPE.chunk(2, dim=-1)
    cos, sin = turn
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)
