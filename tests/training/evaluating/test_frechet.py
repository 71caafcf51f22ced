"""The distance of Gaussians against its closed form."""

import numpy as np
import pytest

from training.evaluating.frechet import between, features, frechet


def gaussian(mean, *spreads):
    return np.array(mean, float), np.diag([one**2 for one in spreads])


def test_gaussians_with_their_axes_alone_differ_by_means_and_spreads():
    first, second = gaussian([0, 0], 1.0, 2.0), gaussian([3, 4], 1.5, 0.5)

    assert between(first, second) == pytest.approx(25 + 0.5**2 + 1.5**2)
    assert between(first, first) == pytest.approx(0, abs=1e-9)
    assert between(first, second) == pytest.approx(between(second, first))


def test_a_turn_of_the_axes_changes_nothing_and_commuting_is_not_assumed():
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    spread, other = np.diag([4.0, 1.0]), turn @ np.diag([4.0, 1.0]) @ turn.T
    zero = np.zeros(2)

    # of 2 x 2: tr sqrt(AB) = sqrt(tr(AB) + 2 sqrt(det A det B))
    shared = np.sqrt(np.trace(spread @ other) + 2 * 4.0)
    assert between((zero, spread), (zero, other)) == pytest.approx(10 - 2 * shared)
    turned = (zero, turn @ spread @ turn.T), (zero, turn @ other @ turn.T)
    assert between(*turned) == pytest.approx(between((zero, spread), (zero, other)))


def test_clouds_of_points_come_near_the_gaussians_they_were_drawn_from():
    drawn = np.random.default_rng(0)
    first = drawn.normal([0, 0, 0], [1, 1, 1], (20_000, 3))
    second = drawn.normal([1, 0, 0], [1, 2, 1], (20_000, 3))

    assert frechet(first, second) == pytest.approx(2.0, rel=0.05)
    assert frechet(first[:3], first[:3]) == pytest.approx(0, abs=1e-9)  # fewer points than axes


def test_features_are_the_mean_token_and_how_much_it_moves():
    z = np.zeros((1, 3, 2, 1), np.float32)
    z[0, 1] = [[1.0], [3.0]]
    found = features(z)

    assert found.tolist() == [[2.0, 2.0], [0.0, 2.0]]
