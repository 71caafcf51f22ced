"""Errors keep their way out when they come back from another process."""

from __future__ import annotations

import pickle

from licensing.errors import BadCase, ClearwayError


def test_an_error_survives_the_way_back():
    error = BadCase("grade: unknown", code="BAD_CASE:grade", subject="grade", way_out="use E2")
    back = pickle.loads(pickle.dumps(error))
    assert isinstance(back, ClearwayError)
    assert (str(back), back.code, back.subject, back.way_out) == (
        *("grade: unknown", "BAD_CASE:grade", "grade", "use E2"),
    )
