"""Looking: once, whatever is killed; copies are found in every source and recorded with both."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from catalog import duplicates
from catalog.clips import episodes_of
from catalog.engine import open_catalog, reading
from catalog.files import files_of
from pipelines.ingest.ledger import CatalogLedger
from pipelines.ingest.station import ingest
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.reading import scan_columns
from pipelines.look import station
from pipelines.look.planning import sight_of
from pipelines.look.reading import read_seen, read_series
from pipelines.look.station import look
from pipelines.readers.decode import Coding
from tests.pipelines.places import NOW, a_home, a_source, events
from tests.pipelines.readers.films import FILMS
from tests.pipelines.scenes import encode, pan, remux

FULL_RANGE = {
    "png.mov",
    "mjpeg.mkv",
    "mjpeg.avi",
    "apng.png",
    "mjpeg.mjpeg",
}  # a reader leaves them
NO_CLOCK = {"h264.h264", "hevc.h265", "mpeg2.m2v"}  # only decoding tells the order of pictures


@pytest.fixture
def home(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "in")
    for seed in range(3):
        encode(folder / f"{seed}.mp4", pan(seed, seconds=4))
    ingest("demo", settings, at_once=0, run_id="r1", now=NOW, decode=False)
    return settings


def looked(settings, source_id="demo", *, at_once=0, run_id="r1", progress=None):
    return look(source_id, settings, at_once=at_once, run_id=run_id, now=NOW, progress=progress)


def found_pairs(settings):
    """The pairs as (kind, path, path), and the pair itself."""
    with reading(open_catalog(settings.catalog_url)) as session:
        names = {}
        for source_id in ("demo", "two"):
            for entry in files_of(session, source_id):
                names[source_id, entry.sha256] = entry.path
        paths = {
            one.episode_id: names[source_id, one.files[0]]
            for source_id in ("demo", "two")
            for one in episodes_of(session, source_id)
        }
        return {
            (pair.kind, *sorted(paths[each] for each in pair.episodes)): pair
            for pair in duplicates.pairs(session)
        }


def test_every_picture_is_looked_at_once(home):
    told = []

    first = looked(home, progress=lambda *words: told.append(words))
    again = looked(home)

    assert (first.num_episodes, first.num_looked, first.failures) == (3, 3, {})
    assert (again.num_looked, again.version) == (0, first.version)
    assert told[-1] == ("look demo", 240, 240)
    for one in read_series(home.lake, "demo"):
        assert (one.count, len(one.slots), one.slots[-1]) == (80, 16, 15)


def test_figures_are_those_of_the_pictures(home):
    looked(home)
    ids = [one.episode_id for one in read_series(home.lake, "demo")]

    for seen in read_seen(dataset_uri(home.lake, "demo", "frames"), ids).values():
        assert (np.diff(seen.ts_ns) == 50_000_000).all()
        assert np.isnan(seen.figures["step"][0])
        assert (seen.figures["step"][1:] > 0.5).all()
        assert (~np.isnan(seen.figures["blocky"])).sum() == 4
        assert (seen.figures["bars"] == 0).all()


def test_copies_are_found_across_sources_and_recorded_with_both(home, tmp_path):
    looked(home)
    folder = a_source(home, tmp_path / "two", source_id="two")
    (folder / "same.mp4").write_bytes((tmp_path / "in/0.mp4").read_bytes())
    remux(tmp_path / "in/1.mp4", folder / "remuxed.mkv")
    encode(folder / "again.mp4", pan(2, seconds=4)[:, :, ::-1], crf=32, zoom=1)
    encode(folder / "other.mp4", pan(77, seconds=4))
    ingest("two", home, at_once=0, run_id="r2", now=NOW)

    done = looked(home, "two")

    found = found_pairs(home)
    assert set(found) == {
        ("bytes", "0.mp4", "same.mp4"),
        ("decoded", "1.mp4", "remuxed.mkv"),
        ("near", "2.mp4", "again.mp4"),
    }
    assert done.num_pairs == 3
    assert found["near", "2.mp4", "again.mp4"].is_mirrored
    for pair in found.values():
        assert {pair.one.source_id, pair.other.source_id} == {"demo", "two"}
        assert pair.one.end_ns - pair.one.start_ns == 4_000_000_000


def test_a_thousand_copies_are_no_half_million_pairs(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "in")
    for crf in range(18, 30):
        encode(folder / f"{crf}.mp4", pan(1, seconds=2), crf=crf, zoom=1)
    ingest("demo", settings, at_once=0, run_id="r1", now=NOW)

    done = looked(settings)

    assert done.num_pairs == 11
    with reading(open_catalog(settings.catalog_url)) as session:
        (group,) = duplicates.groups(duplicates.pairs(session))
    assert len(group) == 12


def test_what_a_reader_saw_on_its_way_is_what_looking_gives(tmp_path):
    """Of films of every kind; what a reader cannot vouch for is looked at afterwards."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name in FILMS.keys() - NO_CLOCK:
        FILMS[name].write(folder / name)
    told = {}
    for decode in (True, False):
        settings = a_home(tmp_path / f"home{decode}")
        a_source(settings, folder)
        done = ingest("demo", settings, at_once=0, run_id="r1", now=NOW, decode=decode)
        seen = looked(settings)
        assert seen.failures == {}
        rows = scan_columns(dataset_uri(settings.lake, "demo", "frames"), ["frames_id", "sha256"])
        told[decode] = (done.num_ingested, seen.num_looked, rows.sort_by("frames_id").to_pylist())

    (ingested, afterwards, rows), (_, every, same) = told[True], told[False]
    assert every == ingested == len(FILMS.keys() - NO_CLOCK)
    assert afterwards == len(FULL_RANGE)
    assert rows == same


@pytest.mark.parametrize("decode", [True, False])
def test_pictures_of_a_stream_without_a_clock_are_looked_at_in_any_order(tmp_path, decode):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "in")
    for name in NO_CLOCK:
        FILMS[name].write(folder / name)
    ingest("demo", settings, at_once=0, run_id="r1", now=NOW, decode=decode)

    assert looked(settings).failures == {}

    assert all((np.diff(one.slots) > 0).all() for one in read_series(settings.lake, "demo"))


def test_what_a_reader_saw_is_matched_when_somebody_looks(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "in")
    for crf in (18, 30):
        encode(folder / f"{crf}.mp4", pan(1, seconds=2), crf=crf, zoom=1)
    ingest("demo", settings, at_once=0, run_id="r1", now=NOW)
    assert scan_columns(dataset_uri(settings.lake, "demo", "frames"), ["count"]).num_rows == 2
    assert found_pairs(settings) == {}

    done = looked(settings)

    assert (done.num_looked, done.num_pairs) == (0, 1)
    assert list(found_pairs(settings)) == [("near", "18.mp4", "30.mp4")]


def test_logs_without_pictures_are_matched_by_their_bytes(tmp_path):
    settings = a_home(tmp_path)
    for name in ("demo", "two"):
        events(a_source(settings, tmp_path / name, source_id=name) / "a.jsonl")
        ingest(name, settings, at_once=0, run_id="r1", now=NOW)
        looked(settings, name)

    assert list(found_pairs(settings)) == [("bytes", "a.jsonl", "a.jsonl")]


class Killed(BaseException):
    """Ends the process, as far as the station can tell."""


@pytest.mark.parametrize("step", ["written", "committed", "_matched", "verified_in"])
def test_killed_at_any_step_the_next_run_ends_in_the_same_state(home, monkeypatch, step):
    place = station if step == "_matched" else CatalogLedger
    real = getattr(place, step)

    def dies(*args, **how):
        if step == "written":
            real(*args, **how)
        raise Killed("here")

    monkeypatch.setattr(place, step, dies)
    with pytest.raises(Killed, match="here"):
        looked(home)
    monkeypatch.undo()

    done = looked(home)

    assert done.failures == {}
    rows = scan_columns(dataset_uri(home.lake, "demo", "frames"), ["frames_id", "count"])
    assert rows.num_rows == len(set(rows["frames_id"].to_pylist())) == 3
    assert sum(rows["count"].to_pylist()) == 240
    assert looked(home).num_looked == 0


def test_an_episode_that_cannot_be_decoded_fails_alone_and_is_tried_again(home, monkeypatch):
    real = sight_of
    with reading(open_catalog(home.catalog_url)) as session:
        bad = episodes_of(session, "demo")[1].episode_id

    def broken(episode):
        sight = real(episode)
        cameras = {"video": Coding(codec="no such codec")}
        return replace(sight, cameras=cameras) if sight.episode_id == bad else sight

    monkeypatch.setattr(station, "sight_of", broken)
    first = looked(home)
    monkeypatch.undo()
    second = looked(home)

    assert (first.num_looked, list(first.failures)) == (2, [bad])
    assert (second.num_looked, second.failures) == (1, {})


@pytest.mark.ray
@pytest.mark.slow
def test_workers_see_the_same(home):
    looked(home, at_once=2)
    ours = {one.episode_id: one.digest for one in read_series(home.lake, "demo")}

    assert len(ours) == 3
