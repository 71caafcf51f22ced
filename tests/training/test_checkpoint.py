"""Whole or not there."""

import json

import pytest
import torch

from tests.training.conftest import small
from training.checkpoint import (
    SEAL,
    Seal,
    Weights,
    checkpoints,
    latest,
    load,
    prune,
    read_cursor,
    read_seal,
    start_save,
)
from training.checkpoint import (
    sealed_at as seal_files,
)
from training.checkpoint.seals import empty
from training.errors import CheckpointError
from training.loader import Shapes
from training.model.world import weights_digest, world_of
from training.sampler import Cursor

SHAPES = Shapes(height=32, width=32, num_actions=1, num_states=1, domains=("acorn",))


@pytest.fixture
def made():
    model = world_of(small(), SHAPES)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for value in model.tokenizer.parameters():  # as in a run: only one part has learnt so far
        value.grad = torch.ones_like(value)
    optimizer.step()
    return model, optimizer


def sealed_at(folder, made, step=3, manifest="m" * 64):
    cursor = Cursor(manifest=manifest, seed=1, step=step, position=4 * step)
    path = folder / f"step-{step:08d}"
    if path.exists():
        empty(path)
    model, optimizer = made
    start_save(path, Weights(model=model, optimizer=optimizer), cursor=cursor).result()
    return seal_files(path, seal_of(cursor))


def seal_of(cursor):
    return Seal(
        cursor=cursor,
        clearance_digest="c" * 64,
        revocation_sequence=2,
        revocation_digest="d" * 64,
        config={},
        shapes={},
        world=1,
    )


def test_what_was_saved_comes_back_bit_for_bit(tmp_path, made):
    sealed = read_seal(sealed_at(tmp_path, made))
    model = world_of(small(seed=9), SHAPES)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    cursor = load(sealed, model, optimizer, manifest_digest="m" * 64)

    assert (cursor.step, cursor.position) == (3, 12)
    assert weights_digest(model) == weights_digest(made[0])
    for mine, other in zip(model.parameters(), made[0].parameters(), strict=True):
        moments = made[1].state.get(other)
        for name, value in optimizer.state[mine].items():
            assert torch.equal(value, moments[name] if moments else torch.zeros_like(value))


def test_an_unfinished_checkpoint_does_not_count(tmp_path, made):
    first, second = sealed_at(tmp_path, made, 3), sealed_at(tmp_path, made, 6)
    (second / SEAL).unlink()

    last = latest(tmp_path)
    assert last is not None
    assert last.path == first
    assert [one["step"] for one in checkpoints(tmp_path)] == [3]
    with pytest.raises(CheckpointError, match="never finished") as caught:
        read_seal(second)
    assert caught.value.code == "CHECKPOINT_MISSING"
    assert latest(tmp_path / "nowhere") is None


@pytest.mark.parametrize("name", [".metadata", "__0_0.distcp"])
def test_a_changed_file_is_refused_before_it_is_read(tmp_path, made, name):
    path = sealed_at(tmp_path, made)
    raw = bytearray((path / name).read_bytes())
    raw[len(raw) // 2] ^= 1
    (path / name).write_bytes(raw)

    with pytest.raises(CheckpointError, match="differ from those that were sealed") as caught:
        read_seal(path)
    assert caught.value.code == "CHECKPOINT_TORN"


@pytest.mark.parametrize("whole", ["", "[]", "{}", '{"schema": "clearway/checkpoint/1"}'])
def test_a_seal_that_cannot_be_read_is_torn(tmp_path, made, whole):
    path = sealed_at(tmp_path, made)
    (path / SEAL).write_text(whole)

    with pytest.raises(CheckpointError) as caught:
        read_cursor(path)
    assert caught.value.code == "CHECKPOINT_TORN"


def test_another_set_is_refused(tmp_path, made):
    sealed = read_seal(sealed_at(tmp_path, made))

    with pytest.raises(CheckpointError, match="was trained on mmm") as caught:
        load(sealed, made[0], manifest_digest="n" * 64)
    assert caught.value.code == "CHECKPOINT_OTHER_SET"


def test_a_cursor_that_is_not_the_one_beside_the_weights_is_refused(tmp_path, made):
    path = sealed_at(tmp_path, made)
    doc = json.loads((path / SEAL).read_text())
    doc["cursor"]["position"] += 4
    (path / SEAL).write_text(json.dumps(doc))

    with pytest.raises(CheckpointError, match="cursor beside the weights") as caught:
        load(read_seal(path), made[0], manifest_digest="m" * 64)
    assert caught.value.code == "CHECKPOINT_TORN"


def test_a_changed_checkpoint_is_passed_over_for_the_one_before(tmp_path, made):
    first, second = sealed_at(tmp_path, made, 3), sealed_at(tmp_path, made, 6)
    (second / "__0_0.distcp").write_bytes(b"rot")

    last = latest(tmp_path)
    assert last is not None
    assert last.path == first

    (first / "__0_0.distcp").write_bytes(b"rot")
    with pytest.raises(CheckpointError, match="step-00000006") as caught:
        latest(tmp_path)
    assert caught.value.code == "CHECKPOINT_TORN"


def test_a_thinned_checkpoint_is_still_known_and_cannot_be_loaded(tmp_path, made):
    paths = [sealed_at(tmp_path, made, step) for step in (3, 6, 9)]
    before = checkpoints(tmp_path)
    prune(tmp_path, 2)

    assert checkpoints(tmp_path) == before
    assert [sorted(one.name for one in path.iterdir()) for path in paths] == [
        ["checkpoint.json"],
        [".metadata", "__0_0.distcp", "checkpoint.json"],
        [".metadata", "__0_0.distcp", "checkpoint.json"],
    ]
    assert read_cursor(paths[0]).seal.cursor.step == 3
    with pytest.raises(CheckpointError, match="only its seal was kept") as caught:
        read_seal(paths[0])
    assert caught.value.code == "CHECKPOINT_MISSING"


def test_a_checkpoint_that_is_written_again_holds_no_file_of_the_first_try(tmp_path, made):
    path = sealed_at(tmp_path, made)
    (path / SEAL).unlink()
    (path / "__2_0.distcp").write_bytes(b"of a third rank that is gone")

    assert sealed_at(tmp_path, made) == path
    assert sorted(one.name for one in path.iterdir()) == [
        ".metadata",
        "__0_0.distcp",
        "checkpoint.json",
    ]
    assert read_seal(path).seal.cursor.step == 3


def test_what_is_written_is_what_was_there_when_the_call_returned(tmp_path, made):
    model, optimizer = made
    was = weights_digest(model)
    path = tmp_path / "step-00000003"
    cursor = Cursor(manifest="m" * 64, seed=1, step=3)
    saving = start_save(path, Weights(model=model, optimizer=optimizer), cursor=cursor)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(1)
    saving.result()
    sealed = read_seal(seal_files(path, seal_of(cursor)))
    load(sealed, model, manifest_digest="m" * 64)

    assert weights_digest(model) == was
