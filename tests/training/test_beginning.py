"""A run that begins from a checkpoint: its adapter alone learns, and goes without a trace."""

import shutil

import pytest
import torch

from licensing.request import request_doc
from tests.builders import NOW, tiny_training_set, training_request
from tests.training.conftest import KEYS, opened, small
from training.checkpoint import checkpoints, read_seal
from training.errors import CheckpointError, ConfigError
from training.gate import check_again
from training.loop import Job, judge, train
from training.loop.beginning import world_in

USE = request_doc(training_request())


def run(home, folder, *, parent=None, **changes):
    cleared = opened(home)
    if parent is not None:
        changes |= {"parent": read_seal(parent).digest, "tokenizer_steps": 0}
    job = Job(config=small(use=USE, **changes), cleared=cleared, folder=folder, parent=parent)
    return train(job, watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at))


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A base of two sources, and a set of a third one that the base never saw."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("beginning")
    base = tiny_training_set(folder / "base", num_clips=6)
    run(base, folder / "run")
    own = tiny_training_set(folder / "own", num_clips=6, sources=("cedar",))
    return base, own, folder / "run" / "step-00000012"


def test_an_adapter_run_leaves_its_parent_bit_for_bit_and_resumes_bit_for_bit(places, tmp_path):
    _, own, parent = places
    record = run(own, tmp_path / "a", parent=parent, adapter="cedar", adapter_rank=2, steps=8)
    last = tmp_path / "a" / "step-00000008"
    adapted = world_in(read_seal(last), parent=parent)
    before, state = world_in(read_seal(parent)).state_dict(), adapted.state_dict()
    low = [name for name in state if ".low.2." in name]
    assert any(torch.any(state[name] != 0) for name in low if "widen" in name)
    assert record.parent == read_seal(parent).digest == read_seal(last).seal.parent
    assert judge(opened(own), last, parent=parent).evaluation.num_windows > 0

    after = {name: one for name, one in state.items() if name not in low}
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)

    shutil.copytree(tmp_path / "a", tmp_path / "b")
    shutil.rmtree(tmp_path / "b" / "step-00000008")
    again = run(own, tmp_path / "b", parent=parent, adapter="cedar", adapter_rank=2, steps=8)
    assert [one["from_step"] for one in again.attempts] == [0, 4]
    resumed = world_in(read_seal(tmp_path / "b" / "step-00000008"), parent=parent).state_dict()
    assert all(torch.equal(resumed[name], state[name]) for name in state)


def test_a_fine_tune_begins_from_its_parent_and_knows_the_new_source(places, tmp_path):
    _, own, parent = places
    run(own, tmp_path, parent=parent, steps=4)
    sealed = read_seal(tmp_path / checkpoints(tmp_path)[-1]["path"])
    tuned, before = world_in(sealed), world_in(read_seal(parent))

    assert tuned.dynamics.domains == ("acorn", "birch", "cedar")
    same = zip(tuned.tokenizer.parameters(), before.tokenizer.parameters(), strict=True)
    assert all(torch.equal(mine, other) for mine, other in same)


def test_an_adapter_learns_from_its_own_source_alone(places, tmp_path):
    base, own, parent = places
    with pytest.raises(ConfigError, match="learns from that source alone") as other:
        run(base, tmp_path / "a", parent=parent, adapter="acorn")
    cleared = opened(own)
    config = small(use=USE, parent="a" * 64, tokenizer_steps=0)
    job = Job(config=config, cleared=cleared, folder=tmp_path / "b")
    with pytest.raises(CheckpointError, match="the parent is the checkpoint") as lacking:
        train(job, watch=lambda _: check_again(cleared, keys=KEYS, now=NOW))

    assert (other.value.code, lacking.value.code) == ("ADAPTER_OTHER_DOMAIN", "PARENT_OTHER")
