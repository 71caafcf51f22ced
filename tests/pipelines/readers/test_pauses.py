"""Hours without any entry are gaps: nobody cuts clips of them."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.readers.pauses import PAUSE_NS, pauses
from pipelines.records import Clock, Stream
from tests.pipelines.readers.recordings import EPOCH_NS, lines, read_all

S = 10**9
CLOCK = Clock(kind="stamp", epoch="start")


def stream(*times: int) -> Stream:
    return Stream(
        name="a", kind="event", clock=CLOCK, ts_ns=np.array(times, np.int64), file_id="f",
        events=("{}",) * len(times), num_messages=len(times),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((0, S, 2 * S), []),
        ((0, S, PAUSE_NS), []),
        ((0, S, 2 * S, 9 * PAUSE_NS, 9 * PAUSE_NS + S), [(3 * S, 9 * PAUSE_NS)]),
        ((), []),
    ],
)
def test_a_gap_is_over_an_hour_long(times, expected):
    assert [gap for gap in pauses([stream(*times)]) if gap[0] < max(times)] == expected


def test_what_one_stream_fills_is_no_gap():
    sparse, dense = stream(0, 2 * PAUSE_NS), stream(*range(0, 5 * PAUSE_NS, PAUSE_NS // 2))

    assert pauses([sparse, dense]) == []


def test_some_wrong_times_open_a_gap_of_years_and_none_of_their_rows_is_lost(tmp_path):
    rows = [{"t_ns": EPOCH_NS + number * S, "x": number} for number in range(100)]
    for row in rows[50:60]:
        row["t_ns"] += 9 * 365 * 86_400 * S
    lines(tmp_path / "in/a.jsonl", rows)

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.jsonl"].num_messages == 100
    inside = episode.end_ns - episode.start_ns - sum(high - low for low, high in episode.gaps)
    assert inside < 200 * S
