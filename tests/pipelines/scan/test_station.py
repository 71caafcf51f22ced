"""Scan: list, hash, and capture what files say about rights."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest

from catalog.engine import open_catalog, reading, transaction
from catalog.errors import NotFound
from catalog.files import files_of
from catalog.rights import attach_layer, ends_of, facts_of, layers_of
from licensing.decide import decide
from licensing.facts import read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook
from pipelines.errors import RegistrationError
from pipelines.ingest.station import ingest
from pipelines.scan.station import scan
from tests.pipelines.places import NOW, a_home, a_source, film
from tests.pipelines.scan.made import JUMBF, book, chunk, png, riff, signed, write, xmp

TDM = {"type": "statutory", "id": "EU-CDSM-4", "lawful_access": True}
REQUEST = {
    "action": "train_generative", "commercial": True, "release": "internal", "territory": ["DE"],
    "at": "2026-11-24",
}  # fmt: skip


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


def attach_layers(settings, *docs):
    with transaction(open_catalog(settings.catalog_url)) as session:
        for doc in docs:
            attach_layer(session, "demo", doc, now=NOW)


def layers(settings):
    with reading(open_catalog(settings.catalog_url)) as session:
        return layers_of(session, "demo", known=None)


def reasons(settings):
    asked = read_request(REQUEST)
    return decide(read_layers(layers(settings)), asked, load_rulebook()).reasons


def every_fact(settings):
    with reading(open_catalog(settings.catalog_url)) as session:
        facts = facts_of(session, "demo")
        return facts, ends_of(session, (one.fact_id for one in facts))


def _scheme(doc):
    return next(key for key in doc if key not in {"layer_id", "where", "about", "valid"})


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
    (only,) = facts(settings, "signal")
    assert (only["layer_id"], only["tdmrep_file"], only["where"]["path"]) == ("*", 1, place)


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


def test_licence_texts_are_kept_evidence_and_companions(settings, folder):
    for name in ("LICENSE", "LICENSE.crafter", "notice.txt", "COPYING", "licensee.mp4"):
        (folder / name).write_text(name)
    report = scanned(settings)
    assert report.companions == report.num_evidence == 4
    found = {one["file"]: one["sha256"] for one in facts(settings, "evidence")}
    assert found["COPYING"] == hashlib.sha256(b"COPYING").hexdigest()
    assert "licensee.mp4" not in found
    assert (settings.home / "evidence" / found["COPYING"]).read_bytes() == b"COPYING"


def test_a_link_out_of_the_source_is_listed_and_not_read(settings, folder, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (folder / "LICENSE").symlink_to(tmp_path / "secret")
    report = scanned(settings)
    assert [(one.path, one.problem) for one in report.problems] == [("LICENSE", "UNSAFE_CONTENT")]
    assert report.num_evidence == 0
    (only,) = facts(settings, "signal")
    assert only["unread"] == "text not readable"


def test_a_scanned_source_has_its_signals_captured(settings, folder):
    attach_layers(settings, {"layer": "copyright", "basis": [TDM]})
    assert reasons(settings) == ("SIGNALS_NOT_CAPTURED",)
    scanned(settings)
    assert reasons(settings) == ("SIGNALS_NOT_CAPTURED",)  # an empty folder says nothing
    (folder / "film.mp4").write_bytes(b"film")
    scanned(settings)
    assert layers(settings)[0]["signals"] == []
    assert reasons(settings) == ("TDM4", "GRANT")
    attach_layers(settings, {"layer": "neighbouring", "basis": [TDM]})
    assert reasons(settings) == ("TDM4", "GRANT")
    (folder / "robots.txt").write_text("User-agent: *\nDisallow: /")
    scanned(settings)
    assert reasons(settings) == ("SIGNAL_RESERVED",)


def test_what_was_known_before_a_scan_stays_uncaptured(settings, folder):
    attach_layers(settings, {"layer": "copyright", "basis": [TDM]})
    (folder / "film.mp4").write_bytes(b"film")
    scan("demo", settings, now=NOW + timedelta(days=1), run_id="r1")
    with reading(open_catalog(settings.catalog_url)) as session:
        (layer,) = layers_of(session, "demo", known=NOW)
    assert "signals" not in layer


def test_a_signal_about_one_file_leaves_the_layers_of_others_alone(settings, folder):
    attach_layers(
        settings,
        *({"layer": "copyright", "item": name, "basis": [TDM]} for name in ("a.mp4", "b.mp4")),
        {"layer": "copyright", "basis": [TDM]},
        {"layer": "likeness", "basis": []},
    )
    write(folder, {"a.mp4": b"a", "b.mp4": b"b", "a.xmp": xmp()})
    scanned(settings)
    stated = [one.get("signals") for one in layers(settings)]
    assert stated == [[{"plus": "DMI-PROHIBITED"}], [], [{"plus": "DMI-PROHIBITED"}], None]


def test_an_open_statement_of_one_file_lifts_no_reservation(settings, folder):
    attach_layers(settings, {"layer": "copyright", "basis": [TDM]})
    rules = [{"location": "/", "tdm-reservation": 1}]
    page = '<meta name="tdm-reservation" content="0">'
    write(folder, {"tdmrep.json": json.dumps(rules), "free.html": page, "a.mp4": b"a"})
    scanned(settings)
    assert reasons(settings) == ("TDM_RESERVED",)


def test_bytes_that_changed_speak_beside_what_they_said_before(settings, folder):
    (folder / "README").write_text("No AI training.")
    scanned(settings)
    (folder / "README").write_text("Enjoy.")
    assert scanned(settings).num_signals == 0
    assert len(facts(settings, "signal")) == 1


EVERYTHING: dict[str, bytes | str] = {
    "tdmrep.json": '[{"location": "/", "tdm-reservation": 1}]',
    "robots.txt": "User-agent: GPTBot\nDisallow: /\nContent-Signal: ai-train=no\n"
    "Content-Usage: train-ai=n;exceptions=cc-cr\nLicense: https://a.example/site.rsl",
    "site.rsl": '<rsl xmlns="https://rslstandard.org/rsl"><content url="/"/></rsl>',
    "film.mp4.headers": "HTTP/1.1 200 OK\nTDM-Reservation: 1",
    "terms.html": '<meta name="robots" content="noai">',
    "README.md": "Die Nutzung für Text und Data Mining ist vorbehalten.",
    "film.xmp": xmp("DMI-PROHIBITED-AIMLTRAINING"),
    "paper.pdf": b"%PDF-1.7 << /Type /Metadata >> stream\n" + xmp("DMI-ALLOWED") + b"\nendstream",
    "book.epub": book(b'<package><meta property="tdm:reservation">1</meta></package>'),
    "feed.xml": b'<rss xmlns:rsl="https://rslstandard.org/rsl"/>',
    "still.png": png((b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp("DMI-ALLOWED"))),
    "clip.webp": riff(b"WEBP", chunk(b"C2PA", JUMBF)),
    "empty/LICENSE": "",
    "notes.c2pa": JUMBF,
}


def test_one_folder_with_every_place(settings, folder, monkeypatch):
    monkeypatch.setattr("pipelines.scan.credentials.installed", lambda: False)
    write(folder, EVERYTHING)
    film(folder / "film.mp4")
    report = scanned(settings)
    stated = sorted((one["where"]["path"], _scheme(one)) for one in facts(settings, "signal"))
    assert stated == [
        ("README.md", "natural_language"),
        ("book.epub", "tdmrep_epub"),
        ("clip.webp", "unread"),
        ("feed.xml", "unread"),
        ("film.mp4.headers", "tdmrep_header"),
        ("film.xmp", "plus"),
        ("notes.c2pa", "unread"),
        ("paper.pdf", "plus"),
        ("robots.txt", "aipref"),
        ("robots.txt", "content_signal"),
        ("robots.txt", "robots"),
        ("robots.txt", "rsl"),
        ("site.rsl", "rsl"),
        ("still.png", "plus"),
        ("tdmrep.json", "tdmrep_file"),
        ("terms.html", "natural_language"),
    ]
    assert report.num_signals == len(stated)
    for one in facts(settings, "evidence"):
        kept = (settings.home / "evidence" / one["sha256"]).read_bytes()
        assert (len(kept), one["grade"]) == (one["bytes"], "E0")
    assert report.num_evidence == len(facts(settings, "evidence")) == 14


def test_scanning_twice_changes_nothing(settings, folder):
    write(folder, EVERYTHING)
    first = scanned(settings)
    before = every_fact(settings)
    again = scan("demo", settings, now=NOW + timedelta(days=1), run_id="r2")
    assert (again.counts(), every_fact(settings)) == (first.counts(), before)


def test_every_companion_is_counted_as_one_by_ingest_too(settings, folder):
    write(folder, EVERYTHING)
    film(folder / "film.mp4")
    report = scanned(settings)
    done = ingest("demo", settings, at_once=0, run_id="r1", now=NOW)
    with reading(open_catalog(settings.catalog_url)) as session:
        status = {one.path: one.status for one in files_of(session, "demo")}
    companions = {path for path, word in status.items() if word == "companion"}
    assert companions == EVERYTHING.keys() - {"still.png", "clip.webp"}
    assert report.companions == done.num_companions == len(companions)
    assert done.conserved


def test_without_the_extra_a_manifest_is_unread_until_it_is_there(settings, folder, monkeypatch):
    pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
    attach_layers(settings, {"layer": "copyright", "basis": [TDM]})
    raw = film(folder / "film.mp4").read_bytes()
    entries = {"cawg.ai_generative_training": {"use": "allowed"}}
    (folder / "film.mp4").write_bytes(signed(raw, "video/mp4", entries))
    monkeypatch.setattr("pipelines.scan.credentials.installed", lambda: False)
    scanned(settings)
    assert reasons(settings) == ("SIGNAL_MALFORMED",)

    monkeypatch.undo()
    scanned(settings)
    assert layers(settings)[0]["signals"] == [
        {"cawg": {"ai_generative_training": "allowed"}, "valid": True}
    ]
    assert reasons(settings) == ("TDM4", "GRANT")

    before = every_fact(settings)
    monkeypatch.setattr("pipelines.scan.credentials.installed", lambda: False)
    scan("demo", settings, now=NOW + timedelta(days=1), run_id="r2")
    assert (every_fact(settings), reasons(settings)) == (before, ("TDM4", "GRANT"))


def test_a_manifest_without_a_word_on_training_is_silent(settings, folder):
    pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
    raw = film(folder / "film.mp4").read_bytes()
    (folder / "film.mp4").write_bytes(signed(raw, "video/mp4", None))
    report = scanned(settings)
    assert (report.num_signals, report.num_evidence) == (0, 1)


def test_progress_counts_up_to_all(settings, folder):
    for name in "abc":
        (folder / name).write_text(name)
    told = []
    scan("demo", settings, now=NOW, run_id="r1", progress=lambda *one: told.append(one))
    assert told[-1] == ("scan", 3, 3)
