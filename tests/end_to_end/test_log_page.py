"""A stranger verifies with the commands of the page on the log, and sees what was changed."""

from __future__ import annotations

import json
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from licensing.errors import PaperError
from pipelines.cli import app
from tests.pages import DOCS, commands

PAGE = (DOCS / "log.md").read_text(encoding="utf-8")


def said_by(words: list[str]) -> str:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, f"{words}: {done.exception!r}"
    return done.stdout


def run(part: str) -> str:
    """Run the commands under a mark of the page, in the folder of now."""
    said = ""
    for line in commands("log.md", part):
        command, _, target = line.partition(" > ")
        said = said_by(shlex.split(command)[1:])
        if target:
            Path(target).write_text(said, encoding="utf-8")
    return said


@pytest.fixture
def keeper(tmp_path, monkeypatch):
    (tmp_path / "keeper/films").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "keeper")
    said_by(["init"])
    source = ["source", "add", "films", "--uri", "films", "--modality", "video"]
    said_by([*source, "--owner", "acme"])
    return tmp_path / "keeper"


@pytest.fixture
def stranger(tmp_path):
    (tmp_path / "stranger").mkdir()
    return tmp_path / "stranger"


def give(keeper, stranger, *names):
    for name in names:
        (stranger / name).write_bytes((keeper / name).read_bytes())


def test_a_stranger_verifies_with_the_commands_of_the_page(keeper, stranger, monkeypatch):
    run("keeper")
    give(keeper, stranger, "films.json", "clearway.pub")
    monkeypatch.chdir(stranger)
    assert "sources films" in run("stranger")

    monkeypatch.chdir(keeper)
    said_by(["request", "new", "request.toml"])
    said_by(["clear", "request.toml"])
    run("later")
    give(keeper, stranger, "since.json")
    monkeypatch.chdir(stranger)

    assert "passed older head: the first" in run("stranger again")
    assert sorted(one.name for one in stranger.iterdir()) == [
        "clearway.pub", "films.json", "since.json",
    ]  # fmt: skip


def test_a_changed_proof_is_refused_with_what_and_where(keeper, stranger, monkeypatch):
    run("keeper")
    give(keeper, stranger, "films.json", "clearway.pub")
    monkeypatch.chdir(stranger)
    proof = Path("films.json")
    proof.write_text(proof.read_text(encoding="utf-8").replace("acme", "mine"), encoding="utf-8")

    done = CliRunner().invoke(app, ["verify", "films.json", "--key", "clearway.pub"])

    assert isinstance(done.exception, PaperError)
    assert done.exception.code == "DOCUMENT_CHANGED"
    assert "films.json: entry 1" in str(done.exception)
    assert "failed entry 1: the document is not the one of sources films" in done.stdout


def test_a_changed_row_is_named_as_the_page_says(keeper):
    with closing(sqlite3.connect(keeper / ".clearway/catalog.sqlite")) as connection:
        connection.execute("DROP TRIGGER sources_no_update")
        connection.execute("UPDATE sources SET doc = replace(doc, 'acme', 'mine')")
        connection.commit()

    done = CliRunner().invoke(app, ["audit", "log", "verify"])

    assert done.exit_code == 1
    assert "sources films: the row differs from the log" in done.stdout
    assert "`sources films: the row differs from the log`" in PAGE
    listed = CliRunner().invoke(app, ["audit", "log", "verify", "--json"])
    assert listed.exit_code == 1
    (row,) = map(json.loads, listed.stdout.splitlines())
    assert row["broken"] == ["sources films: the row differs from the log"]
