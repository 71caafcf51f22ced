"""Whole or not there."""

import json

import pytest
import torch

from tests.training.conftest import small
from training.checkpoint import SEAL, Seal, checkpoints, latest, load, read_seal, save
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
    seal = Seal(
        cursor=Cursor(manifest=manifest, seed=1, step=step, position=4 * step),
        clearance_digest="c" * 64,
        revocation_sequence=2,
        revocation_digest="d" * 64,
        config={},
        shapes={},
        world=1,
    )
    return save(folder, *made, seal=seal)


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
