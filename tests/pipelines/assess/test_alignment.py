"""Alignment: how old rows are, how even pictures come, what runs at once, what is a hole."""

from __future__ import annotations

import numpy as np

from pipelines.assess.alignment import (
    alignment_measures,
    coverage,
    jitter_p99_ms,
    skew_p99_ms,
)

MS = 1_000_000
FRAMES = np.arange(0, 1000, 100, dtype=np.int64) * MS
NONE = np.zeros(0, np.int64)


def test_skew_is_the_age_of_the_latest_row_of_the_worst_stream():
    assert skew_p99_ms(FRAMES, [FRAMES]) == 0
    assert skew_p99_ms(FRAMES, [FRAMES, FRAMES - 30 * MS]) == 30
    assert skew_p99_ms(FRAMES, []) is None


def test_jitter_is_how_far_steps_are_from_the_usual():
    assert jitter_p99_ms(FRAMES) == 0
    assert (jitter_p99_ms(np.delete(FRAMES, 5)) or 0) > 90
    assert jitter_p99_ms(FRAMES[:1]) is None


def test_a_hole_is_not_covered():
    assert coverage(FRAMES, (0, 1000 * MS)) == 1
    assert coverage(np.delete(FRAMES, [4, 5, 6, 7]), (0, 1000 * MS)) == 0.6
    assert coverage(NONE, (0, 1000 * MS)) == 0


def test_overlap_is_what_all_streams_share():
    late = FRAMES[5:]

    found = alignment_measures(FRAMES, [FRAMES, late], (0, 1000 * MS))

    assert (found["overlap"], found["coverage"]) == (0.5, 1)


def test_without_pictures_the_densest_stream_is_judged():
    sparse = FRAMES[::5]

    found = alignment_measures(NONE, [sparse, FRAMES], (0, 1000 * MS))

    assert found == {"skew_p99_ms": None, "jitter_p99_ms": None, "overlap": 1, "coverage": 1}


def test_without_any_stream_nothing_overlaps():
    found = alignment_measures(NONE, [], (0, 1000 * MS))

    assert (found["overlap"], found["coverage"]) == (0, 0)
