"""How near pictures are to pictures: one number a frame, in dB or as structural similarity.

B windows, T frames, H rows, W columns, C colours; values are in [0, 1].
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

CLAMP_DB: Final = 60.0  # a copied frame can be exact: infinity
_SIDE, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2  # the constants of the index for a range of 1


def psnr(got_BTHWC: Tensor, true_BTHWC: Tensor) -> Tensor:
    """Peak signal to noise of each frame, in dB, at most CLAMP_DB; 0 where a pixel is no number."""
    error_BT = (got_BTHWC - true_BTHWC).square().flatten(2).mean(2).nan_to_num(1.0)
    return (-10 * error_BT.clamp_min(1e-12).log10()).clamp_max(CLAMP_DB)


def ssim(got_BTHWC: Tensor, true_BTHWC: Tensor) -> Tensor:
    """Structural similarity of each frame: Gaussian window of 11, its sigma 1.5, colours averaged.

    Only places where the whole window fits count; a picture smaller than it gets a smaller one.
    A frame with a pixel that is no number is 0 alike.
    """
    batch, frames, height, width, colours = got_BTHWC.shape
    side = min(_SIDE, height, width)
    line = _gaussian(side, got_BTHWC)
    planes = [
        one.permute(0, 1, 4, 2, 3).reshape(batch * frames * colours, height, width)
        for one in (got_BTHWC, true_BTHWC)
    ]
    got, true = planes
    means = [_blurred(one, line) for one in (got, true)]
    squares = [
        _blurred(one * other, line) for one, other in ((got, got), (true, true), (got, true))
    ]
    spread_got = squares[0] - means[0].square()
    spread_true = squares[1] - means[1].square()
    shared = squares[2] - means[0] * means[1]
    light = (2 * means[0] * means[1] + _C1) / (means[0].square() + means[1].square() + _C1)
    shape = (2 * shared + _C2) / (spread_got + spread_true + _C2)
    return (light * shape).view(batch, frames, -1).mean(2).nan_to_num(0.0)


def _gaussian(side: int, like: Tensor) -> Tensor:
    at = torch.arange(side, device=like.device, dtype=like.dtype) - (side - 1) / 2
    line = (-at.square() / (2 * _SIGMA**2)).exp()
    return line / line.sum()


def _blurred(planes: Tensor, line: Tensor) -> Tensor:
    """The mean under the window at every place: two products of matrices, as it is separable."""
    height, width = planes.shape[-2:]
    return _band(height, line) @ planes @ _band(width, line).mT


def _band(size: int, line: Tensor) -> Tensor:
    """One row a place of the window on a line of `size` pixels."""
    rows = size - len(line) + 1
    whole = line.new_zeros(rows, size)
    for at in range(rows):
        whole[at, at : at + len(line)] = line
    return whole
