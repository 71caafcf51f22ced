"""Where times start anew, and where rows are no more than late."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.readers.restarts import restarts
from tests.pipelines.readers.recordings import lines, read_all

MS = 10**6


def run(first, last, step=10):
    return np.arange(first, last, step, dtype=np.int64) * MS


def joined(*runs):
    return np.concatenate(runs)


@pytest.mark.parametrize(
    ("runs", "row", "count"),
    [
        ([run(0, 5_000, 100)] * 3, 50, 2),
        ([run(0, 500), run(0, 60_000), run(0, 500)], 50, 2),
        ([run(500_000, 560_000), run(20, 9_000)], 6_000, 1),  # since boot, and booted again
        ([np.repeat(run(0, 900), 8)] * 2, 720, 1),  # eight rows a tick
        ([run(86_000_000, 86_400_000, 1_000), run(0, 90_000, 1_000)], 400, 1),  # midnight
    ],
)
def test_a_run_that_begins_at_the_first_time_starts_anew(runs, row, count):
    found = restarts(joined(*runs))

    assert found is not None
    assert (found.row, found.count) == (row, count)
    assert (found.from_ns, found.to_ns) == (int(runs[0][-1]), int(runs[1][0]))


@pytest.mark.parametrize(
    "times",
    [
        run(0, 9_000),
        run(0, 9_000)[::-1],  # the newest first
        joined(run(0, 2_000), run(1_000, 1_010), run(2_000, 9_000)),  # one row late
        joined(run(0, 9_000), run(0, 40)),  # some of the first rows once more
        joined(run(0, 9_000), np.zeros(30, np.int64)),  # rows that have no time
        joined(*(run(n, n + 500) for n in range(0, 9_000, 500) for _ in "ab")),  # in turn
        joined(run(0, 1_000), run(9**9, 9**9 + 10), run(1_000, 5_000)),  # one time is wrong
        joined(run(0, 5_000), run(0, 5_000)) + 10**18,  # dates: two recorders, one after the other
    ],
    ids=["in order", "backward", "one late", "few", "still", "in turn", "wrong", "dates"],
)
def test_rows_that_are_late_start_nothing_anew(times):
    assert restarts(times) is None


@given(
    late=st.lists(st.integers(0, 9), min_size=20, max_size=200),
    rate=st.integers(1, 1_000),
)
def test_rows_that_are_late_by_a_few_steps_are_no_restart(late, rate):
    written = sorted(range(len(late)), key=lambda number: (number + late[number], number))
    times = np.array(written, np.int64) * (10**9 // rate)

    assert restarts(times) is None


@pytest.mark.parametrize("unit", ["t_s", "t_ns"])
def test_a_log_of_several_runs_is_no_clock(unit, tmp_path):
    step = 0.1 if unit == "t_s" else 10**8
    rows = [{unit: n * step, "run": one, "x": n} for one in range(3) for n in range(50)]
    lines(tmp_path / "in/a.jsonl", rows)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    line = files["a.jsonl"]
    assert (line.reason, line.num_messages, episodes) == ("CLOCK_BROKEN", 150, [])
    told = {key: line.evidence[key] for key in ("row", "from_ns", "to_ns", "restarts")}
    assert told == {"row": 51, "from_ns": 4_900_000_000, "to_ns": 0, "restarts": 2}


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_a_log_of_which_one_time_jumps_is_refused(tmp_path, name):
    rows = [{"t_s": number / 10 + 411 * 86_400 * (number == 30), "x": 1} for number in range(100)]
    text = "t_s,x\n" + "".join(f"{row['t_s']},{row['x']}\n" for row in rows)
    lines(tmp_path / "in/a.jsonl", rows)
    (tmp_path / "in/a.csv").write_text(text)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files[name].reason == "CLOCK_BROKEN"
    assert files[name].evidence["row"] == 31
    assert files[name].num_messages == 100


def test_a_log_with_a_pause_is_taken(tmp_path):
    lines(tmp_path / "in/a.jsonl", [{"t_s": n / 10 + 9_000 * (n > 50)} for n in range(100)])

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.jsonl"].status == "ingested"
    assert len(episode.gaps) == 1
