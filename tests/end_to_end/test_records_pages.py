"""The commands of the pages on revocations, erasures, backups and derivations run as they stand."""

from __future__ import annotations

import shlex

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from tests.pages import commands
from tests.pipelines.places import events

CLOCK = ["time_field=t_ns", "time_unit=ns"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with sources of the pages, two of them ingested."""
    monkeypatch.chdir(tmp_path)
    said_by(["init"])
    for seed, name in enumerate(("films", "play", "captions")):
        events(tmp_path / name / "day-1.jsonl", rows=20, seed=2 * seed)
        events(tmp_path / name / "day-2.jsonl", rows=20, seed=2 * seed + 1)
        options = [word for one in CLOCK for word in ("--option", one)]
        said_by(["source", "add", name, "--uri", name, "--modality", "game", *options])
        said_by(["rights", "attach", name, "--licence", "MIT"])
    for name in ("films", "play"):
        said_by(["ingest", name, "--at-once", "0", "--no-decode"])
    return tmp_path


def said_by(words: list[str]) -> str:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, f"{words}: {done.exception!r} {done.output}"
    return done.stdout


def run(page: str, part: str, **places: str) -> list[str]:
    """Run the commands under a mark of a page, one after the other; return what each said."""
    lines = commands(page, part)
    for place, real in places.items():
        lines = [line.replace(f"/{place}/", f"{real}/") for line in lines]
    return [said_by(shlex.split(line)[1:]) for line in lines]


@pytest.mark.usefixtures("home")
def test_what_a_loss_would_cost_is_shown_and_nothing_changes():
    before = said_by(["audit", "log", "verify"])
    (said,) = run("revoke.md", "before signing")
    assert "would end" in said
    assert said_by(["audit", "log", "verify"]) == before


def test_a_source_is_erased_file_by_file_and_as_a_whole(home):
    said_by(["revoke", "play", "--reason", "taken_down"])
    would, file, whole = run("erase.md", "erase")
    assert "would" in would
    assert len(list((home / ".clearway/erasures").iterdir())) == 2, (file, whole)
    assert not (home / ".clearway/lake/play").exists()


def test_a_backup_is_made_read_and_restored(home):
    made, would, done, agreed = run("operate.md", "backup", backups=str(home / "backups"))
    assert ("backed up" in made, "would restore" in would, "restored" in done) == (True,) * 3
    assert "agree" in agreed


@pytest.mark.usefixtures("home")
def test_captions_say_what_they_were_made_from():
    added, shown = run("rights.md", "derive")
    assert "made from films" in added
    assert "captioner 2.1" in shown
