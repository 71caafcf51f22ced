"""The documents of a release are about every training set that its runs were trained on."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog import runs
from catalog.errors import NotFound
from pipelines.cli import app
from pipelines.errors import ExportError
from pipelines.export import export_set
from pipelines.export.answering import answer
from pipelines.export.released import facts_of_release, write_documents
from pipelines.release import Told, record
from pipelines.render import RenderSpec
from pipelines.seen import windows_seen
from pipelines.train import train_set
from tests.pages import commands
from tests.pipelines.documents.answered import ANSWERS
from tests.pipelines.small_world import (
    MIT,
    NOW,
    add_source,
    contract,
    damage,
    make_world,
    writing,
)
from tests.pipelines.test_train import CONFIG

SPEC = RenderSpec(width=32, height=32, fps=10)
LATER = NOW + timedelta(hours=1)
NAMED = ("ab2013.system", "eu.1.2.model_names", "eu.1.2.placed_on_market")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run on a set of two sources, and an adapter on a set of one more, begun from it."""
    settings = make_world(tmp_path_factory.mktemp("released"))
    add_source(settings, "open", [MIT], seed=2, episodes=3)
    torn, *_ = add_source(settings, "arm", [contract()], seed=13, episodes=3)
    damage(settings, "arm", torn)
    export(settings, "base", now=NOW)
    add_source(settings, "late", [contract(end="2030-01-01")], seed=24, episodes=3)
    export(settings, "adapter", now=LATER)
    first = train_set({**CONFIG, "set": "base"}, settings, now=LATER, run_id="t")
    second = train_set({**CONFIG, "set": "adapter"}, settings, now=LATER, run_id="t")
    with writing(settings) as session:
        row = runs.run(session, second.run_id)
        begun = {**row.record, "parent": first.checkpoint_id}
        runs.record_run(session, replace(row, record=begun), now=LATER)
    told = Told(name="driver", checkpoint=second.checkpoint_id, version="1.0", release="api",
                published=date(2026, 12, 2))  # fmt: skip
    record(settings, told, now=LATER)
    record(settings, Told(name="base", checkpoint=first.checkpoint_id), now=LATER)
    saw = [
        {(line["source"], line["clip_id"]) for line in windows_seen(one.checkpoint_id, settings)}
        for one in (first, second)
    ]
    return settings, saw


@pytest.fixture
def world(trained, tmp_path):
    """A copy of that home, to write into."""
    settings, _ = trained
    copied = tmp_path / "home"
    shutil.copytree(settings.home, copied)
    return replace(
        settings, home=copied, catalog_url=f"sqlite:///{copied}/catalog.sqlite",
        lake=str(copied / "lake"),
    )  # fmt: skip


def export(settings, name, *, now):
    return export_set(name, "commercial", settings, spec=SPEC, at_once=0, run_id="t", now=now)


def answered(settings, *without):
    said = {name: text for name, text in ANSWERS.items() if name not in {*NAMED, *without}}
    said = {name: text for name, text in said.items() if not name.startswith("art30.")}
    said["eu.1.1.representative"] = "A Representative (fictional)"
    answer(settings, said, set_name="driver", now=LATER)
    return settings


def test_what_the_runs_have_seen_counts_once(world, trained):
    first, second = trained[1]
    facts, base = facts_of_release("driver", world), facts_of_release("base", world)
    assert (facts.made_of, base.made_of) == (("adapter@1", "base@1"), ("base@1",))
    assert {one.source_id for one in base.sources} == {name for name, _ in first}
    assert {one.source_id for one in facts.sources} == {name for name, _ in first | second}
    assert "late" in {name for name, _ in second}
    assert base.num_clips == len(first)
    assert facts.num_clips == len(first | second) < len(first) + len(second)
    assert facts.hours()["video"] == pytest.approx(2 * len(first | second) / 3600)
    assert facts.not_after == date(2030, 1, 1)


def test_clips_that_were_left_out_are_counted_and_their_source_keeps_its_bytes(world):
    facts = facts_of_release("base", world)
    (lost,) = facts.left_out.items()
    assert lost[0] == "RENDER_FAILED"
    assert lost[1] > 0
    data = Path(world.set_uri("base", 1), "data.lance/data")
    stored = sum(one.stat().st_size for one in data.rglob("*") if one.is_file())
    assert sum(one.num_bytes for one in facts.sources) == stored
    assert all(one.num_bytes for one in facts.sources)


def test_a_run_that_cannot_be_replayed_stops_the_documents(world, tmp_path):
    with writing(world) as session:
        (_, last) = runs.runs(session)
        record_ = {**last.record, "parent": "c" * 32}
        runs.record_run(session, replace(last, record=record_), now=LATER)
    with pytest.raises(NotFound, match="c" * 8):
        write_documents("driver", world, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_documents_agree_with_each_other_and_with_the_facts(world, tmp_path):
    facts = facts_of_release("driver", answered(world))
    written = {one.name: one for one in write_documents("driver", world, out=tmp_path / "out")}
    docs = {name: json.loads(written[f"{name}.json"].read_bytes())
            for name in ("ab2013", "eu_summary", "gpai_copyright", "sourcing")}  # fmt: skip
    number = next(one for one in docs["ab2013"]["items"] if one["item"] == 3)["values"]
    assert number["clips"] == facts.num_clips > 0
    assert number["bytes"] == facts.num_bytes > sum(one.num_bytes for one in facts.sources) > 0
    names = sorted(one.source_id for one in facts.sources)
    assert sorted(one["source"] for one in docs["sourcing"]["sources"]) == names
    parts = [docs["eu_summary"][each] for each in ("2.1", "2.2.1", "2.6")]
    assert sorted(one for part in parts for one in part.get("sources", ())) == names
    for name in ("ab2013", "eu_summary", "gpai_copyright"):
        assert (docs[name]["status"], docs[name]["missing"]) == ("final", [])
        assert docs[name]["about"]["training_set"] == "adapter@1, base@1"
    assert docs["ab2013"]["system"] == "driver@1.0"


def test_a_field_that_nobody_answered_stops_all_of_them(world, tmp_path):
    answered(world, "eu.3.2.illegal_content")
    with pytest.raises(ExportError, match=r"eu\.3\.2\.illegal_content") as refused:
        write_documents("driver", world, out=tmp_path / "out")
    assert refused.value.code == "DOCUMENT_FIELD_MISSING"
    assert not (tmp_path / "out").exists()


def test_the_commands_of_the_page_write_and_list_them(world, tmp_path, monkeypatch):
    answered(world)
    for name, value in world.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    done = [
        CliRunner().invoke(app, shlex.split(line)[1:])
        for line in commands("releases.md", "release-documents")
    ]
    assert [one.exit_code for one in done] == [0, 0], done[0].output
    listed = [json.loads(line) for line in done[1].stdout.splitlines()]
    assert {Path(one["path"]).parent.name for one in listed} == {"driver-documents"}
    assert {one["name"] for one in listed} == {
        f"{name}.{kind}"
        for name in ("ab2013", "eu_summary", "gpai_copyright", "sourcing")
        for kind in ("json", "md")
    }
