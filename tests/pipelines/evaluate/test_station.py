"""A recorded checkpoint becomes figures and a page, once the gate has let its set through."""

from __future__ import annotations

import json
import shlex
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from catalog.errors import NotFound
from licensing.errors import ClearwayError
from pipelines.cli import app
from pipelines.errors import PipelineError
from pipelines.evaluate.labels import labels
from pipelines.evaluate.station import evaluate_checkpoint
from pipelines.export import export_set
from pipelines.render import RenderSpec
from pipelines.train import train_set
from tests.pages import commands
from tests.pipelines.small_world import MIT, add_source, contract, looking, make_world
from tests.pipelines.test_train import CONFIG
from training.errors import Refused
from training.evaluating import Plan

SHOWN = "298389a0d31a"  # the checkpoint that the page names
PLAN = Plan(timed_frames=2, fit_windows=8, long_windows=2)


NOW = datetime.now(UTC).replace(microsecond=0)  # the command line lives on the real clock


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A home with a set of two sources and a run of eight steps; tests do not change it."""
    settings = make_world(tmp_path_factory.mktemp("home") / ".clearway", now=NOW)
    add_source(settings, "open", [MIT], episodes=3, now=NOW)
    add_source(settings, "agreed", [contract()], episodes=3, seed=21, now=NOW)
    spec = RenderSpec(width=32, height=32)
    export_set("demo", "commercial", settings, spec=spec, at_once=0, run_id="test", now=NOW)
    return settings, train_set(CONFIG, settings, now=NOW, run_id="test").checkpoint_id


def test_the_page_and_the_figures_lie_beside_the_checkpoint(trained):
    settings, point = trained
    done = evaluate_checkpoint(point, settings, now=NOW, plan=PLAN)
    page, figures = Path(done.page), Path(done.picture).with_suffix(".evaluation.json")

    assert page.name == "step-00000008.evaluation.html"
    assert point[:12] in page.read_text(encoding="utf-8")
    line = json.loads(json.dumps(done.line()))
    assert json.loads(figures.read_text()).items() <= line.items()
    assert line["provenance"]["training set"] == "demo@1"
    again = evaluate_checkpoint(f"{done.run_id}/8", settings, now=NOW, plan=PLAN)
    assert again.figures["digest"] == done.figures["digest"]


def test_windows_are_grouped_by_modality_and_by_rights_class(trained):
    settings, point = trained
    groups = evaluate_checkpoint(point[:10], settings, now=NOW, plan=PLAN).figures["groups"]

    assert set(groups["domain"]) == {"game"}
    assert set(groups["rights class"]) <= {
        "a: provided under contract for training by a party with the rights",
        "b: open licence fit for the use",
    }
    total = sum(one["num_windows"] for one in groups["source"].values())
    assert total == sum(one["num_windows"] for one in groups["rights class"].values())


def test_a_changed_paper_on_sourcing_is_not_believed(trained, tmp_path):
    settings, _ = trained
    home = tmp_path / "1"
    shutil.copytree(settings.set_uri("demo", 1), home)
    manifest = json.loads((home / "manifest.json").read_text())
    with looking(settings) as session:
        before = labels(session, str(home), manifest)["rights class"]
        (home / "documents/sourcing.json").write_text("{}")
        after = labels(session, str(home), manifest)["rights class"]
        (home / "documents/sourcing.json").unlink()
        gone = labels(session, str(home), manifest)["rights class"]

    assert before["agreed"].startswith("a: ")
    assert before["open"].startswith("b: ")
    assert set(after.values()) == set(gone.values()) == {
        "unknown: documents/sourcing.json is not the one of the manifest"
    }  # fmt: skip


def test_what_cannot_be_evaluated_is_refused_by_its_code(trained, tmp_path):
    settings, point = trained
    with pytest.raises(NotFound) as unknown:
        evaluate_checkpoint("nothing", settings, now=NOW, plan=PLAN)
    with pytest.raises(Refused) as late:
        evaluate_checkpoint(point, settings, now=NOW + timedelta(days=2), plan=PLAN)
    with pytest.raises(PipelineError) as nowhere:
        evaluate_checkpoint(point, settings, now=NOW, plan=PLAN, out=tmp_path / "no/page.html")
    with pytest.raises(PipelineError):
        evaluate_checkpoint(point, settings, now=NOW, plan=PLAN, out=tmp_path)

    assert [one.value.code for one in (unknown, late)] == ["UNKNOWN_ID", "EXPIRED"]
    assert nowhere.value.code == "PAGE_NOT_WRITTEN"
    assert nowhere.value.way_out


def test_the_commands_of_the_page_run_as_they_stand(trained, tmp_path, monkeypatch):
    settings, point = trained
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLEARWAY_HOME", str(settings.home))
    lines = [one.replace(SHOWN, point[:12]) for one in commands("evaluate.md", "evaluate")]
    said = [run(*shlex.split(one)[1:]) for one in lines]

    assert len(said) == 3
    assert all("copy-last" in one for one in said[:2])
    assert (tmp_path / "report.html").is_file()
    assert json.loads(said[2])["seed"] == 7
    assert refused("evaluate", "nothing").code == "UNKNOWN_ID"
    assert CliRunner().invoke(app, ["evaluate", point, "--windows", "-1"]).exit_code == 2


def run(*words):
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, f"{words}: {done.exception!r}"
    return done.stdout


def refused(*words):
    done = CliRunner().invoke(app, list(words))
    assert isinstance(done.exception, ClearwayError)
    return done.exception
