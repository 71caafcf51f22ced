"""What a checkpoint on record saw: under every name of it, and only from what is on record."""

from __future__ import annotations

import json
import shutil

import pytest

from catalog import runs
from catalog.pieces import Piece
from pipelines.evaluate.station import evaluate_checkpoint
from pipelines.loss import loss_of
from pipelines.seen import windows_seen
from pipelines.train import train_set
from pipelines.train.parents import parent_of
from tests.pipelines.small_world import NOW, looking
from tests.pipelines.test_train import CONFIG, world_to_train_on
from training.checkpoint import SEAL
from training.errors import CheckpointError, Refused
from training.evaluating import Plan

WHOLE = [Piece(source_id="open")]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """One set and one run of eight steps on it, with checkpoints after four and eight."""
    return world_to_train_on(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def done(world):
    return train_set(CONFIG, world, now=NOW, run_id="test")


@pytest.fixture
def last(world, done):
    """The folder of the last checkpoint, put back afterwards."""
    folder = world.runs_dir / done.run_id
    kept = folder.with_name("kept")
    shutil.copytree(folder, kept)
    yield folder / "step-00000008"
    shutil.rmtree(folder, ignore_errors=True)
    kept.rename(folder)


def seen(world, wanted):
    return list(windows_seen(wanted, world))


def test_every_name_of_a_checkpoint_is_taken(world, done):
    with looking(world) as session:
        digest = runs.checkpoint(session, done.checkpoint_id).digest
    lines = seen(world, done.checkpoint_id)

    assert len(lines) == 32
    for name in (f"{done.run_id}/8", f"{done.run_id[:8]}/8", done.checkpoint_id[:10], digest):
        assert seen(world, name) == lines
        assert parent_of(name, world).checkpoint_id == done.checkpoint_id
    assert seen(world, f"{done.run_id}/4") == lines[:16]


def test_a_seal_that_is_not_the_one_on_record_says_nothing(world, done, last):
    doc = json.loads((last / SEAL).read_text())
    earlier = json.loads((last.with_name("step-00000004") / SEAL).read_text())
    (last / SEAL).write_text(json.dumps(doc | {"cursor": earlier["cursor"]}))

    with pytest.raises(CheckpointError, match="is on record as") as caught:
        seen(world, done.checkpoint_id)
    assert caught.value.code == "CHECKPOINT_OTHER"
    with pytest.raises(CheckpointError) as caught:
        evaluate_checkpoint(done.checkpoint_id, world, now=NOW, plan=Plan())
    assert caught.value.code == "CHECKPOINT_OTHER"
    own = [one for one in loss_of(WHOLE, world).checkpoints if one.run_id == done.run_id]
    assert len(own) == 2
    assert all("is on record as" in one.why and not one.is_clean for one in own)


def test_the_record_answers_where_the_folder_of_a_run_is_gone(world, done, last):
    names = [f"{done.run_id}/4", done.checkpoint_id]
    lines, loss = [seen(world, name) for name in names], loss_of(WHOLE, world)
    shutil.rmtree(last.parent)

    assert [seen(world, name) for name in names] == lines
    assert loss_of(WHOLE, world) == loss


def test_so_does_the_record_of_a_run_that_was_stopped(world):
    def stop(_what, step, _of):
        if step == 6:
            raise Refused("no more", code="EXPIRED")

    with pytest.raises(Refused):
        train_set({**CONFIG, "seed": 5}, world, now=NOW, run_id="test", progress=stop)
    with looking(world) as session:
        run = next(one for one in runs.runs(session) if one.status == "stopped:EXPIRED")
        (point,) = runs.checkpoints_of(session, [run.run_id])
    lines = seen(world, point.checkpoint_id)
    shutil.rmtree((world.runs_dir / point.path).parent)

    assert len(lines) == 16
    assert seen(world, point.checkpoint_id) == lines
