"""Scores against values computed by hand."""

import math

import numpy as np
import pytest
import torch

from training.evaluating.scores import CLAMP_DB, psnr, ssim


def flat(value, side=16):
    return torch.full((1, 1, side, side, 3), value, dtype=torch.float64)


@pytest.mark.parametrize(("off", "expected"), [(0.1, 20.0), (0.01, 40.0), (1.0, 0.0)])
def test_psnr_of_a_constant_error_is_twenty_times_its_logarithm(off, expected):
    assert psnr(flat(0.0), flat(off)).item() == pytest.approx(expected)


def test_psnr_of_one_wrong_pixel_in_a_hundred():
    got, true = flat(0.5, 10), flat(0.5, 10)
    got[0, 0, 3, 4] += 0.25

    assert psnr(got, true).item() == pytest.approx(-10 * math.log10(0.25**2 / 100))


def test_an_exact_frame_is_clamped_and_frames_are_scored_alone():
    true = torch.rand(2, 3, 16, 16, 3, generator=torch.Generator().manual_seed(0))
    got = true.clone()
    got[1, 2] += 0.1
    found = psnr(got, true)

    assert found.shape == (2, 3)
    assert found[1, 2].item() == pytest.approx(20.0, abs=1e-3)
    assert (found.flatten()[:-1] == CLAMP_DB).all()


def test_ssim_of_flat_pictures_is_the_term_of_light_alone():
    c1 = 0.01**2
    expected = (2 * 0.2 * 0.6 + c1) / (0.2**2 + 0.6**2 + c1)

    assert ssim(flat(0.2), flat(0.6)).item() == pytest.approx(expected)


def test_ssim_of_a_picture_as_large_as_the_window_is_the_formula_written_out():
    drawn = np.random.default_rng(3)
    x, y = drawn.random((11, 11)), drawn.random((11, 11))
    at = np.arange(11) - 5
    line = np.exp(-(at**2) / (2 * 1.5**2))
    w = np.outer(line, line) / line.sum() ** 2
    mx, my = (w * x).sum(), (w * y).sum()
    vx, vy, both = (
        (w * (x - mx) ** 2).sum(), (w * (y - my) ** 2).sum(), (w * (x - mx) * (y - my)).sum(),
    )  # fmt: skip
    c1, c2 = 0.01**2, 0.03**2
    expected = (2 * mx * my + c1) * (2 * both + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    pictures = [
        torch.from_numpy(one)[None, None, :, :, None].repeat(1, 1, 1, 1, 3) for one in (x, y)
    ]

    assert ssim(pictures[0], pictures[1]).item() == pytest.approx(expected, rel=1e-9)


def test_ssim_is_one_for_equal_pictures_falls_with_noise_and_takes_small_ones():
    drawn = torch.Generator().manual_seed(1)
    true = torch.rand(1, 4, 8, 8, 3, generator=drawn)
    noise = torch.randn(true.shape, generator=drawn)
    found = [ssim(true + strength * noise, true).mean().item() for strength in (0, 0.05, 0.5)]

    assert found[0] == pytest.approx(1.0, abs=1e-6)
    assert found[0] > found[1] > found[2]
