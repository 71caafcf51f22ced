"""The probe reads actions where they can be read, and says nothing where they cannot."""

import numpy as np
import pytest

from training.evaluating.probe import fit, read, shares


def world(seed, *, windows=12, frames=16, hears=True):
    """Latents that move by the action times a sign that the picture itself shows."""
    drawn = np.random.default_rng(seed)
    action = drawn.normal(size=(windows, frames, 2)).astype(np.float32)
    sign = np.where(drawn.random((windows, 1, 1)) < 0.5, -1.0, 1.0)
    place = np.cumsum(action * sign if hears else drawn.normal(size=action.shape), axis=1)
    shown = np.concatenate([place, np.repeat(sign, frames, 1)], axis=2)
    eye = np.random.default_rng(7).normal(size=(3, 24))  # the same eye for all worlds
    return (shown @ eye).astype(np.float32), action, np.ones(action.shape, bool)


def score(one, latents, action, mask):
    found = shares(read(one, latents), action[:, 1:].astype(float), mask[:, 1:])
    assert found is not None
    return found.mean()


def test_actions_are_read_from_pictures_that_were_not_fitted_on():
    one = fit(*world(0))

    assert one is not None
    assert one.channels == (0, 1)
    assert score(one, *world(1)) > 0.95


def test_nothing_is_read_where_pictures_do_not_hear_the_action():
    one = fit(*world(0, hears=False, windows=40))

    assert one is not None
    assert score(one, *world(1, hears=False)) < 0.2


def test_other_actions_than_those_that_moved_the_picture_are_not_read():
    one = fit(*world(0))
    assert one is not None
    latents, action, mask = world(1)

    assert score(one, latents, action[::-1], mask) < 0


def test_a_channel_that_is_unknown_or_still_is_left_out():
    latents, action, mask = world(0)
    mask[:, :, 1] = False
    one = fit(latents, action, mask)
    assert one is not None
    assert one.channels == (0,)
    action[:, :, 0] = 0.5

    assert fit(latents, action, mask) is None
    assert fit(latents[:1, :8], *(each[:1, :8] for each in world(0)[1:])) is None


def test_shares_add_up_to_the_share_of_variance_by_hand():
    true = np.array([[[1.0], [2.0]], [[3.0], [4.0]]])  # mean 2.5, total 5
    got = np.array([[[1.5], [2.0]], [[3.0], [3.0]]])  # missed 0.25 and 1
    found = shares(got, true, np.ones(true.shape, bool))

    assert found is not None
    assert found == pytest.approx([1 - 2 * 0.25 / 5, 1 - 2 * 1 / 5])
    assert found.mean() == pytest.approx(1 - 1.25 / 5)
    assert shares(got, np.ones_like(true), np.ones(true.shape, bool)) is None
