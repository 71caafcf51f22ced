"""`clearway audit replay`, `diff` and `trace` as people type them, wrong usage too."""

import json
import shlex
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from tests.pages import commands


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with one decision on record."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    run("init")
    run("source", "add", "films", "--uri", "films", "--modality", "video", "--owner", "acme")
    run("rights", "attach", "films", "--licence", "CC BY-NC 4.0", "--grade", "E2")
    run("request", "new", "request.toml")
    run("clear", "request.toml")
    return tmp_path


def run(*words, code=0):
    done = CliRunner().invoke(app, words)

    assert done.exit_code == code, f"{words}: {done.exception!r} {done.output}"
    return done.stdout


def rows(*words, code=0):
    return [json.loads(line) for line in run(*words, "--json", code=code).splitlines()]


@pytest.mark.usefixtures("home")
def test_a_decision_is_replayed_by_the_start_of_its_id():
    (line,) = rows("audit", "list", "decisions")

    told = run("audit", "replay", line["id"][:8])
    (replayed,) = rows("audit", "replay", line["id"])

    assert told.endswith("1 replayed, 1 equal, 0 differ\n")
    assert (replayed["decision"], replayed["equal"]) == (line["id"], True)
    assert rows("audit", "replay", "--all", "--sample", "5") == [replayed]


def test_a_decision_that_differs_is_exit_1_and_told_field_by_field(home):
    with sqlite3.connect(home / ".clearway/catalog.sqlite") as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
            connection.execute(f"DROP TRIGGER {name}")
        words = ('"verdict":"deny"', '"verdict":"permit"')
        connection.execute("UPDATE decisions SET doc = replace(doc, ?, ?)", words)

    told = run("audit", "replay", "--all", code=1)

    assert '  verdict: recorded "permit", now "deny"' in told
    assert "1 replayed, 0 equal, 1 differ" in told


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("words", [[], ["0abc", "--all"], ["0abc", "--sample", "2"]])
def test_one_decision_or_all(words):
    assert CliRunner().invoke(app, ["audit", "replay", *words]).exit_code == 2


@pytest.mark.usefixtures("home")
def test_what_changed_between_two_instants_and_what_it_turned():
    run("request", "check", "request.toml", "--save", "asked")
    since = datetime.now(tz=UTC).isoformat()
    run("rights", "attach", "films", "--licence", "CC BY 4.0", "--grade", "E2")
    until = datetime.now(tz=UTC).isoformat()

    *facts, turned = rows("audit", "diff", "--known", since, "--known", until)
    told = run("audit", "diff", "--known", since, "--known", until)

    assert {one["what"] for one in facts} == {"added"}
    assert (turned["source"], turned["request"]) == ("films", "asked")
    assert turned["from"] != turned["to"]
    assert told.splitlines()[-1] == (
        f"{len(facts)} changes of facts, 0 standings changed, 1 decisions turned"
    )


@pytest.mark.usefixtures("home")
def test_what_is_not_listed_as_it_was_known_is_wrong_usage():
    words = ["audit", "list"]
    then = ["--known", "2026-03-01T00:00:00Z"]

    assert CliRunner().invoke(app, [*words, "decisions", *then]).exit_code == 0
    assert CliRunner().invoke(app, [*words, "files", *then]).exit_code == 2
    assert CliRunner().invoke(app, [*words, "decisions", "--known", "2026-03-01"]).exit_code == 2


@pytest.mark.usefixtures("home")
def test_a_difference_needs_two_instants_the_earlier_first():
    words = ["audit", "diff", "--known", "2026-03-02T00:00:00Z", "--known"]

    assert CliRunner().invoke(app, words[:-1]).exit_code == 2
    assert CliRunner().invoke(app, [*words, "2026-03-01T00:00:00Z"]).exit_code == 2
    assert CliRunner().invoke(app, [*words, "2026-03-03"]).exit_code == 2


@pytest.mark.usefixtures("home")
def test_every_place_that_shows_a_decision_says_how_it_stands():
    words = ["--licence", "MIT", "--grade", "E2"]
    run("source", "add", "games", "--uri", "films", "--modality", "synthetic", "--owner", "acme")
    run("rights", "attach", "games", *words, "--settled", "generator, asset packs, tool=none")
    run("clear", "request.toml")
    since = datetime.now(tz=UTC).isoformat()
    permitted = [one for one in rows("audit", "list", "decisions") if one["verdict"] == "permit"]
    assert [one["source"] for one in permitted] == ["games"]
    run("revoke", "games", "--reason", "void")
    until = datetime.now(tz=UTC).isoformat()

    (listed,) = (one for one in rows("audit", "list", "decisions") if one["verdict"] == "permit")
    (replayed,) = rows("audit", "replay", listed["id"])
    moved = [
        one
        for one in rows("audit", "diff", "--known", since, "--known", until)
        if one["what"] == "standing"
    ]

    assert (listed["standing"], listed["standing_state"]) == ("defeated (void)", "defeated")
    assert (replayed["standing"], replayed["equal"]) == ("defeated (void)", True)
    assert [(one["decision"], one["from"], one["to"]) for one in moved] == [
        (listed["id"], "stands", "defeated (void)")
    ]
    then = rows("audit", "list", "decisions", "--known", since)
    assert [one["standing"] for one in then if one["id"] == listed["id"]] == ["stands"]
    assert rows("audit", "list", "revocations", "--known", since) == []
    assert "permit, equal, defeated (void)" in run("audit", "replay", listed["id"])
    assert "defeated (void)" in run("audit", "trace", "games", "--down")
    assert "Standing: defeated (void)." in run("rights", "explain", listed["id"])
    assert f"decision {listed['id'][:16]} of games" in run(
        "audit", "diff", "--known", since, "--known", until
    )


@pytest.mark.usefixtures("home")
def test_a_trace_is_told_in_every_form_and_written_where_asked():
    tree = run("audit", "trace", "films", "--down")
    (doc,) = rows("audit", "trace", "films", "--down")
    same = run("audit", "trace", "films", "--down", "--format", "json")
    graph = run("audit", "trace", "films", "--down", "--format", "dot")
    written = run("audit", "trace", "films", "--down", "--format", "svg", "--to", "out/films.svg")

    assert tree.splitlines()[0] == "source films"
    assert json.loads(same) == doc
    assert (doc["kind"], [one["kind"] for one in doc["children"]]) == ("source", ["decision"])
    assert graph.startswith('digraph "What came of source films"')
    assert written == "wrote out/films.svg\n"
    assert "<title" in Path("out/films.svg").read_text(encoding="utf-8")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("part", ["replay", "trace"])
def test_the_commands_of_the_page_run_as_they_stand(part):
    for line in commands("audit.md", part):
        run(*shlex.split(line)[1:])


@pytest.mark.usefixtures("home")
def test_a_trace_is_told_in_one_form():
    words = ["audit", "trace", "films", "--json", "--format"]

    assert CliRunner().invoke(app, [*words, "json"]).exit_code == 0
    assert CliRunner().invoke(app, [*words, "svg"]).exit_code == 2
    assert CliRunner().invoke(app, [*words, "png"]).exit_code == 2
    assert run("audit", "trace", "films", "--format", "openlineage") == ""  # nothing made yet
