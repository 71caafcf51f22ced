"""Capture: which file is read as what, and files that are gone, broken or too long."""

from __future__ import annotations

import pytest

from pipelines import storage
from pipelines.scan import capture as module
from pipelines.scan import credentials
from pipelines.scan.capture import capture
from pipelines.storage import Listed
from tests.pipelines.places import film
from tests.pipelines.scan.made import JUMBF, NO_TRAINING, book, mp4, png, signed, write, xmp


def found(folder, files):
    write(folder, files)
    keep = folder.parent / "evidence"
    captured = capture(str(folder), tuple(storage.list_files(str(folder))), keep)
    return [(one.path, one.place, [dict(signal) for signal in one.signals])
            for one in captured.statements]  # fmt: skip


def unread(place):
    return [{"unread": f"{place} not readable"}]


def test_bytes_come_before_names(tmp_path):
    files = {
        "license.mp4": mp4(),
        "terms.html": png((b"tEXt", NO_TRAINING.encode())),
        "film.mp4": b"%PDF-1.4 << /Type /Metadata >>",
        "paper.pdf": f"<html>{NO_TRAINING}",
        "book": book(b"<package"),
    }
    assert found(tmp_path, files) == [
        ("book", "EPUB", [{"unread": "package file"}]),
        ("film.mp4", "PDF", [{"unread": "PDF metadata"}]),
        ("terms.html", "words", [{"natural_language": "reserved"}]),
    ]


def test_books_that_cannot_be_read(tmp_path, monkeypatch):
    broken = book(b"", container=b"<a/>")
    assert found(tmp_path, {"a.epub": broken}) == [("a.epub", "EPUB", unread("EPUB"))]
    assert found(tmp_path, {"a.epub": book(b"<package/>")}) == []
    monkeypatch.setattr(module, "_LONGEST_BOOK", 10)
    assert found(tmp_path, {"a.epub": book(b"<package/>")}) == [("a.epub", "EPUB", unread("EPUB"))]


def test_what_is_gone_is_unread_where_it_would_have_spoken(tmp_path):
    names = ("robots.txt", "a.c2pa", "gone.mp4", "b.pdf")
    listed = [Listed(path=name, size_bytes=1) for name in names]
    captured = capture(str(tmp_path), listed, tmp_path)
    assert [(one.path, one.signals) for one in captured.statements] == [
        ("robots.txt", ({"unread": "robots.txt not readable"},)),
        ("a.c2pa", ({"unread": "C2PA manifest not readable"},)),
        ("b.pdf", ({"unread": "PDF not readable"},)),
    ]


def test_a_path_that_must_not_be_read_is_not_read(tmp_path):
    write(tmp_path, {"robots.txt": "Disallow: /", "a.mp4": xmp()})
    names = ("robots.txt", "a.mp4")
    listed = [Listed(path=name, size_bytes=1, problem="UNSAFE_CONTENT") for name in names]
    captured = capture(str(tmp_path), listed, tmp_path)
    assert [(one.path, one.sha256) for one in captured.statements] == [("robots.txt", "")]
    assert captured.companions == 0


def test_a_manifest_beside_a_film_is_read_with_it(tmp_path):
    pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
    entries = {"cawg.data_mining": {"use": "notAllowed"}}
    raw = signed(film(tmp_path / "a.mp4").read_bytes(), "video/mp4", entries)
    at = raw.find(b"manifest\0") + 17
    store = raw[at : at + int.from_bytes(raw[at : at + 4], "big")]
    said = {"cawg": {"data_mining": "notAllowed"}, "valid": False}  # other offsets than were signed
    assert found(tmp_path, {"a.c2pa": store, "b.c2pa": JUMBF}) == [
        ("a.c2pa", "C2PA manifest", [said]),
        ("b.c2pa", "C2PA manifest", unread("C2PA manifest")),
    ]


def test_a_reader_that_answers_anything_else_has_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(credentials, "installed", lambda: True)
    monkeypatch.setattr(credentials, "read_stores", lambda assets: [["no store"] for _ in assets])
    files = {"a.wav": b"RIFF\x20\0\0\0WAVEC2PA\x08\0\0\0" + bytes(8)}
    assert found(tmp_path, files) == [("a.wav", "C2PA manifest", unread("C2PA manifest"))]
