"""An adapter on two ranks, whole and sharded: killed, resumed, and gone without a trace."""

import pytest
import torch

from licensing.request import request_doc
from tests.builders import NOW, tiny_training_set, training_request
from tests.training.conftest import KEYS, opened, small
from tests.training.ranks import SIGKILL, run_ranks, training_rank
from training.checkpoint import latest, read_seal
from training.gate import check_again
from training.loop import Job, train
from training.loop.beginning import world_in
from training.loop.log import attempts

pytestmark = pytest.mark.slow
USE = request_doc(training_request())


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """The set of a source that the parent never saw, and the parent."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("adapter_ranks")
    cleared = opened(tiny_training_set(folder / "base", num_clips=6))
    train(
        Job(config=small(use=USE, steps=8), cleared=cleared, folder=folder / "run"),
        watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
    )
    own = tiny_training_set(folder / "own", num_clips=6, sources=("cedar",))
    return own, folder / "run" / "step-00000008"


@pytest.mark.parametrize("above", [300_000_000, 0], ids=["whole", "sharded"])
def test_an_adapter_that_was_killed_on_two_ranks_ends_bit_for_bit(places, tmp_path, above):
    own, parent = places
    changes = {
        "use": USE, "parent": read_seal(parent).digest, "adapter": "cedar", "adapter_rank": 2,
        "tokenizer_steps": 0, "steps": 8, "shard_above": above,
    }  # fmt: skip
    told = {"home": own, "changes": changes, "parent": parent, "world": 2}
    assert run_ranks(training_rank, tmp_path / "whole", **told) == ["ended"] * 2
    killed = run_ranks(training_rank, tmp_path / "killed", **told, kill=(1, "step", 6))
    assert killed == ["RANK_LOST", SIGKILL]
    assert run_ranks(training_rank, tmp_path / "killed", **told) == ["ended"] * 2

    models = []
    for name in ("whole", "killed"):
        sealed = latest(tmp_path / name / "run")
        assert sealed is not None
        models.append(world_in(sealed, parent=parent))
    whole, resumed = (one.state_dict() for one in models)
    base = world_in(read_seal(parent)).state_dict()
    low = [name for name in whole if ".low.2." in name]
    begun = [one["from_step"] for one in attempts(tmp_path / "killed" / "run")]
    assert begun in ([0, 4], [0, 0])  # the latter where step 4 was still being written
    assert any(torch.any(whole[name] != 0) for name in low if "widen" in name)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    after = {name: one for name, one in whole.items() if name not in low}
    assert after.keys() == base.keys()
    assert all(torch.equal(after[name], base[name]) for name in base)
