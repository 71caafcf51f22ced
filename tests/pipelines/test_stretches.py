"""What is told of many times a stretch at a time is what is told of all of them."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines import ondisk
from pipelines.clocks import forward_step_ns, skew_figures, some_steps
from pipelines.ondisk import Filled, laid_down, let_go, stretches
from pipelines.readers.pauses import PAUSE_NS, pauses
from pipelines.readers.restarts import restarts
from pipelines.readers.units import unwrapped
from pipelines.records import Clock, Stream

RUNS = st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=30), min_size=1, max_size=4)


def told(ts_ns, folder):
    """Say all that is said of times."""
    stream = Stream(
        name="s",
        kind="event",
        clock=Clock(kind="stamp", epoch="start"),
        ts_ns=np.sort(ts_ns) * PAUSE_NS // 4,
        file_id="f",
    )
    ticks, bits, turns = unwrapped(ts_ns % (1 << 16), folder)
    figures = skew_figures(ts_ns)
    return figures, pauses([stream]), restarts(ts_ns), ticks.tolist(), bits, turns


@given(runs=RUNS, stretch=st.integers(1, 7), base=st.sampled_from([0, 65_400]))
def test_stretches_tell_what_the_whole_tells(tmp_path_factory, runs, stretch, base):
    ts_ns = np.concatenate([base + np.cumsum(run) for run in runs]).astype(np.int64)
    folder = tmp_path_factory.getbasetemp()
    whole = told(ts_ns, folder)

    with patch.object(ondisk, "STRETCH", stretch), patch.object(ondisk, "MAPPED", 5):
        assert told(laid_down([ts_ns], len(ts_ns), folder), folder) == whole


def test_the_usual_step_is_the_median_of_the_steps_forward():
    assert forward_step_ns(np.array([0, 3, 3, 1, 8, 20])) == 7.0
    assert some_steps(np.array([5])).tolist() == []


def test_an_array_in_a_file_is_read_again_after_it_was_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(ondisk, "MAPPED", 3)
    numbers = np.arange(10_000, dtype=np.int64)
    laid = laid_down(stretches(numbers), len(numbers), tmp_path)
    filled = Filled(len(numbers), tmp_path)
    for low in (5_000, 0):
        filled.put(numbers[low : low + 5_000], low)

    for array in (laid, filled.whole()):
        part = array[20:30]
        let_go(array)
        assert part.tolist() == list(range(20, 30))
        assert np.array_equal(array, numbers)
        assert not array.flags.writeable
    assert list(tmp_path.iterdir()) == []
