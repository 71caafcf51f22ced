"""Rows are put in order of time a stretch at a time, as all of them would be at once."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines import ondisk
from pipelines.readers import in_time

LATE = st.lists(st.integers(-5, 5), max_size=60).map(
    lambda shifts: [3 * place + shift for place, shift in enumerate(shifts)]
)
ANY = st.lists(st.integers(-(2**62), 2**62), max_size=60)


@given(times=LATE | ANY, stretch=st.integers(1, 9))
def test_places_are_those_of_a_stable_sort(tmp_path_factory, times, stretch):
    ts_ns, folder = np.array(times, np.int64), tmp_path_factory.getbasetemp()
    expected = np.argsort(ts_ns, kind="stable")

    with patch.object(ondisk, "STRETCH", stretch), patch.object(ondisk, "MAPPED", 4):
        order = in_time.order_of(ts_ns, folder)
        if order is None:
            assert np.array_equal(expected, np.arange(len(ts_ns)))
            return
        ordered = in_time.in_order(ts_ns, order, folder)

    assert np.array_equal(order, expected)
    assert np.array_equal(ordered, ts_ns[expected])
