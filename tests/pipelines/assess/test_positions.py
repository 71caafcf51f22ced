"""Jerk: zero for what moves evenly, the third derivative for what does not."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.assess.positions import is_position, jerk

MS10 = 10_000_000


def moved(function, seconds=4.0):
    ts_ns = np.arange(int(seconds * 100), dtype=np.int64) * MS10
    return ts_ns, np.stack([function(ts_ns / 1e9), np.zeros(len(ts_ns))], axis=1)


def test_even_motion_has_no_jerk_and_a_sine_has_its_third_derivative():
    ts_ns, line = moved(lambda t: 3 * t + 1)
    _, sine = moved(lambda t: np.sin(2 * t))

    assert jerk(ts_ns, line, (0, 4 * 10**9)) == pytest.approx(0, abs=1e-6)
    assert jerk(ts_ns, sine, (0, 4 * 10**9)) == pytest.approx(8 / np.sqrt(2), rel=0.05)


def test_a_hole_has_no_third_difference():
    ts_ns, line = moved(lambda t: np.floor(t / 2) * 100)
    inside = (ts_ns < 1_500_000_000) | (ts_ns >= 2_500_000_000)

    assert jerk(ts_ns[inside], line[inside], (0, 4 * 10**9)) == pytest.approx(0, abs=1e-6)


def test_too_few_rows_or_unknown_values_give_nothing():
    ts_ns, line = moved(lambda t: t)

    assert jerk(ts_ns[:3], line[:3], (0, 10**9)) is None
    assert jerk(ts_ns, line * np.nan, (0, 10**9)) is None
    assert jerk(ts_ns, line[:, :0], (0, 10**9)) is None


@pytest.mark.parametrize(
    "name", ["position.0", "state.pos.x", "qpos.3", "joint_1", "/joint_states.position.2", "angle"]
)
def test_names_of_positions(name):
    assert is_position(name)


@pytest.mark.parametrize(
    "name", ["effort.0", "exposure", "/joint_states.velocity.2", "linear.x", "index"]
)
def test_names_of_other_things(name):
    assert not is_position(name)
