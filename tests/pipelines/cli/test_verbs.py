"""What people type: registering, attaching, asking, listing, in a home of their own."""

import json
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from licensing.errors import ClearwayError
from pipelines.cli import app

SETTLED = ("--settled", "persons, premises, marks=none seen")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    run("init")
    run("source", "add", "films", "--uri", "films", "--modality", "video", "--owner", "acme")
    return tmp_path


def run(*words, text=None):
    done = CliRunner().invoke(app, words, input=text)

    assert done.exit_code == 0, f"{words}: {done.exception!r}"
    return done.stdout


def rows(*words):
    return [json.loads(line) for line in run(*words, "--json").splitlines()]


def refused(*words):
    done = CliRunner().invoke(app, words)

    assert isinstance(done.exception, ClearwayError)
    return done.exception


def test_init_may_be_repeated(home):
    before = (home / ".clearway/keys").stat().st_mtime_ns

    run("init")

    assert (home / ".clearway/keys").stat().st_mtime_ns == before
    assert [one["state"] for one in rows("doctor")].count("FAILED") == 0


def test_doctor_names_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    done = CliRunner().invoke(app, ["doctor", "--json"])

    assert done.exit_code == 1
    failed = [one for one in map(json.loads, done.stdout.splitlines()) if one["state"] == "FAILED"]
    assert "CATALOG_MISSING" in failed[0]["detail"]


def test_a_home_that_is_not_there_is_an_error_with_a_way_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    error = refused("source", "list")

    assert (error.code, error.way_out) == ("CATALOG_MISSING", "clearway init")


@pytest.mark.usefixtures("home")
def test_lists_print_one_json_object_a_line():
    assert [one["id"] for one in rows("source", "list")] == ["films"]
    assert [one["id"] for one in rows("party", "list")] == ["acme"]
    assert [one["id"] for one in rows("audit", "list", "sources")] == ["films"]
    for kind in ("files", "clips", "decisions", "training-sets", "runs", "checkpoints"):
        assert rows("audit", "list", kind) == []


def test_rights_attached_by_flags_decide_a_request(home):
    run("request", "new", "request.toml")
    before = rows("clear", "request.toml")
    (home / "LICENSE").write_text("CC BY 4.0")

    run("rights", "attach", "films", "--licence", "CC BY 4.0", "--grade", "E2",
        "--evidence", "LICENSE", *SETTLED)  # fmt: skip
    after = rows("clear", "request.toml")

    assert (before[0]["verdict"], before[0]["reasons"]) == ("undetermined", ["NO_LAYERS"])
    assert (after[0]["source"], after[0]["verdict"]) == ("films", "permit")
    assert after[0]["obligations"][0].startswith("attribute")


@pytest.mark.usefixtures("home")
def test_the_worklist_says_what_would_free_hours():
    run("request", "new", "request.toml")
    run("rights", "attach", "films", "--licence", "CC BY-NC 4.0", "--grade", "E2", *SETTLED)

    (line,) = rows("clear", "request.toml", "--worklist")
    table = run("clear", "request.toml", "--worklist")

    assert line == {"keys": ["films/agreement:copyright"], "hours": 0.0, "sources": ["films"]}
    assert "films/agreement:copyright" in table
    assert "hours held back by reason: 0.000 NC" in table


@pytest.mark.usefixtures("home")
def test_what_is_nearly_cleared_is_listed_with_what_it_lacks():
    run("request", "new", "request.toml")
    run("rights", "attach", "films", "--licence", "CC BY-NC 4.0", "--grade", "E2", *SETTLED)

    (line,) = rows("clear", "request.toml", "--nearly")

    assert (line["source"], line["keys"]) == ("films", ["agreement:copyright"])
    assert "agreement:copyright" in run("clear", "request.toml", "--nearly")


@pytest.mark.usefixtures("home")
def test_what_nothing_within_three_frees_is_said():
    run("request", "new", "request.toml")

    assert rows("clear", "request.toml", "--worklist")[0]["keys"] == []
    assert "no set of three or fewer" in run("clear", "request.toml", "--worklist")


@pytest.mark.usefixtures("home")
def test_a_decision_is_explained_with_what_would_unlock_it():
    run("request", "new", "request.toml")
    run("rights", "attach", "films", "--licence", "CC BY-NC 4.0", "--grade", "E2", *SETTLED)
    (line,) = rows("clear", "request.toml")

    told = run("rights", "explain", line["decision"][:8])
    (proof,) = rows("rights", "explain", line["decision"])

    assert "non-commercial use only" in told
    assert told.endswith("It would be permitted with\n  agreement:copyright\n")
    assert proof["unlock"] == [["agreement:copyright"]]
    assert proof["proof"]["verdict"] == "deny"


@pytest.mark.usefixtures("home")
def test_what_no_fact_unlocks_is_said_and_a_permit_needs_none():
    run("request", "new", "request.toml")
    (silent,) = rows("clear", "request.toml")
    run("rights", "attach", "films", "--licence", "MIT", "--grade", "E2", *SETTLED)
    (permit,) = rows("clear", "request.toml")

    assert "No set of three or fewer" in run("rights", "explain", silent["decision"])
    assert "permitted with" not in run("rights", "explain", permit["decision"])


@pytest.mark.usefixtures("home")
def test_an_unknown_decision_is_refused_with_a_way_to_find_it():
    error = refused("rights", "explain", "nothing-like-it")

    assert error.code == "UNKNOWN_ID"
    assert error.way_out == "`clearway audit list decisions` shows what is on record"


def test_a_layer_of_a_file_may_be_about_a_span(home):
    (home / "rights.toml").write_text(
        """[[layer]]
        layer = "neighbouring"
        stream = "audio"
        item = "walk_004.mp4"
        span = [3_000_000_000, 10_000_000_000]
        basis = [{ type = "unknown" }]
        """
    )
    run("rights", "attach", "films", "--file", "rights.toml")

    assert rows("rights", "show", "films")[0]["span"] == [3_000_000_000, 10_000_000_000]


@pytest.mark.usefixtures("home")
def test_an_aggregator_s_word_alone_permits_nothing():
    run("request", "new", "request.toml")
    run("rights", "attach", "films", "--licence", "CC BY 4.0", "--grade", "E4", *SETTLED)

    assert rows("clear", "request.toml")[0]["reasons"] == ["EVIDENCE_GRADE"]


@pytest.mark.usefixtures("home")
def test_a_request_is_never_written_over():
    run("request", "new", "request.toml")

    assert refused("request", "new", "request.toml").code == "FILE_EXISTS"


@pytest.mark.usefixtures("home")
def test_a_request_is_saved_under_a_name_and_version():
    run("request", "new", "request.toml")
    run("request", "check", "request.toml", "--save", "mine")

    assert [(one["id"], one["version"]) for one in rows("request", "list")] == [("mine", 1)]
    assert rows("clear", "mine")[0]["source"] == "films"


def test_cases_are_decided_one_line_each_whatever_they_say(tmp_path):
    layer = {"layer": "copyright", "basis": [{"type": "public_licence", "id": "CC-BY-NC-4.0"}]}
    request = {"action": "train_generative", "commercial": True, "release": "api"}
    cases = [
        {"id": "a", "layers": [layer], "request": request},
        {"id": "b", "layers": [layer], "request": {**request, "colour": "blue"}},
        "nonsense",
    ]
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(cases))

    answers = [json.loads(line) for line in run("rights", "decide", str(file)).splitlines()]

    assert [one["verdict"] for one in answers] == ["deny", "undetermined", "undetermined"]
    assert answers[0]["reasons"] == ["NC"]
    assert "colour" in answers[1]["reasons"][0]
    assert "NC" in run("rights", "explain", str(_only(file, cases[:1])))


def test_licence_strings_come_back_line_by_line():
    out = run("licence", "normalise", text="cc-by 4.0\n\nwho knows\n").splitlines()

    assert [json.loads(line)["licence"] for line in out] == ["CC-BY-4.0", None, None]


def test_every_line_in_gives_one_line_out_whatever_it_holds():
    lines = [
        *(b"\xef\xbb\xbfMIT", b"", b"MIT\r", b"M\x00IT", b"\xff\xfe", "CC\u2028BY".encode()),
        *(b"MIT\x0bMIT", "MIT\x85".encode(), b"isc\rmit", b"a" * 10_000_000, b"apache-2.0"),
    ]

    out = run("licence", "normalise", text=b"\n".join(lines)).splitlines()

    assert len(out) == len(lines)
    read = [json.loads(line)["licence"] for line in out]
    assert read[:5] == ["MIT", None, "MIT", None, None]
    assert read[5:] == ["LicenseRef-CC-BY", None, "MIT", None, None, "Apache-2.0"]
    assert run("licence", "normalise", text=b"") == ""


def test_cases_that_json_reads_and_nobody_means_are_undetermined(tmp_path):
    basis = '{"type": "public_licence", "id": "CC-BY-NC-4.0", "id": "MIT"}'
    layers = f'[{{"layer": "copyright", "basis": [{basis}]}}]'
    request = '{"action": "train", "commercial": true}'
    case = f'{{"id": "a", "layers": {layers}, "request": {request}}}'
    half = case.replace('"a"', '"\\ud800"').replace('"id": "MIT"', '"grade": "E2"')
    file = tmp_path / "cases.json"
    file.write_text(f"[{case}, {half}]", encoding="utf-8-sig")

    twice, surrogate = [
        json.loads(line) for line in run("rights", "decide", str(file)).splitlines()
    ]

    assert (twice["verdict"], twice["reasons"]) == ("undetermined", ["BAD_CASE:id"])
    assert "stated twice" in twice["message"]
    assert (surrogate["verdict"], surrogate["id"]) == ("undetermined", "\ud800")
    file.write_text("[" * 100_000, encoding="utf-8")
    assert refused("rights", "decide", str(file)).code == "FILE_UNREADABLE"


@pytest.mark.usefixtures("home")
def test_the_rulebook_can_be_read():
    assert any(one["id"] == "CC-BY-NC-4.0" for one in rows("licence", "list"))
    shown = rows("licence", "show", "CC-BY-NC-4.0")
    assert all(one["cite"] and one["note"] for one in shown)
    assert any(one["code"] == "NC" for one in shown)
    assert "irrevocable" in run("licence", "show", "CC BY-SA 4.0")
    assert "GPL-3.0-only" in run("licence", "show", "CC-BY-SA-4.0")
    assert "waiver" in rows("licence", "show", "cc0")[0]["cite"]
    assert "off until counsel" in run("licence", "show", "JP-CA-30-4")
    assert "no legal advice" in run("licence", "list")
    assert refused("licence", "show", "nothing").code == "LICENCE_UNKNOWN"


def test_keys_are_listed_rotated_and_exported(home):
    first = rows("keys", "list")
    run("keys", "rotate")
    run("keys", "export", "clearway.pub")

    assert len(rows("keys", "list")) == 2
    assert first[0] in rows("keys", "list")
    assert "PUBLIC KEY" in (home / "clearway.pub").read_text()


def test_the_log_is_verified_and_a_changed_row_is_found(home):
    import sqlite3

    assert "whole" in run("audit", "log", "verify")
    with sqlite3.connect(home / ".clearway/catalog.sqlite") as database:
        database.execute("DROP TRIGGER sources_no_update")
        database.execute("UPDATE sources SET doc = replace(doc, 'acme', 'mine')")
    database.close()

    done = CliRunner().invoke(app, ["audit", "log", "verify", "--json"])

    assert done.exit_code == 1
    assert json.loads(done.stdout)["broken"][0].startswith("sources films")


def test_a_quarantined_file_is_shown_released_and_tried_again(home):
    (home / "films/broken.mp4").write_bytes(b"<html>not a film</html>")
    run("ingest", "films", "--at-once", "0", "--report", "report.jsonl")

    held = rows("quarantine", "list")
    lines = [json.loads(line) for line in (home / "report.jsonl").read_text().splitlines()]

    assert [(one["path"], one["reason"]) for one in held] == [("broken.mp4", "NOT_THE_FORMAT")]
    assert [(one["path"], one["status"]) for one in lines] == [("broken.mp4", "quarantined")]
    assert "broken.mp4" in run("quarantine", "show", "films", "broken.mp4")
    run("quarantine", "release", "films", "broken.mp4")
    assert rows("quarantine", "list") == []
    assert refused("quarantine", "release", "films", "broken.mp4").code == "UNKNOWN_ID"


def test_signals_are_shown_with_what_they_say_and_where(home, monkeypatch):
    monkeypatch.setattr("pipelines.scan.credentials.installed", lambda: False)
    run("rights", "attach", "films", "--licence", "MIT", "--grade", "E2")
    assert "signals, and what they say" not in run("rights", "show", "films")
    for name in ("a", "b"):
        (home / f"films/{name}.html").write_text("<meta name=robots content=noai>")
    (home / "films/a.wav").write_bytes(b"RIFF\x30\0\0\0WAVEC2PA\x08\0\0\0" + bytes(8))
    (home / "films/robots.txt").write_text("Content-Signal: search=yes")
    (home / "mine.toml").write_text("[[signal]]\ntdmrep = 1\nsame_holder = true\n")
    run("ingest", "films", "--at-once", "0")
    run("rights", "attach", "films", "--file", "mine.toml")

    shown = [one for one in rows("rights", "show", "films") if "signal" in one]
    keys = ("signal", "value", "state", "place", "paths")
    assert sorted(tuple(str(one[key]) for key in keys) for one in shown) == [
        ("content_signal", "search=yes", "unset", "robots.txt", "['robots.txt']"),
        ("natural_language", "reserved", "reserved", "page", "['a.html', 'b.html']"),
        ("tdmrep", "1", "reserved", "attached", "[]"),
        ("unread", "C2PA manifest not readable", "malformed", "C2PA manifest", "['a.wav']"),
    ]
    assert [one["way_out"] for one in shown if "way_out" in one] == [
        "pip install 'clearway[c2pa]' and ingest again"
    ]
    text = run("rights", "show", "films")
    assert "a.html and 1 more" in text
    assert "train_generative" in text


def _only(file, cases):
    other = file.with_name("one.json")
    other.write_text(json.dumps(cases))
    return other


@pytest.mark.usefixtures("home")
def test_what_was_known_then_can_be_asked_again():
    run("request", "new", "request.toml")
    before = datetime.now(tz=UTC).isoformat()
    run("rights", "attach", "films", "--licence", "MIT", "--grade", "E2", *SETTLED)

    then, now = rows("clear", "request.toml", "--known", before), rows("clear", "request.toml")
    zoneless = CliRunner().invoke(app, ["clear", "request.toml", "--known", "2026-11-24T01:00:00"])

    assert (then[0]["verdict"], now[0]["verdict"]) == ("undetermined", "permit")
    assert zoneless.exit_code == 2
