"""Cutting: every window on record, nothing twice, the last cut counts, and back again."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from catalog.audit import verify_log
from catalog.clips import clips_of
from catalog.engine import open_catalog, reading, transaction
from catalog.sources import register_source, source
from pipelines.assess import assess
from pipelines.cut import cut
from pipelines.errors import PipelineError, RegistrationError
from pipelines.ingest.station import ingest
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.reading import scan_columns
from tests.pipelines.places import NOW, a_home, a_source, film
from tests.pipelines.scenes import encode, pan


@pytest.fixture
def home(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "in")
    film(folder / "a.mp4", frames=90)
    film(folder / "b.mp4", frames=50, seed=3)
    ingest("demo", settings, at_once=0, run_id="r1", now=NOW)
    return settings


def recorded(settings):
    with reading(open_catalog(settings.catalog_url)) as session:
        return clips_of(session, "demo")


def kept(settings):
    return {one.clip_id for one in recorded(settings) if one.status == "kept"}


def reasons(settings):
    return sorted(one.reason for one in recorded(settings) if one.status == "filtered")


def test_cutting_publishes_clips_once_and_records_every_window(home):
    first = cut("demo", home, run_id="r1", now=NOW)
    again = cut("demo", home, run_id="r2", now=NOW)

    assert (first.num_kept, first.num_filtered, first.num_new) == (3, 2, 3)
    assert first.conserved
    assert (again.num_kept, again.num_new, again.version) == (3, 0, first.version)
    stored = scan_columns(dataset_uri(home.lake, "demo", "clips"), ["clip_id"])
    assert set(stored["clip_id"].to_pylist()) == kept(home)
    assert reasons(home) == ["TOO_SHORT"] * 2


def test_a_new_episode_adds_its_clips_and_touches_no_other(home, tmp_path):
    cut("demo", home, run_id="r1", now=NOW)
    film(tmp_path / "in/c.mp4", frames=40, seed=9)
    ingest("demo", home, at_once=0, run_id="r2", now=NOW)

    report = cut("demo", home, run_id="r2", now=NOW)

    assert (report.num_new, report.num_kept) == (1, 4)
    assert report.line()["kept"] == 4
    assert "4 clips of 3 episodes" in report.summary()


def test_the_last_cut_counts_and_cutting_as_before_brings_its_clips_back(home):
    cut("demo", home, run_id="r1", now=NOW)
    fixed, rows = kept(home), recorded(home)

    other = cut("demo", home, by="fixed:1", run_id="r2", now=NOW)
    between = kept(home)
    back = cut("demo", home, run_id="r3", now=NOW)

    assert (other.num_superseded, other.num_new) == (5, 8)
    assert between.isdisjoint(fixed)
    assert len(between) == 8
    assert kept(home) == fixed
    assert [one for one in recorded(home) if one.reason != "SUPERSEDED"] == list(rows)
    assert (back.num_new, back.num_superseded) == (0, 8)
    with reading(open_catalog(home.catalog_url)) as session:
        assert verify_log(session).broken == ()


def test_clips_of_a_replaced_file_are_superseded_until_its_bytes_are_back(home, tmp_path):
    cut("demo", home, run_id="r1", now=NOW)
    first, path = kept(home), tmp_path / "in" / "b.mp4"
    before = path.read_bytes()
    film(path, frames=90, seed=8)
    ingest("demo", home, at_once=0, run_id="r2", now=NOW)
    cut("demo", home, run_id="r2", now=NOW)
    assert len(kept(home) & first) == len(first) - 1
    assert reasons(home).count("SUPERSEDED") == 2
    path.write_bytes(before)
    ingest("demo", home, at_once=0, run_id="r3", now=NOW)
    cut("demo", home, run_id="r3", now=NOW)
    assert kept(home) == first


def test_cutting_again_writes_no_byte_of_media(home):
    media = dataset_uri(home.lake, "demo", "media")
    before = scan_columns(media, ["file_id", "piece"]).num_rows

    cut("demo", home, by="fixed:1", run_id="r1", now=NOW)

    assert scan_columns(media, ["file_id", "piece"]).num_rows == before


def test_shots_are_cut_where_the_scene_changes(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "in", clips={"cut": "shots"})
    encode(folder / "a.mp4", np.concatenate([pan(1, seconds=2), pan(2, seconds=3)]))
    ingest("demo", settings, at_once=0, run_id="r1", now=NOW)

    report = cut("demo", settings, run_id="r1", now=NOW)

    spans = [(one.start_ns, one.end_ns) for one in recorded(settings)]
    assert spans == [(0, 2_000_000_000), (2_000_000_000, 5_000_000_000)]
    assert report.cut_id.startswith("shots@1 ")


def test_events_are_cut_where_a_field_changes(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "in")
    rows = [{"t_ns": n * 50_000_000, "key": 0, "x": n // 30} for n in range(80)]
    (folder / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ingest("demo", settings, at_once=0, run_id="r1", now=NOW)

    report = cut("demo", settings, by="events:state.x", run_id="r1", now=NOW, progress=print)

    assert [one.start_ns // 50_000_000 for one in recorded(settings)] == [0, 30, 60]
    assert report.conserved
    with pytest.raises(PipelineError, match=r"no stream has the field 'depth'.*state\.x") as caught:
        cut("demo", settings, by="events:depth", run_id="r1", now=NOW)
    assert caught.value.code == "CUT_FIELD"


def test_a_cutter_that_nobody_knows_is_refused(home):
    with pytest.raises(RegistrationError, match="cut is 'scenes', expected fixed"):
        cut("demo", home, by="scenes", run_id="r1", now=NOW)


def test_a_clip_that_a_filter_dropped_stays_dropped_when_it_is_cut_again(home):
    with transaction(open_catalog(home.catalog_url)) as session:
        filtering = {"filters": {"blur": "> 40"}}
        register_source(session, replace(source(session, "demo"), clips=filtering), now=NOW)
    cut("demo", home, run_id="r1", now=NOW)
    assess("demo", home, at_once=0, run_id="r1", now=NOW)
    cut("demo", home, by="fixed:1", run_id="r2", now=NOW)

    report = cut("demo", home, run_id="r3", now=NOW)

    assert report.num_kept == 0
    assert report.reasons == {"BLUR": 3, "TOO_SHORT": 2}
    assert report.conserved


def test_a_source_without_episodes_has_no_clips(tmp_path):
    settings = a_home(tmp_path)
    a_source(settings, tmp_path / "in")

    for by in ("", "shots", "events:x"):
        report = cut("demo", settings, by=by, run_id="r1", now=NOW)
        assert (report.num_episodes, report.num_kept, report.num_new) == (0, 0, 0)
