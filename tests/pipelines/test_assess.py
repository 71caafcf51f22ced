"""Measures: values beside each clip, from pictures decoded out of the lake."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from pipelines.assess import Tally, assess, skew_p99_ms, unit_runs
from pipelines.cut import cut
from pipelines.ingest.station import ingest
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.reading import scan_columns
from pipelines.records import MEASURES
from tests.pipelines.places import NOW, a_home, a_source, film


def measured(settings) -> list[dict[str, Any]]:
    uri = dataset_uri(settings.lake, "demo", "clips")
    rows = scan_columns(uri, ["start_ns", *MEASURES]).to_pylist()
    return sorted(rows, key=lambda row: row["start_ns"])


def a_tally(*pictures: Any) -> dict[str, Any]:
    tally = Tally()
    for one in pictures:
        tally.add(one)
    return tally.measures()


def test_a_still_dark_picture_is_frozen_black_and_blurred():
    night = np.full((90, 160), 3, np.uint8)

    row = a_tally(night, night, night)

    assert row == {"motion": 0.0, "still": 1.0, "frozen": 1.0, "blur": 0.0, "black": 1.0}


def test_noise_moves_and_is_sharp():
    rng = np.random.default_rng(0)

    row = a_tally(*rng.integers(0, 256, (3, 90, 160), np.uint8))

    assert row["motion"] > 50
    assert row["blur"] > 1_000
    assert (row["still"], row["frozen"], row["black"]) == (0.0, 0.0, 0.0)


def test_no_picture_gives_no_measures():
    assert set(Tally().measures().values()) == {None}


def test_skew_is_the_age_of_the_latest_row_of_the_worst_stream():
    frames = np.arange(0, 10**9, 10**8)

    fresh = skew_p99_ms(frames, [frames])
    stale = skew_p99_ms(frames, [frames, frames - 30_000_000])

    assert (fresh, stale) == (0.0, 30.0)
    assert skew_p99_ms(frames, []) is None


def test_packets_are_decoded_from_the_key_before_a_clip_and_none_twice():
    pts = np.arange(20) * 10
    keys = np.arange(20) % 5 == 0

    assert list(unit_runs(pts, keys, [("a", 70, 90)])) == [(5, 9)]
    assert list(unit_runs(pts, keys, [("a", 0, 70), ("b", 70, 120)])) == [(0, 12)]
    assert list(unit_runs(pts, keys, [("a", 0, 20), ("b", 150, 160)])) == [(0, 2), (15, 16)]
    assert list(unit_runs(pts, keys, [("a", 900, 990)])) == []


@pytest.fixture
def home(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "in")
    film(folder / "a.mp4", frames=90)
    ingest("demo", settings, at_once=0, run_id="r1", now=NOW)
    cut("demo", settings, run_id="r1", now=NOW)
    return settings


def test_every_clip_is_measured_once(home):
    first = assess("demo", home, at_once=0, run_id="r1", now=NOW)
    rows = measured(home)
    again = assess("demo", home, at_once=0, run_id="r2", now=NOW)

    assert (first.num_clips, first.num_measured, first.num_failed) == (2, 2, 0)
    assert (again.num_measured, again.version) == (0, first.version)
    assert all(row["motion"] > 5 for row in rows)
    assert all(row["blur"] < 1 for row in rows)  # one grey: nothing is sharp
    assert [row["coverage"] for row in rows] == [1.0, 1.0]
    assert measured(home) == rows
    assert first.line()["measured"] == 2
    assert "2 of 2 clips" in first.summary()


def test_a_log_without_pictures_has_coverage_only(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "in")
    rows = [{"t_ns": n * 50_000_000, "key": n % 3, "x": n} for n in range(80)]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ingest("demo", settings, at_once=0, run_id="r1", now=NOW)
    cut("demo", settings, run_id="r1", now=NOW)

    report = assess("demo", settings, at_once=0, run_id="r1", now=NOW)

    assert report.num_measured == 2
    assert [(row["coverage"], row["motion"]) for row in measured(settings)] == [(1.0, None)] * 2


def test_rows_beside_pictures_give_a_skew(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "in")
    film(folder / "a.mp4", frames=40)
    rows = [{"t_ns": n, "key": n % 3, "x": n} for n in range(40)]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ingest("demo", settings, at_once=0, run_id="r1", now=NOW)
    cut("demo", settings, run_id="r1", now=NOW)

    assess("demo", settings, at_once=0, run_id="r1", now=NOW)

    assert [row["skew_p99_ms"] for row in measured(settings)] == [0.0]


def test_a_source_without_clips_is_no_error(tmp_path):
    settings = a_home(tmp_path)
    a_source(settings, tmp_path / "in")

    assert assess("demo", settings, at_once=0, run_id="r1", now=NOW).num_clips == 0
