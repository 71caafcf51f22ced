"""What people of law do at the command line: settle a signal, approve a rule, take that back."""

import json
import shlex

import pytest
from typer.testing import CliRunner

from catalog import rights
from catalog.acts import acts
from licensing.errors import ClearwayError
from pipelines.accounts.station import COMMAND_LINE
from pipelines.cli import app
from tests.pages import commands
from tests.pipelines.small_world import NOW, add_source, looking, make_world, writing

RULE = "EU-CDSM-4"
OPEN = {"layer": "copyright", "basis": [], "signals": []}
WHERE = {"path": "a.xmp", "place": "XMP", "sha256": "cd" * 32}
WHY = ("--reason", "read in the file, line 3")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = make_world(tmp_path_factory.mktemp("acts"))
    for number, name in enumerate(("films", "plays")):
        add_source(made, name, [OPEN], seconds=2, seed=number)
        with writing(made) as session:
            for about in ("a.mp4", "b.mp4"):
                mark = {"layer_id": "*", "about": about, "where": WHERE, "unread": "XMP not read"}
                rights.attach(session, name, "signal", mark, now=NOW)
    return made


@pytest.fixture
def run(settings, monkeypatch):
    for name, value in settings.environ().items():
        monkeypatch.setenv(name, value)

    def ran(*words):
        done = CliRunner().invoke(app, ["rights", *words])
        assert done.exit_code == 0, f"{words}: {done.exception!r} {done.output}"
        return done.stdout

    return ran


def rows(run, *words):
    return [json.loads(line) for line in run(*words, "--json").splitlines()]


def refused(*words):
    done = CliRunner().invoke(app, ["rights", *words])
    assert isinstance(done.exception, ClearwayError), done.output
    return done.exception


def last_act(settings, subject):
    with looking(settings) as session:
        (*_, act) = acts(session, subject=subject)
    return act


def test_an_unread_signal_is_found_and_settled_for_its_whole_statement(settings, run):
    listed = rows(run, "unread", "plays")
    assert {one["about"] for one in listed} == {"a.mp4", "b.mp4"}
    assert {one["source"] for one in rows(run, "unread")} >= {"plays"}
    assert listed[0]["signal"] in run("unread")
    fact = listed[0]["signal"]

    would = run("settle", fact, "--reading", "reserved", *WHY, "--dry-run")
    assert "2 unread mark(s) would be void" in would
    assert rows(run, "unread", "plays") == listed
    (done,) = rows(run, "settle", fact, "--reading", "reserved", *WHY)

    assert done == {"source": "plays", "reading": "reserved", "facts": 2, "dry_run": False}
    assert not rows(run, "unread", "plays")
    assert (last_act(settings, fact).act, last_act(settings, fact).actor) == (
        "settle", COMMAND_LINE,
    )  # fmt: skip
    assert refused("settle", fact, "--reading", "silent", *WHY).code == "ALREADY_SETTLED"
    missing = refused("settle", "nobody", "--reading", "silent", *WHY)
    assert (missing.code, "clearway rights unread" in missing.way_out) == ("UNKNOWN_ID", True)
    assert refused("settle", fact, "--reading", "odd", *WHY).code == "READING_UNKNOWN"


def test_a_rule_is_approved_and_taken_back(settings, run):
    said = ("plays", RULE, "--reason", "opinion 12")
    (before,) = (one for one in rows(run, "rules", "plays") if one["rule"] == RULE)
    assert (before["stands"], before["state"]) == (False, "off: no counsel enabled it")
    assert "would stand on 1 layer(s)" in run("approve", *said, "--dry-run")
    assert refused("withdraw", *said).code == "NOT_APPROVED"

    (done,) = rows(run, "approve", *said, "--lawful-access", "yes")

    assert done == {"source": "plays", "rule": RULE, "layers": 1, "dry_run": False}
    assert (last_act(settings, "plays").act, last_act(settings, "plays").actor) == (
        "approve", COMMAND_LINE,
    )  # fmt: skip
    assert refused("approve", *said, "--lawful-access", "yes").code == "ALREADY_APPROVED"
    assert "would stand" in run("withdraw", *said, "--dry-run")
    assert "no longer stands on 1 layer(s)" in run("withdraw", *said)
    assert "taken back from" in run("rules", "plays")
    (after,) = (one for one in rows(run, "rules", "plays") if one["rule"] == RULE)
    assert (after["stands"], after["reason"]) == (False, "opinion 12")
    assert last_act(settings, "plays").about["at"] == after["until"]


@pytest.mark.usefixtures("run")
def test_an_access_that_is_no_answer_is_wrong_usage():
    words = ["rights", "approve", "plays", RULE, "--reason", "x", "--lawful-access", "maybe"]
    assert CliRunner().invoke(app, words).exit_code == 2


def test_the_commands_of_the_pages_do_what_the_pages_say(settings, run):
    (signal, *_) = [one["signal"] for one in rows(run, "unread", "films")]
    told = [
        run(*shlex.split(line.replace("SIGNAL", signal))[2:])
        for page, part in (("signals.md", "settle"), ("rights.md", "counsel"))
        for line in commands(page, part)
    ]

    assert [one.startswith("source films: ") for one in told].count(True) == 5
    assert not rows(run, "unread", "films")
    with looking(settings) as session:
        assert [one.act for one in acts(session, subject="films")] == ["approve", "withdraw"]
