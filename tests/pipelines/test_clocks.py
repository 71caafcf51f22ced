"""Clocks: which times are believed, and joining by them."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import clocks
from pipelines.clocks import (
    ages,
    as_of,
    choose_clock,
    drift_ppm,
    lone_jump,
    overlap_ns,
    skew_figures,
)

T0 = 1_767_225_600_000_000_000
INSTANTS = st.lists(st.integers(-(10**6), 10**6), max_size=40)


def ticks(count: int, *, late: int = 0, step: int = 10**7) -> Any:
    return T0 + late + np.arange(count, dtype=np.int64) * step


def test_the_stamp_is_believed_first():
    chosen = choose_clock({"stamp": ticks(9), "publish": ticks(9, late=1), "log": ticks(9, late=2)})

    assert (chosen.clock.kind, chosen.clock.epoch) == ("stamp", "unix")
    assert chosen.clock.skew["log_late_p99_ns"] == 2


@pytest.mark.parametrize(
    ("stamp", "why"),
    [
        (np.zeros(9, np.int64), "is zero"),
        (np.full(9, T0), "is constant"),
        (ticks(9) - 2 * 86_400 * 10**9, "lies a day outside"),
        (ticks(9) * (np.arange(9) != 3), "is zero in some messages"),
    ],
)
def test_an_implausible_stamp_falls_through_and_says_why(stamp, why):
    chosen = choose_clock({"stamp": stamp, "publish": ticks(9, late=1), "log": ticks(9, late=2)})

    assert chosen.clock.kind == "publish"
    assert f"stamp {why}" in chosen.clock.how


def test_the_log_time_is_the_last_resort_and_is_named():
    chosen = choose_clock({"stamp": None, "publish": np.zeros(9, np.int64), "log": ticks(9)})

    assert (chosen.clock.kind, chosen.clock.how) == (
        "log",
        "log time of each message; publish is zero",
    )


def test_no_times_give_no_clock():
    assert choose_clock({"log": None}).clock.kind == "synthesised"


@given(
    ts=INSTANTS, frames=INSTANTS, max_age=st.integers(0, 10**6), run=st.sampled_from([1, 3, 4_096])
)
def test_as_of_equals_a_naive_loop(ts, frames, max_age, run):
    ordered = np.array(sorted(ts), np.int64)

    with patch.object(clocks, "RUN", run):
        index, valid = as_of(ordered, np.array(sorted(frames), np.int64), max_age)

    for frame, found, is_valid in zip(sorted(frames), index, valid, strict=True):
        earlier = [place for place, time in enumerate(sorted(ts)) if time <= frame]
        young = bool(earlier) and frame - sorted(ts)[earlier[-1]] <= max_age
        assert is_valid == young
        if young:
            assert found == earlier[-1]


def test_a_camera_that_is_logged_late_joins_by_stamp_and_not_by_log():
    joints, camera = ticks(100), ticks(10, step=10**8)
    by_log, _ = as_of(joints + 3_000_000, camera + 40_000_000, 10**9)
    by_stamp, valid = as_of(joints, camera, 10**9)

    assert np.median(np.abs(joints[by_stamp] - camera)) == 0
    assert np.median(np.abs(joints[by_log] - camera)) >= 30_000_000
    assert valid.all()


def test_ages_leave_out_pictures_before_the_first_row():
    assert ages(np.array([10, 20]), np.array([5, 12, 25])).tolist() == [2, 5]
    assert ages(np.array([], np.int64), np.array([5])).tolist() == []


def test_the_figures_name_gaps_doubles_and_steps_back():
    figures = skew_figures(np.array([0, 10, 20, 20, 15, 60], np.int64))

    assert (figures["doubles"], figures["backward"], figures["largest_gap_ns"]) == (1, 1, 45)
    assert figures["rate_hz"] == 1e8


def test_drift_is_the_slope_of_lateness():
    ts = ticks(100)
    log = ts + (np.arange(100) * 1_000).astype(np.int64)  # 1 microsecond late more every 10 ms

    assert drift_ppm(ts, log) == pytest.approx(100)
    assert drift_ppm(ts[:2], log[:2]) == 0


def test_overlap_is_what_all_spans_share():
    assert overlap_ns([(0, 10), (5, 20)]) == 5
    assert overlap_ns([(0, 5), (7, 9)]) == 0
    assert overlap_ns([]) == 0


HOUR_NS = 3_600 * 10**9


def at_100_hz(count=200, start=0):
    return np.arange(count, dtype=np.int64) * 10**7 + start


def with_time(row, time_ns, start=0):
    times = at_100_hz(start=start)
    times[row] += time_ns
    return times


@pytest.mark.parametrize("start", [0, 17 * 10**17])
@pytest.mark.parametrize("row", [0, 1, 77, 198])
def test_one_time_that_jumps_away_and_back_is_found(row, start):
    times = with_time(row, 2 * HOUR_NS, start)

    assert lone_jump(times) == row
    assert skew_figures(times)["jump_row"] == row + 1


@pytest.mark.parametrize("row", [1, 50, 198, 199])
def test_one_time_that_jumps_back_is_found(row):
    times = with_time(row, -2 * HOUR_NS, 17 * 10**17)

    assert lone_jump(times) == row


@pytest.mark.parametrize(
    "times",
    [
        at_100_hz(),
        at_100_hz(4),
        np.concatenate([at_100_hz(), at_100_hz(start=5 * HOUR_NS)]),  # a pause
        with_time(199, 5 * HOUR_NS),  # a pause before the last
        with_time(77, HOUR_NS // 2),
        np.arange(50, dtype=np.int64) * 24 * HOUR_NS,  # a day apart, as always
        np.where(np.arange(200) % 2, at_100_hz(), at_100_hz(start=9 * HOUR_NS)),  # two in turn
        with_time(slice(100, 110), 2 * HOUR_NS),
    ],
    ids=["even", "few", "pause", "last", "near", "days", "in turn", "ten"],
)
def test_a_pause_is_no_jump(times):
    assert lone_jump(times) == -1
    assert "jump_row" not in skew_figures(times)


def test_a_stamp_that_jumps_falls_through():
    chosen = choose_clock(
        {"stamp": with_time(9, 3 * HOUR_NS, 10**18), "log": at_100_hz(start=10**18)}
    )

    assert chosen.clock.kind == "log"
    assert "stamp jumps away and back at message 10" in chosen.clock.how
