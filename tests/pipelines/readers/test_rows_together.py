"""Rows of one kind are taken column by column, as row by row."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.readers import rows
from pipelines.readers.row_text import Written
from pipelines.readers.rows import table_of

CELLS = [
    st.floats(allow_nan=False).map(lambda number: Written(repr(number))),
    st.integers(-(2**54), 2**54),
    st.booleans(),
    st.text(max_size=2) | st.none(),
    st.floats(allow_nan=False) | st.integers(-9, 9),
    st.lists(st.integers(0, 9), max_size=2),
]


@st.composite
def tables(draw):
    """Rows that say the same fields, but perhaps the last."""
    kinds = draw(st.lists(st.sampled_from(CELLS), max_size=5))
    row = st.fixed_dictionaries({f"c{place}": kind for place, kind in enumerate(kinds)})
    found = draw(st.lists(row, min_size=1, max_size=6))
    return found + draw(st.lists(st.just({"more": 1}), max_size=1))


@given(docs=tables(), without=st.sampled_from([frozenset(), frozenset({"c1"})]),
       most=st.integers(1, 5))  # fmt: skip
def test_columns_are_those_of_the_rows(docs, without, most):
    columns, places = {"c2": 0}, {"c2": 0}

    taken = table_of(docs, columns, without=without, most=most)
    one_by_one = rows._dense(docs, without, places, most=most)

    assert list(columns.items()) == list(places.items())
    assert np.array_equal(taken, one_by_one, equal_nan=True)
