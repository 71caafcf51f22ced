"""What arrived in the folder of a source: seen whenever it came, left alone while it is written."""

import os

from pipelines.scan.arrivals import look_at
from pipelines.scan.station import scan
from tests.pipelines.places import NOW, a_home, a_source, events


def look(settings, folder, before=""):
    return look_at("demo", str(folder), settings, before=before)


def scanned(settings):
    scan("demo", settings, now=NOW, run_id="r")


def test_what_a_scan_has_seen_is_not_new(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "source")
    events(folder / "a.jsonl")
    first = look(settings, folder)

    scanned(settings)

    assert first.is_new
    assert not look(settings, folder).is_new


def test_files_that_came_went_or_changed_are_new_however_late_it_is_seen(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "source")
    log = events(folder / "a.jsonl")
    for change in (
        lambda: events(folder / "deeper" / "b.jsonl"),
        lambda: log.write_bytes(log.read_bytes().replace(b"1", b"2")),
        lambda: os.utime(log, (1, 1)),
        lambda: log.unlink(),
    ):
        scanned(settings)
        assert not look(settings, folder).is_new
        change()
        assert look(settings, folder).is_new


def test_a_file_that_is_being_written_is_left_alone(tmp_path):
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "source")
    scanned(settings)
    with (folder / "take.jsonl").open("w", encoding="utf-8") as recorder:
        seen = ""
        for line in ("one", "two", "three"):
            recorder.write(f"{line}\n")
            recorder.flush()
            now = look(settings, folder, before=seen)
            assert now.is_new
            assert not now.is_ready
            seen = now.listing

    assert look(settings, folder, before=seen).is_ready


def test_a_folder_that_is_not_there_is_nothing_new(tmp_path):
    settings = a_home(tmp_path)

    gone = look(settings, tmp_path / "nothing")

    assert (gone.listing, gone.is_new, gone.is_ready) == ("", False, False)
