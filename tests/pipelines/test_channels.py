"""Numbers on the frame clock with their masks, columns by pattern, splits by group."""

from __future__ import annotations

import numpy as np

from pipelines.export.channels import VectorTrack, choose_columns, frame_clock, resample
from pipelines.export.splits import choose_salt, split_of

SECOND = 1_000_000_000


def test_splits_are_drawn_from_the_group_alone():
    groups = {f"episode-{number}": 10 for number in range(40)}
    salt = choose_salt("demo", groups)
    drawn = [split_of(one, salt) for one in groups]
    assert drawn == [split_of(one, salt) for one in groups]
    assert drawn.count("train") >= 20
    assert {"train", "val", "test"} == set(drawn)


def test_one_group_trains():
    assert split_of("only", choose_salt("demo", {"only": 3})) == "train"


def test_patterns_choose_columns_and_an_action_is_no_state():
    pairs = [("pad", "key_a"), ("pad", "pos.x"), ("imu", "pos.x"), ("pad", "other")]
    config = {"action": ["key_*"], "state": ["pad.pos.*", "key_a"]}
    columns = choose_columns(pairs, config)
    assert columns.action == (("pad", "key_a"),)
    assert columns.state == (("pad", "pos.x"),)


def track(times_ms, values):
    return VectorTrack(
        name="pad",
        channels=("x",),
        ts_ns=np.array(times_ms, dtype=np.int64) * 1_000_000,
        values=np.array(values, dtype=np.float64).reshape(-1, 1),
    )


def test_values_are_the_latest_before_and_masked_where_there_is_none():
    frames = frame_clock(0, SECOND, 10)
    assert len(frames) == 10
    vectors = {"pad": track([150, 250, 350, 450], [1, 2, np.nan, 4])}
    values, valid = resample([("pad", "x"), ("pad", "missing")], vectors, frames)
    assert values[:, 0].tolist() == [0, 0, 1, 2, 0, 4, 4, 4, 0, 0]
    assert valid[:, 0].tolist() == [False] * 2 + [True] * 2 + [False] + [True] * 3 + [False] * 2
    assert not valid[:, 1].any()


def test_frame_clock_is_half_open_and_never_empty():
    assert frame_clock(0, 200_000_000, 10).tolist() == [0, 100_000_000]
    assert frame_clock(5, 6, 10).tolist() == [5]
    assert frame_clock(0, SECOND, 30)[-1] == 29 * SECOND // 30
