"""Times are kept as they were written, few or many, and say the same in either way."""

from __future__ import annotations

from decimal import Decimal
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.readers import written_times
from pipelines.readers.row_text import Written
from pipelines.readers.units import UNITS
from pipelines.readers.written_times import Times

USUAL = st.decimals(-(10**8), 10**8, places=6) | st.integers(-(2**30), 2**30).map(Decimal)
FINE = st.decimals(-(10**5), 10**5, places=21)


@given(
    st.lists(USUAL, min_size=1) | st.lists(USUAL | FINE, min_size=1), st.sampled_from(sorted(UNITS))
)
def test_all_of_them_say_what_each_says(tmp_path_factory, known, unit):
    with patch.object(written_times, "HELD", 3):
        for folder in (None, tmp_path_factory.getbasetemp()):
            times = Times(known, folder=folder)

            assert list(times) == known
            assert times[-1] == known[-1]
            assert (times.least, times.most) == (min(known), max(known))
            assert times.is_whole == all(one == one.to_integral_value() for one in known)
            in_ns = np.concatenate(list(times.scaled(UNITS[unit]))).tolist()
            assert in_ns == [int(one * UNITS[unit]) for one in known]
            since = times.since_first(5)
            assert since == pytest.approx([float(one - known[0]) for one in known[:5]])


@pytest.mark.parametrize(
    "cells",
    [
        [1, 2, 3],
        [Written("0.5"), Written("-0.25"), Written("12.125")],
        [Written("1.0"), Written("2.00")],
        [Written("-0.5"), Written("0.5")],
    ],
)
def test_plain_cells_are_taken_at_once(cells, tmp_path):
    times = Times([Decimal("7.5")], folder=tmp_path)

    assert times.extend(cells)

    assert list(times) == [Decimal("7.5"), *(Decimal(getattr(one, "text", one)) for one in cells)]


@pytest.mark.parametrize(
    "cells",
    [
        [Written("1e3")],
        [Written(" 1.5")],
        [Written("1.")],
        [1, Written("1.5")],
        [True],
        ["1.5"],
        [None],
        [2**63],
        [Written("1." + "0" * 30)],
    ],
)
def test_other_cells_are_not_taken_at_all(cells):
    times = Times([Decimal(7)])

    assert not times.extend([*cells])

    assert list(times) == [Decimal(7)]
