"""Pixels to a grid of continuous tokens and back: a patch autoencoder without convolutions.

A linear stem over whole patches and a few blocks inside one frame; a tanh keeps the latents in
[-1, 1]. Trained first, then frozen, so that the dynamics learn on latents that stand still.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.config import ModelConfig
from training.model.blocks import Block


class Tokenizer(nn.Module):
    """Frames of one size to N tokens of C channels and back."""

    def __init__(self, height: int, width: int, sizes: ModelConfig) -> None:
        super().__init__()
        self.patch, self.rows, self.columns = (
            sizes.patch,
            height // sizes.patch,
            width // sizes.patch,
        )
        pixels, inner = 3 * sizes.patch**2, sizes.tokenizer_width
        self.stem = nn.Linear(pixels, inner)
        self.place_in = nn.Parameter(torch.zeros(self.num_tokens, inner))
        self.place_out = nn.Parameter(torch.zeros(self.num_tokens, inner))
        self.encoder = _Stack(inner, sizes)
        self.narrow = nn.Linear(inner, sizes.latent)
        self.widen = nn.Linear(sizes.latent, inner)
        self.decoder = _Stack(inner, sizes)
        self.paint = nn.Linear(inner, pixels)

    @property
    def num_tokens(self) -> int:
        """Tokens a frame."""
        return self.rows * self.columns

    def encode(self, frames_BTHWC: Tensor) -> Tensor:
        """Latents z_BTNC in [-1, 1] of frames in [0, 1]."""
        batch, frames, height, width, _ = frames_BTHWC.shape
        side = self.patch
        cut = frames_BTHWC.reshape(batch, frames, height // side, side, width // side, side, 3)
        patches = cut.permute(0, 1, 2, 4, 3, 5, 6).reshape(batch, frames, self.num_tokens, -1)
        z_BTNC: Tensor = torch.tanh(
            self.narrow(self.encoder(self.stem(2 * patches - 1) + self.place_in))
        )
        return z_BTNC

    def decode(self, z_BTNC: Tensor) -> Tensor:
        """Frames near [0, 1] of latents."""
        batch, frames, _, _ = z_BTNC.shape
        side = self.patch
        patches = self.paint(self.decoder(self.widen(z_BTNC) + self.place_out))
        cut = patches.view(batch, frames, self.rows, self.columns, side, side, 3)
        whole = cut.permute(0, 1, 2, 4, 3, 5, 6)
        size = (batch, frames, self.rows * side, self.columns * side, 3)
        frames_BTHWC: Tensor = (whole.reshape(size) + 1) / 2
        return frames_BTHWC

    def forward(self, frames_BTHWC: Tensor) -> Tensor:
        """Frames as the bottleneck lets them through."""
        return self.decode(self.encode(frames_BTHWC))


class _Stack(nn.ModuleList):
    """Blocks inside one frame; places are learned, so nothing is turned."""

    def __init__(self, width: int, sizes: ModelConfig) -> None:
        super().__init__(
            Block(width, sizes.heads, sizes.kv_heads, in_time=False)
            for _ in range(sizes.tokenizer_depth)
        )

    def forward(self, x_BTND: Tensor) -> Tensor:
        """The grid after all blocks."""
        for block in self:
            x_BTND, _ = block(x_BTND)
        return x_BTND
