"""Dynamics spread over ranks: the same learning, and a checkpoint for any number of ranks."""

from __future__ import annotations

import pytest
import torch

from tests.builders import tiny_training_set
from tests.training.conftest import opened, small
from tests.training.ranks import SIGKILL, run_ranks, training_rank
from training.checkpoint import latest, load_averaged
from training.loader import shapes_of
from training.loop.log import METRICS, attempts, lines
from training.model.world import world_of

pytestmark = pytest.mark.slow
CHANGES = {"batch": 6, "steps": 12}
SPREAD = CHANGES | {"shard_above": 0}


def losses(run):
    by_step = {line["step"]: line["loss"] for line in lines(run / METRICS)}
    return [by_step[step] for step in sorted(by_step)]


def averaged(home, run):
    cleared, last = opened(home), latest(run)
    assert last is not None
    model = world_of(small(seed=9), shapes_of(cleared.manifest))
    load_averaged(last, model, manifest_digest=cleared.manifest_digest)
    return last.seal.cursor, list(model.parameters())


def test_two_ranks_share_what_one_and_three_go_on_with(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    told = {"home": home, "kill": (0, "step", 10)}
    assert SIGKILL in run_ranks(training_rank, tmp_path / "a", world=2, changes=SPREAD, **told)
    assert (
        run_ranks(training_rank, tmp_path / "a", world=3, home=home, changes=SPREAD)
        == ["ended"] * 3
    )
    plain = {"home": home, "changes": CHANGES}
    assert run_ranks(training_rank, tmp_path / "b", world=1, **plain) == ["ended"]

    cursor, spread = averaged(home, tmp_path / "a" / "run")
    other, whole = averaged(home, tmp_path / "b" / "run")
    assert [one["world"] for one in attempts(tmp_path / "a" / "run")] == [2, 3]
    assert (cursor.step, cursor.chain) == (other.step, other.chain)
    assert losses(tmp_path / "a" / "run") == pytest.approx(losses(tmp_path / "b" / "run"), rel=1e-4)
    for mine, theirs in zip(spread, whole, strict=True):
        assert torch.allclose(mine, theirs, atol=1e-3)
