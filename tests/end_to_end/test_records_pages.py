"""The commands of the pages on revocations, erasures, backups and derivations run as they stand."""

from __future__ import annotations

import shlex
import shutil
from datetime import UTC, datetime

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from typer.testing import CliRunner

from catalog.roles import has_roles
from pipelines.cli import app
from tests.pages import commands
from tests.pipelines.places import events
from tests.pipelines.small_world import MIT, add_source, make_world

CLOCK = ["time_field=t_ns", "time_unit=ns"]

DEAL = """
[[instrument]]
id = "deal-7"
kind = "agreement"
from = "studio"
valid = ["2026-01-01", "2036-01-01"]
grants = [{ clause = "2", actions = ["train_generative"], commercial = "both" }]

[[layer]]
layer = "copyright"
basis = [{ type = "contract", instrument = "deal-7" }]
"""


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


def test_what_a_party_or_paper_took_is_erased_and_a_certificate_is_carried_out(home):
    said_by(["party", "add", "acme", "--name", "Acme (fictional)"])
    agreed = ["--file", "deal.toml"]
    (home / "deal.toml").write_text(DEAL, encoding="utf-8")
    for seed, (name, grounds) in enumerate((("games", ["--licence", "MIT"]), ("lab", agreed))):
        events(home / name / "day-1.jsonl", rows=20, seed=10 + seed)
        options = [word for one in CLOCK for word in ("--option", one)]
        owner = ["--owner", "acme"] if name == "games" else []
        said_by(["source", "add", name, "--uri", name, "--modality", "game", *owner, *options])
        said_by(["rights", "attach", name, *grounds])
        said_by(["ingest", name, "--at-once", "0", "--no-decode"])
    said_by(["revoke", "acme", "--of", "party", "--reason", "taken_down"])
    said_by(["revoke", "deal-7", "--of", "instrument"])
    (games, lab), page = (home / f".clearway/lake/{one}" for one in ("games", "lab")), "erase.md"
    lines = commands(page, "erase what a party or paper took")

    assert "would" in said_by(shlex.split(lines[0])[1:])
    assert games.exists()
    said_by(shlex.split(lines[1])[1:])
    assert not lab.exists()
    said_by(["erase", "acme", "--of", "party"])
    assert not games.exists()
    paper = next(iter((home / ".clearway/erasures").iterdir()))
    shutil.copy(paper, home / "erasure.dsse.json")
    assert "erased before" in said_by(shlex.split(lines[2])[1:])


def test_roles_are_made_on_postgresql_and_refused_on_sqlite(tmp_path, monkeypatch, empty_postgres):
    lines = [shlex.split(one)[1:] for one in commands("operate.md", "roles")]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEARWAY_CATALOG_URL", empty_postgres)
    said_by(["catalog", "migrate"])
    assert not has_roles(empty_postgres)
    try:
        assert 'GRANT SELECT, INSERT ON "releases"' in said_by(lines[0])
        assert not has_roles(empty_postgres)
        said_by(lines[1])
        assert has_roles(empty_postgres)
    finally:
        drop_roles(empty_postgres)
    monkeypatch.setenv("CLEARWAY_CATALOG_URL", f"sqlite:///{tmp_path}/catalog.sqlite")
    said_by(["catalog", "migrate"])
    refused = CliRunner().invoke(app, lines[1])
    assert getattr(refused.exception, "code", "") == "NO_ROLES"


def drop_roles(url):
    """Roles belong to the server: they would outlive the database of the test."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in (f"{make_url(url).database}_{one}" for one in ("erase", "app")):
            connection.execute(text(f"DROP OWNED BY {name}"))
            connection.execute(text(f"DROP ROLE {name}"))
    engine.dispose()


def test_a_backup_is_made_read_and_restored(home):
    made, would, done, agreed = run("operate.md", "backup", backups=str(home / "backups"))
    assert ("backed up" in made, "would restore" in would, "restored" in done) == (True,) * 3
    assert "agree" in agreed


@pytest.mark.usefixtures("home")
def test_captions_say_what_they_were_made_from():
    added, shown = run("rights.md", "derive")
    assert "made from films" in added
    assert "captioner 2.1" in shown


def test_what_documents_ask_is_answered_and_written_down(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    now = datetime.now(UTC)
    settings = make_world(tmp_path / ".clearway", now=now, operator="")
    add_source(settings, "open", [MIT], now=now)
    run("documents.md", "operator")
    export = ["set", "export", "first", "--request", "commercial", "--at-once", "0"]
    said_by(export)
    questions, answered, own, missing, listed = run("documents.md", "answers")
    assert "rai.dataBiases" in questions
    assert "added" in answered
    assert "added" in own
    assert "ab2013.11" not in missing
    assert "eu.1.1.provider_contact" in missing
    assert "spdx3.json" in listed
    assert "1 shards as they were" in said_by(export)
    card = tmp_path / ".clearway/training_sets/first/2/documents/README.md"
    assert "Biases: Mostly daylight." in card.read_text(encoding="utf-8")
    assert "3 clips stayed" in said_by(["set", "diff", "first@1", "first@2"])
