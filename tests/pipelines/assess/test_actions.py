"""Actions: entropy, activity, idle and stuck shares, and the lag of the pictures."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.assess.actions import acting_of, action_measures, lag_ms, whole_of
from pipelines.assess.numbers import OnClock, Recorded

MS50 = 50_000_000
ALL = (0, 2**62)


def acting(*channels, steps=None, valid=None):
    values = np.stack([np.asarray(one, np.float64) for one in channels], axis=1)
    valid = np.ones(values.shape, np.bool_) if valid is None else valid
    return acted(np.where(valid, values, np.nan), steps)


def acted(known, steps=None):
    """What acts in all rows of an episode that has these."""
    acts = OnClock(
        recorded=Recorded(uri="", episode_id="", times={}),
        channels=tuple(("pad", str(number)) for number in range(known.shape[1])),
        clock=np.arange(len(known), dtype=np.int64) * MS50,
        values=known,
    )
    return acting_of(acts, whole_of(acts, steps), (0, len(known)))


def test_a_held_key_is_an_action_and_a_held_setpoint_is_none():
    key = action_measures(acting([0, 1, 1, 0]), ALL)
    setpoint = action_measures(acting([5, 6, 6, 5]), ALL)

    assert (key["idle"], key["activity"]) == (0.5, 0.5)
    assert (setpoint["idle"], setpoint["activity"]) == (0.5, 0.5)
    assert acting([0, 1, 1, 0]).is_idle.tolist() == [True, False, False, True]
    assert acting([5, 6, 6, 5]).is_idle.tolist() == [True, False, True, False]


def test_two_equally_frequent_keys_are_one_bit():
    found = action_measures(acting([0, 1] * 8, [0] * 16), ALL)

    assert found["action_entropy"] == pytest.approx(1)


def test_an_action_that_never_varies_has_no_entropy():
    assert action_measures(acting([0] * 8), ALL)["action_entropy"] is None
    assert action_measures(acting([0, 1] + [0] * 8), (5 * MS50, 9 * MS50))["action_entropy"] == 0


def test_stuck_is_action_before_a_picture_that_stands_still():
    steps = np.array([np.nan, 9, 0.1, 0.1])

    found = action_measures(acting([0, 1, 1, 0], steps=steps), ALL, steps=steps)

    assert found["stuck"] == 0.25


def test_what_is_not_known_is_no_action():
    valid = np.array([[True], [False], [False], [True]])

    found = acting([0, 1, 1, 0], valid=valid)

    assert found.is_idle.all()
    assert not found.changes.any()


def test_pictures_that_follow_the_action_late_have_a_lag():
    rng = np.random.default_rng(0)
    held = np.repeat(rng.integers(0, 2, 40), 10).astype(np.float64)
    ts_ns = np.arange(len(held), dtype=np.int64) * MS50
    late = np.concatenate([np.zeros(4), held[:-4]]) * 8

    assert lag_ms(ts_ns, held, late) == pytest.approx(200)
    assert lag_ms(ts_ns, late, held) == pytest.approx(-200)
    assert lag_ms(ts_ns, held, rng.normal(size=len(held))) is None
    assert lag_ms(ts_ns, held * 0, late) is None
    assert lag_ms(ts_ns[:50], held[:50], late[:50]) is None


def test_no_row_and_no_channel_give_nothing():
    none = acted(np.zeros((3, 0)))

    assert action_measures(none, (4 * MS50, 5 * MS50)) == {}
    assert none.is_idle.all()
