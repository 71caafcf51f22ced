"""A restored catalog that is older than lake, log or what was published says so and names it."""

import json
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from catalog.backup import DATA
from licensing.errors import PaperError
from pipelines.assess.station import assess
from pipelines.backups import back_up, restore
from pipelines.check import check
from pipelines.cli import app
from pipelines.cut.station import cut
from pipelines.heads import checkpoint, kept_in
from pipelines.ingest.station import ingest
from pipelines.keys import make_keys
from pipelines.lake.datasets import dataset_uri
from pipelines.look.station import look
from pipelines.revocations import publish_revocations
from pipelines.revoke import revoke
from pipelines.settings import Settings
from pipelines.storage import delete_prefix
from tests.catalogs import new_catalog
from tests.pipelines.places import NOW, a_source, events
from tests.pipelines.readers.recordings import robot_log

LATER = NOW + timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request, tmp_path):
    """A home with one ingested source."""
    home = tmp_path / "home"
    url = f"sqlite:///{home}/catalog.sqlite"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres")
    made = Settings(home=home, catalog_url=url, lake=str(home / "lake"))
    new_catalog(url)
    make_keys(made)
    publish_revocations(made, now=NOW)
    events(a_source(made, tmp_path / "source") / "one.jsonl", rows=20)
    robot_log(tmp_path / "source" / "robot.mcap", seconds=1)  # its pictures lie in a track
    take(made)
    return made


@pytest.fixture
def backup(settings, tmp_path):
    back_up(settings, tmp_path / "backup", now=NOW)
    return tmp_path / "backup"


def take(settings, source_id="demo"):
    return ingest(source_id, settings, at_once=0, run_id="r1", now=NOW)


def again(settings, backup, *, head=True):
    """The same home with a catalog that was restored from the backup."""
    if not head:
        kept_in(settings).unlink()
    url = f"sqlite:///{settings.home}/restored.sqlite"
    restored = Settings(home=settings.home, catalog_url=url, lake=settings.lake)
    restore(restored, backup)
    return restored


def said(settings, **how):
    return [f"{one.part} {one.subject}: {one.what}" for one in check(settings, **how)]


def test_a_home_that_agrees_has_no_findings(settings, backup):
    assert said(settings) == []
    assert said(again(settings, backup)) == []


def test_what_the_later_stations_add_to_the_lake_is_known(settings):
    for station in (cut, look, assess):
        station("demo", settings, at_once=0, run_id="r1", now=NOW)

    assert said(settings) == []


def test_a_catalog_older_than_the_lake_names_batches_files_and_sources(settings, backup, tmp_path):
    events(tmp_path / "source" / "two.jsonl", rows=30, seed=2)
    take(settings)
    events(a_source(settings, tmp_path / "other", source_id="other") / "x.jsonl", rows=10)
    take(settings, "other")

    found = said(again(settings, backup))

    assert [one.split(": ")[0] for one in found] == [
        "lake demo/media", "lake demo/streams", "lake demo/media", "lake other",
    ]  # fmt: skip
    assert "of 1 rows, which the catalog does not know" in found[0]
    assert "which has no line in the catalog" in found[2]
    assert "media, streams, frames of a source that the catalog does not know" in found[3]


def test_a_catalog_older_than_a_head_names_the_entries_it_lacks(settings, backup, tmp_path):
    a_source(settings, tmp_path / "other", source_id="other")
    head = checkpoint(settings, now=LATER)

    by_home = said(again(settings, backup))
    (settings.home / "restored.sqlite").unlink()
    by_hand = said(again(settings, backup, head=False), head=head)

    assert any("log.checkpoint is over" in one for one in by_home)
    assert len(by_hand) == 1
    assert by_hand[0].startswith("log head: entries ")
    assert "are missing" in by_hand[0]


def test_a_head_of_somebody_else_is_refused(settings):
    with pytest.raises(PaperError):
        check(settings, head="not a head")


def test_a_revocation_that_was_published_is_not_forgotten(settings, backup):
    revoke("demo", settings, reason="breach", at=NOW.date(), now=LATER, run_id="r")

    found = said(again(settings, backup, head=False))

    assert found == [
        "revocations demo: source was revoked and published, the catalog does not know it"
    ]


def test_a_lake_older_than_the_catalog_is_named(settings):
    delete_prefix(dataset_uri(settings.lake, "demo", "streams"))

    found = said(settings)

    assert len(found) == 1
    assert "lake demo/streams: at version 0 (0 = absent)" in found[0]


def test_erasures_are_replayed_before_the_head_is_in_place(settings, backup):
    kept_in(settings).unlink()
    url = f"sqlite:///{settings.home}/restored.sqlite"
    restored = Settings(home=settings.home, catalog_url=url, lake=settings.lake)
    seen = []

    def killed(_settings):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore(restored, backup, replay=killed)
    assert any("log.checkpoint: missing" in one for one in said(restored))

    restore(restored, backup, replay=lambda given: seen.append(kept_in(given).is_file()))

    assert seen == [False]
    assert said(restored) == []


def test_the_verbs_say_what_they_did(settings, tmp_path, monkeypatch):
    for name, value in settings.environ().items():
        monkeypatch.setenv(name, value)
    made = ran("backup", str(tmp_path / "b"), "--json")
    assert made["act"] == "backed up"
    assert ran("restore", str(tmp_path / "b"), "--dry-run", "--json")["root"] == made["root"]
    monkeypatch.setenv("CLEARWAY_CATALOG_URL", f"sqlite:///{tmp_path}/restored.sqlite")
    assert ran("restore", str(tmp_path / "b"), "--json")["entries"] == made["entries"]
    assert CliRunner().invoke(app, ["catalog", "check"]).stdout == "catalog, log and lake agree\n"
    delete_prefix(settings.lake)

    done = CliRunner().invoke(app, ["catalog", "check", "--json"])

    assert done.exit_code == 1
    assert {json.loads(one)["part"] for one in done.stdout.splitlines()} == {"lake"}
    assert (tmp_path / "b" / DATA).is_file()


def ran(*words):
    done = CliRunner().invoke(app, ["catalog", *words])
    assert done.exit_code == 0, done.exception
    return json.loads(done.stdout)
