"""Assessing: values beside each clip, from figures of pictures; filters that count and go back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from catalog.audit import verify_log
from catalog.clips import clips_of
from catalog.engine import open_catalog, reading, transaction
from catalog.sources import register_source, source
from pipelines.assess import assess
from pipelines.cut import cut
from pipelines.ingest.station import ingest
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.reading import scan_columns
from pipelines.measures import MEASURES, NAMES
from tests.pipelines.places import EVENTS_CONFIG, NOW, a_home, a_source, film
from tests.pipelines.scenes import encode, pan


def measured(settings, source_id="demo") -> list[dict[str, Any]]:
    uri = dataset_uri(settings.lake, source_id, "clips")
    rows = scan_columns(uri, ["start_ns", "session", *NAMES]).to_pylist()
    return sorted(rows, key=lambda row: row["start_ns"])


def prepare(settings, source_id="demo", **how):
    ingest(source_id, settings, at_once=0, run_id="r1", now=NOW)
    cut(source_id, settings, run_id="r1", now=NOW, **how)
    return assess(source_id, settings, at_once=0, run_id="r1", now=NOW)


def say(settings, **clips):
    """Register the source again with other rules about its clips."""
    with transaction(open_catalog(settings.catalog_url)) as session:
        register_source(session, replace(source(session, "demo"), clips=clips), now=NOW)


def statuses(settings):
    with reading(open_catalog(settings.catalog_url)) as session:
        return {one.clip_id: (one.status, one.reason) for one in clips_of(session, "demo")}


@pytest.fixture
def home(tmp_path):
    settings = a_home(tmp_path)
    a_source(settings, tmp_path / "in")
    return settings


def test_every_clip_is_measured_once(home, tmp_path):
    film(tmp_path / "in/a.mp4", frames=90)
    told = []

    first = prepare(home)
    rows = measured(home)
    again = assess(
        "demo", home, at_once=0, run_id="r2", now=NOW, progress=lambda *words: told.append(words)
    )

    assert (first.num_clips, first.num_measured, first.num_failed, first.num_kept) == (2, 2, 0, 2)
    assert first.conserved
    assert (again.num_measured, again.version, told) == (0, first.version, [])
    assert all(row["motion"] > 5 for row in rows)
    assert all(row["blur"] < 1 for row in rows)  # one grey: nothing is sharp
    assert [row["coverage"] for row in rows] == [1.0, 1.0]
    assert measured(home) == rows
    assert first.line()["measured"] == 2
    assert "2 of 2 clips" in first.summary()


def test_every_measure_is_in_its_range(home, tmp_path):
    a_source(home, tmp_path / "in", config={**EVENTS_CONFIG, "state": ["pos"]})
    encode(tmp_path / "in/a.mp4", pan(1, seconds=6))
    rng = np.random.default_rng(0)
    keys = np.repeat(rng.integers(0, 3, 12), 10)
    rows = [{"t_ns": n * 50_000_000, "key": int(keys[n]), "pos": n / 7} for n in range(120)]
    (tmp_path / "in/a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    prepare(home)

    for row in measured(home):
        for one in MEASURES:
            value = row[one.name]
            if one.name not in {"lag_ms"}:
                assert value is not None, one.name
                assert one.low <= value <= one.high, one.name
        assert row["duplicate"] == 0
        assert row["skew_p99_ms"] == 0


def test_a_log_without_pictures_is_measured_by_its_rows(home, tmp_path):
    rows = [{"t_ns": n * 50_000_000, "key": n % 3, "x": n} for n in range(80)]
    (tmp_path / "in/a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    report = prepare(home)

    assert report.num_measured == 2
    for row in measured(home):
        assert (row["coverage"], row["overlap"], row["motion"]) == (1.0, 1.0, None)
        assert row["action_entropy"] == pytest.approx(1.58, abs=0.01)
        assert row["idle"] == pytest.approx(1 / 3, abs=0.05)
        assert row["stuck"] is None


def test_filters_drop_by_name_count_and_are_undone_by_changing_them(home, tmp_path):
    encode(tmp_path / "in/a.mp4", pan(1, seconds=2))
    film(tmp_path / "in/b.mp4", frames=40)
    before = prepare(home)
    plain = statuses(home)

    say(home, filters={"blur": "> 40", "black": "< 0.9"})
    dropped = assess("demo", home, at_once=0, run_id="r2", now=NOW)
    filtered = statuses(home)
    say(home)
    back = assess("demo", home, at_once=0, run_id="r3", now=NOW)

    assert (before.num_kept, before.reasons) == (2, {})
    assert (dropped.num_kept, dropped.reasons, dropped.filtered) == (1, {"BLUR": 1}, "BLUR 1")
    assert dropped.num_measured == 0
    assert dropped.conserved
    assert sorted(filtered.values()) == [("filtered", "BLUR"), ("kept", "")]
    assert (back.num_kept, statuses(home)) == (2, plain)
    with reading(open_catalog(home.catalog_url)) as session:
        assert verify_log(session).broken == ()


def test_what_was_not_measured_cannot_fail_a_filter(home, tmp_path):
    rows = [{"t_ns": n * 50_000_000, "key": n % 3, "x": n} for n in range(80)]
    (tmp_path / "in/a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    say(home, filters={"black": "< 0.5"})

    assert prepare(home).num_kept == 2


def test_the_later_copy_is_measured_as_a_duplicate_and_the_first_is_not(home, tmp_path):
    encode(tmp_path / "in/a.mp4", pan(1, seconds=4))
    prepare(home)
    a_source(home, tmp_path / "two", source_id="two")
    encode(tmp_path / "two/b.mp4", np.concatenate([pan(1, seconds=4), pan(5, seconds=4)]), crf=30)

    report = prepare(home, "two")

    assert report.num_pairs == 1
    assert [row["duplicate"] for row in measured(home)] == [0, 0]
    assert [row["duplicate"] for row in measured(home, "two")] == pytest.approx(
        [1, 1, 0, 0], abs=0.3
    )


def test_a_session_is_read_from_paths_or_from_a_field(home, tmp_path):
    for player in ("anna", "bo"):
        rows = [{"t_ns": n * 50_000_000, "key": n % 3, "x": n, "who": player} for n in range(40)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (tmp_path / f"in/{player}_1.jsonl").write_text(text)
    say(home, session="path:([a-z]+)_")
    prepare(home)
    by_path = {row["session"] for row in measured(home)}

    say(home, session="field:who")
    again = assess("demo", home, at_once=0, run_id="r2", now=NOW)

    assert by_path == {"path:([a-z]+)_=anna", "path:([a-z]+)_=bo"}
    assert {row["session"] for row in measured(home)} == {"field:who=anna", "field:who=bo"}
    assert again.num_measured == 2


def test_a_lake_from_before_there_were_these_columns_gets_them(home, tmp_path):
    import lance

    film(tmp_path / "in/a.mp4", frames=90)
    prepare(home)
    uri = dataset_uri(home.lake, "demo", "clips")
    lance.dataset(uri).drop_columns(["assess_id", "jerk", "session"])
    film(tmp_path / "in/b.mp4", frames=90, seed=4)

    report = prepare(home)

    assert (report.num_clips, report.num_measured) == (4, 4)


def test_a_source_without_clips_is_no_error(home):
    assert assess("demo", home, at_once=0, run_id="r1", now=NOW).num_clips == 0


@pytest.mark.ray
@pytest.mark.slow
def test_workers_measure_the_same(home, tmp_path):
    encode(tmp_path / "in/a.mp4", pan(1, seconds=4))
    prepare(home, at_once=0)
    rows = measured(home)
    say(home, session="path:a")

    assess("demo", home, at_once=2, run_id="r2", now=NOW)

    assert [{**row, "session": None} for row in measured(home)] == rows
