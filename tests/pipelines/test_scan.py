"""Scan: list, hash, and capture what files say about rights."""

from __future__ import annotations

import hashlib
import json

import pytest

from catalog.engine import open_catalog, reading
from catalog.errors import NotFound
from catalog.rights import facts_of
from pipelines.errors import RegistrationError
from pipelines.scan.station import scan
from tests.pipelines.places import NOW, a_home, a_source


@pytest.fixture
def settings(tmp_path):
    return a_home(tmp_path)


@pytest.fixture
def folder(settings, tmp_path):
    return a_source(settings, tmp_path / "source")


def scanned(settings, source_id="demo"):
    return scan(source_id, settings, now=NOW, run_id="r1")


def facts(settings, kind):
    with reading(open_catalog(settings.catalog_url)) as session:
        return [one.doc for one in facts_of(session, "demo") if one.kind == kind]


def test_files_are_known_by_their_bytes(settings, folder):
    (folder / "a.bin").write_bytes(b"one")
    (folder / "b").mkdir()
    (folder / "b" / "c.bin").write_bytes(b"one")
    report = scanned(settings)
    digest = hashlib.sha256(b"one").hexdigest()
    assert [(one.path, one.sha256, one.size_bytes) for one in report.found] == [
        ("a.bin", digest, 3),
        ("b/c.bin", digest, 3),
    ]
    assert report.counts()["num_found"] == 2


def test_an_empty_folder_is_a_state(settings, folder):
    assert scanned(settings).num_found == 0
    assert not list(folder.iterdir())


def test_a_missing_folder_is_refused_with_a_way_out(settings, folder):
    folder.rmdir()
    with pytest.raises(RegistrationError, match="does not exist") as refused:
        scanned(settings)
    assert refused.value.code == "SOURCE_PATH_MISSING"
    assert "--uri" in refused.value.way_out


def test_an_unknown_source_is_refused(settings):
    with pytest.raises(NotFound, match="nobody"):
        scanned(settings, "nobody")


@pytest.mark.parametrize("place", ["tdmrep.json", ".well-known/tdmrep.json"])
def test_a_reservation_becomes_a_signal_once(settings, folder, place):
    (folder / place).parent.mkdir(exist_ok=True)
    (folder / place).write_text(json.dumps([{"location": "/*", "tdm-reservation": 1}]))
    (folder / "film.mp4").write_bytes(b"film")
    assert scanned(settings).num_signals == 1
    scanned(settings)
    assert facts(settings, "signal") == [{"layer_id": "*", "tdmrep_file": 1}]


def test_the_strictest_rule_that_meets_a_file_counts(settings, folder):
    rules = [
        {"location": "/free/", "tdm-reservation": 0},
        {"location": "/", "tdm-reservation": 1},
    ]
    (folder / "tdmrep.json").write_text(json.dumps(rules))
    (folder / "free").mkdir()
    (folder / "free" / "a.mp4").write_bytes(b"a")
    scanned(settings)
    (folder / "kept.mp4").write_bytes(b"b")
    scanned(settings)
    assert [one["tdmrep_file"] for one in facts(settings, "signal")] == [0, 1]


@pytest.mark.parametrize("text", ["no json", "[" + " " * (1 << 20) + "]"])
def test_a_broken_reservation_is_not_silence(settings, folder, text):
    (folder / "tdmrep.json").write_text(text)
    (folder / "a.mp4").write_bytes(b"a")
    scanned(settings)
    (only,) = facts(settings, "signal")
    assert only["tdmrep_file"] not in {0, 1}


def test_licence_texts_are_evidence_and_companions(settings, folder):
    for name in ("LICENSE", "LICENSE.crafter", "notice.txt", "COPYING", "licensee.mp4"):
        (folder / name).write_text(name)
    report = scanned(settings)
    assert report.companions == report.num_evidence == 4
    found = {one["file"]: one["sha256"] for one in facts(settings, "evidence")}
    assert found["COPYING"] == hashlib.sha256(b"COPYING").hexdigest()
    assert "licensee.mp4" not in found


def test_a_link_out_of_the_source_is_listed_and_not_read(settings, folder, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (folder / "LICENSE").symlink_to(tmp_path / "secret")
    report = scanned(settings)
    assert [(one.path, one.problem) for one in report.problems] == [("LICENSE", "UNSAFE_CONTENT")]
    assert report.num_evidence == 0


def test_progress_counts_up_to_all(settings, folder):
    for name in "abc":
        (folder / name).write_text(name)
    told = []
    scan("demo", settings, now=NOW, run_id="r1", progress=lambda *one: told.append(one))
    assert told[-1] == ("scan", 3, 3)
