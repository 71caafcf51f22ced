"""A published model is on record, and is named when a right in its training data ends."""

from __future__ import annotations

import json
import shlex
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.audit import verify_log
from catalog.errors import Contradiction, NotFound
from catalog.runs import CheckpointRow, RunRow, record_checkpoint, record_run
from pipelines.cli import app
from pipelines.errors import RegistrationError
from pipelines.export import export_set
from pipelines.release import Told, record, recorded
from pipelines.render import RenderSpec
from pipelines.revoke import revoke
from tests.pages import commands
from tests.pipelines.small_world import (
    NOW,
    add_source,
    contract,
    looking,
    make_world,
    writing,
)

LATER = NOW + timedelta(hours=1)
MODEL = Told(name="driver", checkpoint="run-1/40", version="1.0", release="api")


@pytest.fixture
def world(tmp_path, catalog_url):
    """A training set of one source, a run on it and two checkpoints."""
    settings = make_world(tmp_path, catalog_url=catalog_url)
    add_source(settings, "film", [contract()], seconds=4)
    spec = RenderSpec(width=32, height=32)
    export_set("demo", "commercial", settings, spec=spec, at_once=0, run_id="test", now=NOW)
    with writing(settings) as session:
        run = RunRow(
            run_id="run-1", set_id="demo@1", manifest_digest="", config={}, record={}, seed=1
        )
        record_run(session, run, now=NOW)
        for step in (20, 40):
            point = CheckpointRow(
                checkpoint_id=f"{step}" * 16, run_id="run-1", step=step, path=f"run-1/{step}",
                digest=f"{step}" * 32,
            )  # fmt: skip
            record_checkpoint(session, point, now=NOW)
    return settings


@pytest.fixture
def cli(world, monkeypatch, tmp_path):
    """The command line in that home."""
    monkeypatch.chdir(tmp_path)
    for name, value in world.environ().items():
        monkeypatch.setenv(name, value)

    def run(*words):
        done = CliRunner().invoke(app, list(words))
        assert done.exit_code == 0, f"{words}: {done.exception!r} {done.output}"
        return done.stdout

    return run


def test_the_commands_of_the_page_run_as_they_stand(cli):
    said = [cli(*shlex.split(line)[1:]) for line in commands("releases.md", "release")]

    assert "of run run-1, api under proprietary, added" in said[0]
    assert said[1] == said[0]
    assert "driver@1.0" in said[2]
    assert "published 2026-12-02" in said[4]
    assert all(one in said[4] for one in ("checkpoint 40", "run-1", "demo@1", "film"))
    proof = json.loads(Path("driver.json").read_text(encoding="utf-8"))
    assert "driver@1.0" in proof["entries"][0]["document"]
    cli("verify", "driver.json")
    for form in ("json", "dot", "svg", "openlineage"):
        assert "driver@1.0" in cli("audit", "trace", "film", "--down", "--format", form)
    assert "driver@1.0" in cli("audit", "list", "releases")


@pytest.mark.parametrize("point", ["run-1/40", "run-1/404", "4040"])
def test_a_checkpoint_is_named_by_run_and_step_or_by_its_id(world, point):
    done = record(world, replace(MODEL, checkpoint=point), now=NOW)

    assert (done.row.checkpoint_id, done.change, done.beyond) == ("40" * 16, "added", ())
    assert (done.row.digest, done.set_id) == ("40" * 32, "demo@1")
    assert [one.row for one in recorded(world, "driver")] == [done.row]
    with looking(world) as session:
        assert verify_log(session).broken == ()


@pytest.mark.parametrize("point", ["run-1/7", "run-9/40", "77", "run-1/"])
def test_a_checkpoint_that_is_unknown_is_refused(world, point):
    with pytest.raises(NotFound) as caught:
        record(world, replace(MODEL, checkpoint=point), now=NOW)
    assert caught.value.code == "UNKNOWN_ID"
    assert recorded(world) == ()


def test_the_same_again_changes_nothing_and_another_content_is_refused(world):
    told = replace(MODEL, published=date(2026, 12, 2), uris=("b", "a"))
    first = record(world, told, now=NOW)
    assert record(world, told, now=LATER).change == "unchanged"
    for other in (
        replace(told, checkpoint="run-1/20"),
        replace(told, release="weights"),
        replace(told, published=None),
    ):
        for dry_run in (True, False):
            with pytest.raises(Contradiction, match=r"driver@1\.0") as caught:
                record(world, other, now=LATER, dry_run=dry_run)
            assert caught.value.code == "RELEASE_TAKEN"
    record(world, replace(told, version="1.1", checkpoint="run-1/20"), now=LATER)
    assert [one.row.release_id for one in recorded(world)] == ["driver@1.0", "driver@1.1"]
    assert recorded(world, "driver@1.0")[0].row == first.row
    assert recorded(world, "driver")[0].row.version == "1.1"


def test_a_dry_run_records_nothing(world):
    with looking(world) as session:
        before = verify_log(session).root
    assert record(world, MODEL, now=NOW, dry_run=True).change == "added"
    with looking(world) as session:
        assert verify_log(session).root == before


@pytest.mark.parametrize(
    "change",
    [{"name": "a b"}, {"version": ""}, {"release": "gift"}, {"out_licence": "whatever I like"}],
    ids=str,
)
def test_what_cannot_be_read_is_refused(world, change):
    with pytest.raises(RegistrationError) as caught:
        record(world, replace(MODEL, **change), now=NOW)
    assert caught.value.code == "RELEASE_UNREADABLE"


def test_a_release_beyond_what_was_cleared_is_recorded_and_said_so(world):
    done = record(world, replace(MODEL, release="weights", out_licence="MIT"), now=NOW)

    assert done.beyond == ("release",)
    assert "beyond what demo@1 was cleared for: release" in done.summary()


def test_a_revocation_names_the_releases_that_it_reaches(world):
    record(world, replace(MODEL, uris=("https://models.example/driver",)), now=NOW)
    add_source(world, "other", [contract()], seed=7)

    def end(name, *, dry_run):
        return revoke(
            name, world, reason="breach", at=NOW.date(), now=LATER, run_id="test", dry_run=dry_run
        )

    would = end("film", dry_run=True)
    assert end("other", dry_run=True).releases == ()
    done = end("film", dry_run=False)

    assert would.releases == done.releases
    (one,) = done.releases
    assert (one.release_id, one.checkpoint_id) == ("driver@1.0", "40" * 16)
    assert "driver@1.0 (api) of checkpoint 404040404040" in done.summary()
    assert done.line()["releases"][0]["release_id"] == "driver@1.0"
    letter = (Path(done.notice) / "notice.txt").read_text(encoding="utf-8")
    assert "To whoever was given one of these releases:\n* driver@1.0 (api)" in letter
    with looking(world) as session:
        assert verify_log(session).broken == ()
