"""Figures of single pictures: what each formula says of pictures made for it."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.pictures import figures

SHAPE = (90, 160)


def plain(tone: int) -> np.ndarray:
    return np.full(SHAPE, tone, np.uint8)


def test_a_step_is_the_mean_difference_and_the_first_picture_has_none():
    pictures = np.stack([plain(10), plain(14), plain(4)])

    found = figures.steps(pictures, None)

    assert np.isnan(found[0])
    assert found[1:].tolist() == [4, 10]
    assert figures.steps(pictures[1:], pictures[0]).tolist() == [4, 10]


def test_noise_is_sharp_and_a_plain_picture_is_not():
    noise = np.random.default_rng(0).integers(0, 256, SHAPE, np.uint8)

    flat, sharp = figures.sharpness(np.stack([plain(80), noise]))

    assert flat == 0
    assert sharp > 10_000


def test_brightness_and_clipping_count_pixels():
    half = plain(100)
    half[:, :80] = 255

    assert figures.brightness(half[None]).tolist() == [177.5]
    assert figures.clipping(np.stack([half, plain(4), plain(5)])).tolist() == [0.5, 1, 0]


def test_bars_are_what_is_dark_at_opposite_edges():
    wide = plain(100)
    wide[:9] = wide[-9:] = 16
    window = wide.copy()
    window[:, :16] = window[:, -16:] = 16

    found = figures.bars(np.stack([plain(100), wide, window, plain(3)]))

    assert found[:3].tolist() == pytest.approx([0, 0.2, 1 - 0.8 * 0.8])
    assert np.isnan(found[3])


def test_blocks_show_where_their_borders_are_steps():
    rng = np.random.default_rng(1)
    blocks = rng.integers(0, 256, (32, 32), np.uint8).repeat(8, 0).repeat(8, 1)
    grain = rng.integers(0, 4, blocks.shape, np.uint8)

    assert figures.blockiness(blocks // 2 + grain) > 10
    assert figures.blockiness(rng.integers(0, 256, (256, 256), np.uint8)) == pytest.approx(1, 0.05)
    assert np.isnan(figures.blockiness(np.zeros((64, 64), np.uint8)))
    assert np.isnan(figures.blockiness(np.zeros((1, 1), np.uint8)))
