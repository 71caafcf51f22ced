"""Ingest: every file found is accounted for, and what is good is stored exactly once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest

from catalog.clips import episodes_of
from catalog.engine import open_catalog, reading, transaction
from catalog.files import files_of, superseded
from catalog.quarantine import quarantined, release
from pipelines.errors import RegistrationError
from pipelines.ingest.station import ingest
from pipelines.lake.datasets import count_rows, dataset_uri
from pipelines.lake.reading import file_ids, read_file, read_ranges, scan_columns
from pipelines.lake.streams import read_streams
from tests.pipelines.places import NOW, a_home, a_source, events, film


@pytest.fixture
def settings(tmp_path):
    return a_home(tmp_path)


@pytest.fixture
def folder(settings, tmp_path):
    return a_source(settings, tmp_path / "source")


def run(settings, *, at_once=0, source_id="demo", **options):
    return ingest(source_id, settings, at_once=at_once, run_id="r1", now=NOW, **options)


def media(settings, source_id="demo"):
    return dataset_uri(settings.lake, source_id, "media")


def streams(settings, source_id="demo"):
    return dataset_uri(settings.lake, source_id, "streams")


def lines(settings):
    with reading(open_catalog(settings.catalog_url)) as session:
        return {one.path: one for one in files_of(session, "demo")}


def mixed(folder):
    """Good files, bad files, companions and a twin."""
    events(folder / "a" / "one.jsonl", rows=40)
    film(folder / "a" / "one.mp4")
    events(folder / "two.jsonl", rows=30, seed=3)
    (folder / "copy").mkdir()
    (folder / "copy" / "two.jsonl").write_bytes((folder / "two.jsonl").read_bytes())
    film(folder / "film.mp4", seed=2)
    (folder / "LICENSE").write_text("MIT")
    (folder / "empty.mp4").write_bytes(b"")
    (folder / "page.mp4").write_text("<html><body>404</body></html>")
    whole = film(folder / "cut.mp4", frames=40, seed=5).read_bytes()
    (folder / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "noise.bin").write_bytes(bytes(range(256)) * 8)


def test_every_file_found_has_one_line_and_the_counts_add_up(settings, folder):
    mixed(folder)
    report = run(settings)
    assert report.conserved
    assert report.num_found == len(lines(settings)) == 10
    found = {path: one.status for path, one in lines(settings).items()}
    assert found["a/one.jsonl"] == found["a/one.mp4"] == found["film.mp4"] == "ingested"
    assert found["two.jsonl"] == found["copy/two.jsonl"] == "ingested"
    assert found["LICENSE"] == "companion"
    assert lines(settings)["empty.mp4"].reason == "EMPTY_FILE"
    assert {found[name] for name in ("empty.mp4", "page.mp4", "cut.mp4")} == {"quarantined"}
    assert found["noise.bin"] in {"quarantined", "unsupported"}
    with reading(open_catalog(settings.catalog_url)) as session:
        held = {one.path for one in quarantined(session, "demo")}
    assert held == {"empty.mp4", "page.mp4", "cut.mp4", "noise.bin"}


def test_bytes_are_stored_as_found_and_packets_lie_where_the_index_says(settings, folder):
    path = film(folder / "film.mp4")
    run(settings)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert read_file(media(settings), digest) == path.read_bytes()
    with reading(open_catalog(settings.catalog_url)) as session:
        (episode,) = episodes_of(session, "demo")
    (video,) = [
        one for one in read_streams(streams(settings), episode.episode_id) if one.kind == "video"
    ]
    asked = [
        (video.file_id, int(offset), int(size))
        for offset, size in zip(video.unit_offset, video.unit_size, strict=True)
    ]
    units = read_ranges(media(settings), asked)
    assert len(units) == 12 == len(video.ts_ns)
    assert [len(one) for one in units] == video.unit_size.tolist()


def test_streams_carry_their_rights_stream(settings, folder):
    film(folder / "film.mp4")
    run(settings)
    with reading(open_catalog(settings.catalog_url)) as session:
        (episode,) = episodes_of(session, "demo")
    assert {one["name"]: one["rights_stream"] for one in episode.streams} == {"video": "video"}


def test_equal_bytes_at_two_paths_are_two_lines_and_stored_once(settings, folder):
    one = events(folder / "one.jsonl")
    (folder / "two.jsonl").write_bytes(one.read_bytes())
    report = run(settings)
    assert report.num_ingested == 2
    assert report.num_episodes == 1
    assert len(file_ids(media(settings))) == 1
    assert {line.sha256 for line in lines(settings).values()} == file_ids(media(settings))


def test_a_second_run_finds_nothing_to_do(settings, folder):
    mixed(folder)
    first = run(settings)
    stored = sorted(str(p) for p in (settings.home / "lake").rglob("*"))
    second = run(settings)
    assert second.num_worked == 0
    assert (second.digest, second.version) == (first.digest, first.version)
    assert sorted(str(p) for p in (settings.home / "lake").rglob("*")) == stored


def test_one_new_file_is_one_file_of_work(settings, folder):
    mixed(folder)
    run(settings)
    events(folder / "new.jsonl", seed=9)
    assert run(settings).num_worked == 1


def test_a_new_path_of_known_bytes_is_a_line_and_no_work(settings, folder):
    one = events(folder / "one.jsonl")
    first = run(settings)
    (folder / "later.jsonl").write_bytes(one.read_bytes())
    second = run(settings)
    assert second.digest == first.digest
    assert second.num_ingested == 2
    assert second.conserved


def test_other_bytes_under_an_old_path_are_new_work(settings, folder):
    events(folder / "one.jsonl", seed=1)
    run(settings)
    events(folder / "one.jsonl", seed=2)
    report = run(settings)
    assert report.num_worked == 1
    assert report.num_episodes == 2
    assert report.conserved


def test_bytes_that_come_back_under_their_path_have_their_line_again(settings, folder):
    whole = events(folder / "one.jsonl", rows=30, seed=1).read_bytes()
    run(settings)
    first = lines(settings)["one.jsonl"]
    events(folder / "one.jsonl", rows=40, seed=2)
    run(settings)
    (folder / "one.jsonl").write_bytes(whole)
    report = run(settings)
    assert (report.num_worked, report.conserved) == (0, True)
    assert lines(settings)["one.jsonl"] == first


def test_a_file_that_is_gone_has_no_line_and_what_was_read_of_it_stays(settings, folder):
    mixed(folder)
    first = run(settings)
    before = lines(settings)
    (folder / "film.mp4").rename(folder / "moved.mp4")
    (folder / "two.jsonl").unlink()
    second = run(settings)
    after = lines(settings)
    assert set(after) == set(before) - {"film.mp4", "two.jsonl"} | {"moved.mp4"}
    assert after["moved.mp4"] == replace(before["film.mp4"], path="moved.mp4")
    assert (second.digest, second.num_worked, second.conserved) == (first.digest, 0, True)
    run(settings)
    (folder / "moved.mp4").rename(folder / "film.mp4")
    assert run(settings).num_worked == 0
    assert lines(settings)["film.mp4"] == before["film.mp4"]


def test_only_bytes_that_others_replaced_are_superseded(settings, folder):
    def superseded_now():
        run(settings)
        with reading(open_catalog(settings.catalog_url)) as session:
            return superseded(session, "demo")

    one = events(folder / "one.jsonl", seed=1).read_bytes()
    events(folder / "two.jsonl", seed=2)
    assert superseded_now() == frozenset()
    (folder / "two.jsonl").unlink()
    events(folder / "one.jsonl", seed=3)
    assert superseded_now() == {hashlib.sha256(one).hexdigest()}
    (folder / "kept.jsonl").write_bytes(one)
    assert superseded_now() == frozenset()
    (folder / "kept.jsonl").unlink()
    (folder / "one.jsonl").write_bytes(b"")  # what cannot be read replaces nothing
    assert superseded_now() == frozenset()


def test_a_changed_reader_setting_replaces_the_streams_and_keeps_the_bytes(
    settings, folder, tmp_path
):
    events(folder / "one.jsonl", rows=20)
    first = run(settings)
    rows = count_rows(media(settings))
    a_source(settings, tmp_path / "source", title="again")
    assert run(settings).num_worked == 0
    from catalog.sources import Source, register_source

    with transaction(open_catalog(settings.catalog_url)) as session:
        changed = Source(
            source_id="demo",
            uri=str(folder),
            modality="game",
            config={"time_field": "t_ns", "time_unit": "ns", "action": [], "state": ["x", "key"]},
        )
        register_source(session, changed, now=NOW)
    second = run(settings)
    assert second.num_worked == 1
    assert second.digest != first.digest
    assert count_rows(media(settings)) == rows
    ids = scan_columns(streams(settings), ["chunk_id"])["chunk_id"].to_pylist()
    assert len(ids) == len(set(ids))


def test_a_released_file_is_tried_again_once(settings, folder):
    (folder / "bad.jsonl").write_text('{"t_ns": 1, "x": \n')
    events(folder / "good.jsonl")
    run(settings)
    assert lines(settings)["bad.jsonl"].status in {"quarantined", "unsupported"}
    with transaction(open_catalog(settings.catalog_url)) as session:
        release(session, "demo", "bad.jsonl", run_id="r2", now=NOW)
    report = run(settings)
    assert report.conserved
    with reading(open_catalog(settings.catalog_url)) as session:
        assert [one.path for one in quarantined(session, "demo")] == ["bad.jsonl"]
    assert run(settings).num_worked == 0


def test_an_empty_source_is_a_state(settings, folder):
    report = run(settings)
    assert (report.num_found, report.num_episodes, report.conserved) == (0, 0, True)
    assert folder.is_dir()


def test_a_missing_folder_is_refused(settings, folder):
    folder.rmdir()
    with pytest.raises(RegistrationError, match="does not exist") as refused:
        run(settings)
    assert refused.value.code == "SOURCE_PATH_MISSING"


def test_what_cannot_be_read_is_quarantined_and_the_rest_goes_on(settings, folder, tmp_path):
    (tmp_path / "secret.jsonl").write_text("{}")
    (folder / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    events(folder / "good.jsonl")
    report = run(settings)
    assert report.conserved
    assert (report.num_ingested, report.num_quarantined) == (1, 1)
    assert lines(settings)["link.jsonl"].reason == "UNSAFE_CONTENT"


def test_sources_keep_their_own_copies(settings, folder, tmp_path):
    other = a_source(settings, tmp_path / "other", source_id="other")
    one = events(folder / "one.jsonl")
    (other / "one.jsonl").write_bytes(one.read_bytes())
    run(settings)
    run(settings, source_id="other")
    assert file_ids(media(settings)) == file_ids(media(settings, "other"))


def test_the_digest_does_not_depend_on_how_the_work_is_cut(settings, folder, tmp_path, monkeypatch):
    mixed(folder)
    first = run(settings)
    again = a_home(tmp_path / "again")
    a_source(again, folder)
    monkeypatch.setattr("pipelines.ingest.planning.BUNDLE_GROUPS", 1)
    monkeypatch.setattr("pipelines.ingest.planning.BATCH_BUNDLES", 1)
    assert run(again).digest == first.digest


def test_the_source_folder_is_left_as_it_was(settings, folder):
    mixed(folder)
    before = {p: p.stat().st_mtime_ns for p in sorted(folder.rglob("*"))}
    run(settings)
    assert {p: p.stat().st_mtime_ns for p in sorted(folder.rglob("*"))} == before


def test_progress_is_told(settings, folder):
    mixed(folder)
    told = []
    run(settings, progress=lambda *one: told.append(one))
    assert {what for what, _, _ in told} == {"scan", "ingest demo"}
    assert told[-1][1] == told[-1][2]


def test_the_report_is_plain_values(settings, folder):
    events(folder / "one.jsonl")
    report = run(settings, decode=False)
    assert json.loads(json.dumps(report.counts()))["num_ingested"] == 1


@pytest.mark.ray
@pytest.mark.slow
def test_ray_and_no_ray_give_the_same_lake(settings, folder, tmp_path, monkeypatch):
    mixed(folder)
    here = run(settings)
    monkeypatch.setattr("pipelines.ingest.planning.BUNDLE_GROUPS", 2)
    with_ray = a_home(tmp_path / "with_ray")
    a_source(with_ray, folder)
    report = run(with_ray, at_once=2)
    assert report.digest == here.digest
    assert report.counts() | {"version": 0} == here.counts() | {"version": 0}
