"""Companions: each place of the signals page as it lies among files, and what cannot be read."""

from __future__ import annotations

import pytest

from pipelines import statements
from pipelines.scan import companions
from pipelines.scan.companions import read_companion
from pipelines.scan.statement import Files
from pipelines.statements import statement_place
from tests.pipelines.scan.made import NO_TRAINING, RESERVED, write, xmp

RSL = (
    '<rsl xmlns="https://rslstandard.org/rsl"><content url="https://a.example/*"><license>'
    '<prohibits type="usage">ai-train</prohibits></license></content></rsl>'
)
SAID = {"all": "allowed", "ai-train": "reserved", "ai-input": "allowed", "ai-index": "allowed",
        "search": "allowed"}  # fmt: skip
PLUS = {"plus": "DMI-PROHIBITED"}
PDF = b"%PDF-1.7 << /Type /Metadata >> stream\n" + xmp() + b"\nendstream"


def said(folder, files, path, place=""):
    write(folder, files)
    view = Files.of(str(folder), files)
    found = read_companion(view, path, place or statement_place(path))
    return [dict(signal) for one in found for signal in one.signals]


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("tdmrep.json", '[{"location": "/a", "tdm-reservation": 1}]', [{"tdmrep_file": 1}]),
        ("tdmrep.json", '[{"location": "/b", "tdm-reservation": 1}]', []),
        ("robots.txt", "User-agent: *\nDisallow: /a", [{"robots": "reserved"}]),
        ("robots.txt", "User-agent: *\nDisallow: /b", []),
        ("robots.txt", "Content-Signal: ai-train=no", [{"content_signal": "ai-train=no"}]),
        ("robots.txt", "Content-Usage: train-ai=n;exceptions=cc-cr",
         [{"aipref": "train-ai=n;exceptions=cc-cr"}]),
        ("robots.txt", "", []),
        ("site.rsl", RSL, [{"rsl": SAID}]),
        ("rsl.xml", "<rsl/>", [{"unread": "RSL"}]),
        ("a.mp4.headers", "HTTP/1.1 200 OK\r\nTDM-Reservation: 1", [{"tdmrep_header": "1"}]),
        ("a.http", "Content-Usage: train-ai=n", [{"aipref": "train-ai=n"}]),
        ("a.headers", "no line of a header", [{"unread": "HTTP headers not readable"}]),
        ("terms.html", f"<p>{NO_TRAINING}</p>", [RESERVED]),
        ("x.HTM", '<meta name="tdm-reservation" content="1">', [{"tdmrep_html": "1"}]),
        ("a.xmp", xmp(), [PLUS]),
        ("README.md", f"# Films\n\n{NO_TRAINING}", [RESERVED]),
        ("LICENSE.crafter", NO_TRAINING.encode("utf-16"), [RESERVED]),
        ("TERMS", f"<!DOCTYPE html><p>{NO_TRAINING}", [RESERVED]),
        ("Terms of use.txt", "All rights reserved.", []),
        ("paper.pdf", PDF, [PLUS]),
        ("NOTICE", "version https://git-lfs.github.com/spec/v1\n",
         [{"unread": "text not readable"}]),
    ],
)  # fmt: skip
def test_a_place(path, content, expected, tmp_path):
    assert said(tmp_path, {path: content, "a.mp4": b"film"}, path) == expected


@pytest.mark.parametrize(
    ("referrer", "content"),
    [
        ("robots.txt", "License: https://a.example/terms/license.xml"),
        ("page.html", '<link rel="license" type="application/rsl+xml" href="license.xml">'),
        ("a.headers", 'Link: <https://a.example/license.xml>; rel="license"'),
    ],
)  # fmt: skip
def test_a_link_leads_to_the_document_beside(referrer, content, tmp_path):
    assert said(tmp_path, {referrer: content, "license.xml": RSL}, referrer) == [{"rsl": SAID}]
    assert said(tmp_path / "alone", {referrer: content}, referrer) == [{"unread": "RSL elsewhere"}]


def test_a_link_is_followed_by_path_and_never_out_of_the_source(tmp_path):
    (tmp_path / "secret.rsl").write_text(RSL)
    text = "License: /legal/my%20terms.rsl\nLicense: ../secret.rsl\nLicense: http://[bad/x.rsl"
    files = {"robots.txt": text, "legal/my terms.rsl": RSL}
    unread = {"unread": "RSL elsewhere"}
    assert said(tmp_path / "source", files, "robots.txt") == [{"rsl": SAID}, unread, unread]


def test_more_links_than_are_followed(tmp_path):
    text = "\n".join(f"License: {k}.rsl" for k in range(101))
    assert said(tmp_path, {"robots.txt": text}, "robots.txt")[-1] == {
        "unread": "RSL in too many places"
    }


@pytest.mark.parametrize(
    ("status", "expected"),
    [("200 OK", []), ("404 Not Found", []), ("503 Busy", [{"robots": "reserved"}])],
)
def test_the_status_of_robots_txt_counts(status, expected, tmp_path):
    body = "User-agent: *\nAllow: /" if status.startswith("200") else "Disallow: /"
    files = {"robots.txt": body, "robots.txt.http": f"HTTP/1.1 {status}\r\n\r\n", "a": "a"}
    assert said(tmp_path, files, "robots.txt") == expected


def test_a_site_begins_in_the_folder_of_its_file(tmp_path):
    rules = '[{"location": "/a", "tdm-reservation": 1}]'
    files = {"site/.well-known/tdmrep.json": rules, "a": "a", "site/b": "b", "sites": "c"}
    assert said(tmp_path, files, "site/.well-known/tdmrep.json") == []
    assert said(tmp_path, files | {"site/a": "a"}, "site/.well-known/tdmrep.json") == [
        {"tdmrep_file": 1}
    ]


@pytest.mark.parametrize(
    "path", ["tdmrep.json", "robots.txt", "a.rsl", "a.xmp", "a.html", "README"]
)
def test_what_is_too_long_is_unread(path, tmp_path, monkeypatch):
    monkeypatch.setattr(companions, "LONGEST", dict.fromkeys(companions.LONGEST, 3))
    (found,) = said(tmp_path, {path: "four"}, path)
    assert found in (
        {"tdmrep_file": "unreadable"},
        {"unread": f"{statement_place(path)} not readable"},
    )


def test_what_is_gone_is_unread(tmp_path):
    (found,) = read_companion(Files.of(str(tmp_path), ["robots.txt"]), "robots.txt", "robots.txt")
    assert found.signals == ({"unread": "robots.txt not readable"},)


@pytest.mark.parametrize(
    ("sidecar", "beside", "about"),
    [
        ("a.xmp", ["a.mp4", "a.jsonl", "a.headers", "b.mp4"], ("a.jsonl", "a.mp4")),
        ("a.mp4.headers", ["a.mp4", "a.jsonl"], ("a.mp4",)),
        ("f/a.xmp", ["a.mp4"], ()),
        ("terms.html.headers", ["terms.html"], ()),
        ("paper.pdf.http", ["paper.pdf"], ()),
    ],
)
def test_a_sidecar_speaks_of_the_recordings_beside_it(sidecar, beside, about, tmp_path):
    assert Files.of(str(tmp_path), [sidecar, *beside]).described_by(sidecar) == about


def test_a_manifest_in_a_pdf_is_seen(tmp_path):
    write(tmp_path, {"a.pdf": PDF + b"/AFRelationship /C2PA_Manifest"})
    found = read_companion(Files.of(str(tmp_path), ["a.pdf"]), "a.pdf", "PDF")
    assert [one.place for one in found] == ["PDF", "C2PA manifest"]


@pytest.mark.parametrize(
    "path",
    [
        "film.mp4",
        "data.csv",
        "terms.csv",
        "notice.jsonl",
        "licensee.txt",
        "train.log",
        "termsheet.md",
    ],
)
def test_other_files_state_nothing_by_their_names(path):
    assert statement_place(path) == ""


def test_every_place_has_a_way_to_be_read():
    named = {*statements.BY_NAME.values(), *statements.BY_SUFFIX.values(), "text"}
    assert named - {"EPUB", "C2PA manifest"} == set(companions.LONGEST) == set(companions._READ)
