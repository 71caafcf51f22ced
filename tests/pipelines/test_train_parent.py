"""A run that begins from a checkpoint on record: lineage and revocation go through it."""

import json
import shlex
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from catalog.lineage.tracing import up
from pipelines.cli import app
from pipelines.evaluate.station import evaluate_checkpoint
from pipelines.export import export_set
from pipelines.export.mixture import read_mixture
from pipelines.render import RenderSpec
from pipelines.revoke import revoke
from pipelines.settings import Settings
from pipelines.train import Options, plan_set, train_set
from tests.pages import commands
from tests.pipelines.small_world import COMMERCIAL, MIT, add_source, contract, looking, make_world
from tests.pipelines.test_train import CONFIG, MODEL
from training.errors import CheckpointError, ConfigError, Refused
from training.evaluating import Plan

SHOWN = "298389a0d31a"  # the checkpoint that the page names


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A base of two sources, and the adapter of a third, made by the commands of the page."""
    folder = tmp_path_factory.mktemp("parents")
    begun = clock() - timedelta(seconds=1)
    world = make_world(folder / ".clearway", now=begun)
    add_source(world, "open", [MIT], episodes=2, now=begun)
    add_source(world, "arm", [contract()], episodes=2, seed=11, now=begun)
    add_source(world, "own", [MIT], episodes=3, seed=21, now=begun)
    (folder / "base.toml").write_text(
        "".join(f"{key} = {json.dumps(value)}\n" for key, value in CONFIG.items() if key != "model")
        + "[model]\n"
        + "".join(f"{key} = {value}\n" for key, value in MODEL.items())
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("CLEARWAY_HOME", str(world.home))
        planned, base = [call(f"{one} --json") for one in commands("train.md", "train")][1:]
        *_, child = [
            call(f"{one.replace(SHOWN, base['id'][:12])} --json")
            for one in commands("train.md", "adapter")
        ]
    assert planned["shares"] == {"arm": 0.25, "open": 0.75}
    return world, base, child


def clock():
    """The second after now, by the clock on which the command line lives: after all it did."""
    return datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)


def call(line):
    here = ["--at-once", "0"] if " set export " in line else []
    done = CliRunner().invoke(app, [*shlex.split(line)[1:], *here])
    assert done.exit_code == 0, f"{line}: {done.exception!r}"
    return json.loads(done.stdout)


def export(world, name, *sources, height=32):
    return export_set(
        name, "commercial", world, spec=RenderSpec(width=32, height=height), at_once=0,
        run_id="test", now=clock(), mixture=read_mixture(sources),
    )  # fmt: skip


def run(world, parent, *, adapter="", set_name="own", **changes):
    config = {**CONFIG, **changes}
    options = Options(set_name=set_name, parent=parent, adapter=adapter)
    return train_set(config, world, now=clock(), run_id="test", options=options)


def test_an_adapter_is_traced_to_the_sources_of_its_parent_and_is_evaluated_on_it(trained):
    world, base, child = trained
    with looking(world) as session:
        nodes = up(session, child["id"]).nodes
    assert {key for kind, key in nodes if kind == "source"} == {"open", "arm", "own"}
    assert ("checkpoint", base["id"]) in nodes
    measured = evaluate_checkpoint(child["id"], world, now=clock(), plan=Plan())
    assert measured.figures["digest"] == child["evaluation"]["digest"]
    assert run(world, base["id"], adapter="own").reused


def test_what_does_not_fit_its_parent_is_refused(trained):
    world, base, child = trained
    with pytest.raises(CheckpointError) as of_adapter:
        run(world, child["id"])
    export(world, "tall", "own", height=48)
    with pytest.raises(CheckpointError) as tall:
        run(world, base["id"], set_name="tall")
    with pytest.raises(ConfigError) as alone:
        plan_set({**CONFIG, "set": "own", "adapter": "own"}, world, now=clock())
    refused = [one.value.code for one in (of_adapter, tall, alone)]
    assert refused == ["PARENT_IS_ADAPTER", "PARENT_OTHER_SIZES", "CONFIG_INVALID"]


def test_a_use_beyond_that_of_the_parent_is_refused(trained):
    world, _, _ = trained
    research = {**COMMERCIAL, "commercial": False}
    narrow = train_set(
        {**CONFIG, "set": "base", "use": research, "steps": 6}, world, now=clock(), run_id="test"
    )
    with pytest.raises(Refused) as caught:
        run(world, narrow.checkpoint_id, use=COMMERCIAL)
    assert caught.value.code == "PARENT_USE_NOT_COVERED"


def test_a_revocation_of_what_the_parent_saw_reaches_the_adapter_and_ends_new_ones(
    trained, tmp_path
):
    before, base, child = trained
    home = shutil.copytree(before.home, tmp_path / "home")
    url, lake = f"sqlite:///{home}/catalog.sqlite", str(home / "lake")
    world = Settings(home=home, catalog_url=url, lake=lake)
    done = revoke("arm", world, reason="breach", at=clock().date(), now=clock(), run_id="test")
    saw = {one.checkpoint_id: one for one in done.checkpoints}
    assert not saw[base["id"]].is_clean
    assert not saw[child["id"]].is_clean
    assert base["id"] in saw[child["id"]].why
    with pytest.raises(Refused) as caught:
        run(world, base["id"], adapter="own", steps=6)
    assert caught.value.code == "PARENT_SAW_REVOKED"
