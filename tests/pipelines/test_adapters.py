"""An adapter goes with the rights in its source; its parent and other adapters keep every byte."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from catalog import clips
from catalog.pieces import Piece
from pipelines.erase import erase, replay
from pipelines.erase.places import pictures
from pipelines.erase.scope import Scope
from pipelines.evaluate.station import evaluate_checkpoint
from pipelines.export import export_set
from pipelines.export.mixture import read_mixture
from pipelines.loss import loss_of
from pipelines.render import RenderSpec
from pipelines.revoke import revoke
from pipelines.seen import windows_seen
from pipelines.train import Options, train_set
from tests.pipelines.console.conftest import client_of
from tests.pipelines.killing import copy, settings_of
from tests.pipelines.small_world import LATER, MIT, NOW, add_source, looking, make_world
from tests.pipelines.test_erase import files_below
from tests.pipelines.test_train import CONFIG
from training.checkpoint import SEAL, read_seal
from training.errors import CheckpointError, Refused
from training.evaluating import Plan
from training.loop.beginning import world_in

SPEC = RenderSpec(width=32, height=32)
AFTER = LATER + timedelta(hours=1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A base of two sources, and the adapters of two more; each was evaluated."""
    settings = make_world(tmp_path_factory.mktemp("adapters"))
    for seed, source in enumerate(("open", "wood", "own", "cedar")):
        add_source(settings, source, [MIT], episodes=3, seed=10 * seed)
    base = train_on(settings, "base", "open", "wood")
    parent = base.checkpoint_id
    done = {
        one: train_on(settings, one, one, parent=parent, adapter=one) for one in ("own", "cedar")
    }
    for one in (base, *done.values()):
        evaluate_checkpoint(one.checkpoint_id, settings, now=NOW, plan=Plan())
    return settings.home, {"base": base, **done}


@pytest.fixture
def world(trained, tmp_path):
    """A copy of it, and the runs by name."""
    home, done = trained
    return settings_of(copy(home, tmp_path)), done


def train_on(settings, name, *sources, **options):
    export_set(
        name, "commercial", settings, spec=SPEC, at_once=0, run_id="test", now=NOW,
        mixture=read_mixture(sources),
    )  # fmt: skip
    config = {**CONFIG, "steps": 4, "tokenizer_steps": 2, "checkpoint_every": 2}
    return train_set(
        config, settings, now=NOW, run_id="test", options=Options(set_name=name, **options)
    )


def end(settings, source="own", *, now=LATER, **how):
    return revoke(source, settings, reason="ended", at=NOW.date(), now=now, run_id="test", **how)


def runs_apart(settings, run_id):
    """The digests of all files of one run, and of all others."""
    every = files_below(settings.runs_dir)
    own = {path: digest for path, digest in every.items() if run_id in path}
    return own, {path: digest for path, digest in every.items() if path not in own}


def seen(settings, done):
    return {name: list(windows_seen(one.checkpoint_id, settings)) for name, one in done.items()}


def test_an_erasure_takes_the_adapter_and_no_byte_of_its_parent_or_of_another(world):
    settings, done = world
    own, others = runs_apart(settings, done["own"].run_id)
    saw = seen(settings, done)
    end(settings)
    planned = erase("own", settings, now=AFTER, dry_run=True)
    assert runs_apart(settings, done["own"].run_id) == (own, others)

    gone = erase("own", settings, now=AFTER)

    left, beside = runs_apart(settings, done["own"].run_id)
    assert beside == others
    assert left.items() < own.items()
    assert {Path(one).name for one in left if Path(one).parent.name.startswith("step-")} == {SEAL}
    assert not [one for one in left if one.endswith((".png", ".html"))]
    assert planned.found == gone.found
    assert (gone.found["home"]["adapters"], gone.found["home"]["pictures"]) == (4, 2)
    assert gone.remains["checkpoints"] == []
    assert "4 adapters" in gone.summary()
    assert seen(settings, done) == saw
    assert erase("own", settings, now=AFTER).already


def test_what_is_left_of_it_is_loaded_by_nobody_and_the_other_adapter_is(world):
    settings, done = world
    folders = {name: settings.runs_dir / one.run_id / "step-00000004" for name, one in done.items()}
    end(settings)
    with pytest.raises(Refused, match="own") as revoked:
        evaluate_checkpoint(done["own"].checkpoint_id, settings, now=AFTER, plan=Plan())
    erase("own", settings, now=AFTER)

    with pytest.raises(CheckpointError, match="only its seal was kept") as caught:
        read_seal(folders["own"])
    assert (revoked.value.code, caught.value.code) == ("SHARD_REVOKED", "CHECKPOINT_MISSING")
    world_in(read_seal(folders["cedar"]), parent=folders["base"])
    measured = evaluate_checkpoint(done["cedar"].checkpoint_id, settings, now=AFTER, plan=Plan())
    assert measured.figures["digest"] == done["cedar"].evaluation["digest"]


def test_an_erasure_goes_on_with_what_is_left_of_an_adapter_and_is_replayed(world, tmp_path):
    settings, done = world
    end(settings)
    older = settings_of(copy(settings.home, tmp_path / "older"))
    erased = erase("own", settings, now=AFTER)
    folder = f"{done['own'].run_id}/step-00000004"
    stray = settings.runs_dir / folder / "__0_0.distcp"
    stray.write_bytes(b"put back from a copy")
    again = erase("own", settings, now=AFTER)
    (told,) = replay([Path(erased.certificate)], older, now=AFTER)

    assert (again.already, again.found["home"]["adapters"]) == (False, 1)
    assert not stray.exists()
    assert told.found["home"]["adapters"] == 4
    assert [one.name for one in (older.runs_dir / folder).iterdir()] == [SEAL]


def test_a_revocation_says_that_the_adapter_is_dropped_alone_and_costs_nothing(world):
    settings, done = world
    parent = done["base"].checkpoint_id
    told = end(settings, dry_run=True)

    assert {one.run_id for one in told.checkpoints} == {done["own"].run_id}
    assert {(one.adapter, one.clean_parent) for one in told.checkpoints} == {("own", parent)}
    assert (told.retrain, told.samples) == ((), 0)
    said = f"an adapter of own alone: drop it, its parent {parent[:12]} is clean"
    assert told.summary().count(said) == 2
    assert "retrain" not in told.summary()
    assert {one["adapter"] for one in told.line()["checkpoints"]} == {"own"}
    with client_of(settings) as client:
        assert client.get("/what-if?of=source&what=own&at=2026-12-01").text.count(said) == 2
    letter = Path(end(settings).notice, "notice.txt").read_text()
    assert letter.count(said) == 2
    assert letter.endswith("To train again:\n* none\n")


def test_an_adapter_is_trained_again_where_a_part_of_its_source_or_its_parent_is_lost(world):
    settings, done = world
    runs = {name: one.run_id for name, one in done.items()}
    (clip,) = {one["clip_id"] for one in seen(settings, done)["own"][:1]}
    with looking(settings) as session:
        row = clips.clip(session, clip)
        assert row is not None
    part = loss_of([Piece(source_id="own", episode_id=row.episode_id)], settings)
    above = loss_of([Piece(source_id="open")], settings)
    both = loss_of([Piece(source_id="open"), Piece(source_id="own")], settings)

    assert [one.run_id for one in part.retrain] == [runs["own"]]
    assert {one.run_id for one in above.retrain} == set(runs.values())
    assert {one.run_id for one in both.retrain} == {runs["base"], runs["cedar"]}
    assert {one.adapter for one in (*part.checkpoints, *above.checkpoints)} == {""}
    own = [one for one in both.checkpoints if one.run_id == runs["own"]]
    assert {(one.adapter, one.clean_parent) for one in own} == {("own", "")}
    assert "its parent is not clean" in own[0].words()


def test_what_was_seen_is_told_and_rights_are_revoked_after_an_erasure(world):
    settings, done = world
    saw = seen(settings, done)
    end(settings, "wood")
    erased = erase("wood", settings, now=AFTER)

    assert len(erased.remains["checkpoints"]) == 2  # the base saw it: its weights are not erased
    assert erased.found["home"]["adapters"] == 0
    assert seen(settings, done) == saw
    told = end(settings, "open", now=AFTER)
    assert not any(one.is_clean for one in told.checkpoints)
    assert {one.run_id for one in told.retrain} == {one.run_id for one in done.values()}
    assert told.samples is not None

    Path(settings.set_uri("base", 1), "documents/selection.json").unlink()
    blind = loss_of([Piece(source_id="open")], settings)
    assert not any(one.is_clean for one in blind.checkpoints)
    (base,) = [one for one in blind.retrain if one.run_id == done["base"].run_id]
    assert base.samples is None


def test_pictures_of_a_run_that_lies_elsewhere_are_found_there_and_nowhere_else(world, tmp_path):
    settings, done = world
    folder = tmp_path / "elsewhere"
    config = {**CONFIG, "steps": 4, "tokenizer_steps": 2, "out": str(folder), "set": "cedar"}
    train_set(config, settings, now=NOW, run_id="test")
    for place in (folder, tmp_path):
        shutil.copy(folder / "step-00000004.png", place / "holiday.png")

    found = list(pictures(Scope(source_id="cedar"), settings))  # listed only: a fault would delete

    adapter = settings.runs_dir / done["cedar"].run_id
    assert set(found) == {
        folder / "step-00000004.png",
        adapter / "step-00000004.png",
        adapter / "step-00000004.evaluation.html",
    }
