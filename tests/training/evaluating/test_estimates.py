"""Means and intervals: by clips, and the same each time."""

import numpy as np
import pytest

from training.evaluating.estimates import estimate


def test_the_mean_is_over_windows_and_the_interval_holds_it():
    values = np.arange(12.0).reshape(6, 2)
    found = estimate(values, list("abcdef"), seed=0)

    assert found.mean == (5.0, 6.0)
    assert all(
        low < mean < high for low, mean, high in zip(found.low, found.mean, found.high, strict=True)
    )
    assert found == estimate(values, list("abcdef"), seed=0)
    assert found != estimate(values, list("abcdef"), seed=1)


def test_many_windows_of_one_clip_are_one_witness():
    alone = estimate(np.arange(8.0)[:, None], ["a"] * 8, seed=0)
    together = estimate(np.arange(8.0)[:, None], list("aaaabbbb"), seed=0)

    assert alone.low == alone.mean == alone.high == (3.5,)
    assert (together.low, together.high) == ((1.5,), (5.5,))


def test_the_interval_of_many_clips_is_near_the_one_of_theory():
    values = np.random.default_rng(0).normal(size=(400, 1))
    found = estimate(values, [str(one) for one in range(400)], seed=0)

    half = 1.96 * values.std() / 20
    assert found.high[0] - found.mean[0] == pytest.approx(half, rel=0.15)
    assert found.mean[0] - found.low[0] == pytest.approx(half, rel=0.15)
