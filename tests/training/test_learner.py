"""One step of learning: parts of a batch, averages, sums over ranks, and what a machine lacks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.conftest import small
from tests.training.ranks import run_ranks
from training.checkpoint import checkpoints, load, load_averaged, read_seal
from training.errors import ConfigError, DeviceError
from training.loader import Asked, Feed, shapes_of, windows_in
from training.loop import Job, train
from training.loop.devices import check_device
from training.loop.gradients import sum_gradients
from training.loop.learner import Learner
from training.model.world import world_of


@pytest.fixture
def batches(cleared):
    """Batches of one set in the order of their steps, from the phase of the dynamics on."""
    windows = windows_in(cleared, length=12, stride=2)
    feed = Feed(cleared, windows)
    yield [
        feed.read(
            Asked(
                step=step,
                slots=np.arange(5),
                windows=np.arange(5) + 5 * step,
                sequence=0,
            )
        )
        for step in (4, 5, 6, 7)
    ]
    feed.close()


def learned(cleared, batches, **changes):
    config = small(**changes)
    learner = Learner(config, world_of(config, shapes_of(cleared.manifest)), "cpu")
    return learner, [learner.learn(batch) for batch in batches]


def test_the_parts_of_a_batch_do_not_change_what_is_learnt(cleared, batches):
    whole, losses = learned(cleared, batches)
    parts, again = learned(cleared, batches, accumulate=3)

    assert losses == pytest.approx(again, rel=1e-5)
    for mine, other in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        assert torch.allclose(mine, other, atol=1e-4)  # AdamW makes whole steps of small gradients


def test_the_rate_warms_up_stays_and_decays_in_each_phase(cleared, batches):
    config = small(steps=60, tokenizer_steps=20, warmup=4, lr=1e-3)
    learner = Learner(config, world_of(config, shapes_of(cleared.manifest)), "cpu")
    rates = []
    for step in range(config.steps):
        learner.learn(replace(batches[0], step=step))
        (rate,) = {group["lr"] for group in learner.optimizer.param_groups}
        rates.append(rate / config.lr)

    for first, last in ((0, 20), (20, 60)):
        phase = rates[first:last]
        falling = (last - first) // 5
        assert phase[:4] == pytest.approx([0.25, 0.5, 0.75, 1])
        assert phase[4 : 1 - falling] == pytest.approx([1] * (len(phase) - 4 - falling + 1))
        assert phase[-falling:] == pytest.approx([1 - n / falling for n in range(falling)])


def test_more_parts_than_windows_are_refused():
    with pytest.raises(ConfigError, match="a window for each of 2 workers, 3 times"):
        small(workers=2, accumulate=3, batch=5)


def test_averages_follow_the_dynamics_and_leave_the_tokenizer(cleared, batches):
    learner, _ = learned(cleared, batches[:2], ema=0.9)
    before = {name: value.clone() for name, value in learner.averaged.items()}
    assert {name.split(".")[0] for name in before} == {"dynamics"}
    own = dict(learner.model.named_parameters())
    assert all(torch.equal(value, own[name]) for name, value in before.items())

    learner.learn(batches[2])
    for name, value in learner.averaged.items():  # the first of the dynamics: a decay of 1 / 10
        assert torch.allclose(value, before[name].lerp(own[name].detach(), 0.9))


def test_a_checkpoint_gives_the_averaged_weights_to_whoever_evaluates(cleared, watch, tmp_path):
    record = train(Job(config=small(), cleared=cleared, folder=tmp_path), watch=watch)
    sealed = read_seal(tmp_path / record.checkpoints[-1]["path"])
    last, mean = (world_of(small(seed=9), shapes_of(cleared.manifest)) for _ in range(2))
    load(sealed, last, manifest_digest=cleared.manifest_digest)
    load_averaged(sealed, mean, manifest_digest=cleared.manifest_digest)

    assert sealed.seal.averaged
    own = dict(last.named_parameters())
    moved = [one for one, value in mean.named_parameters() if not torch.equal(value, own[one])]
    assert {name.split(".")[0] for name in moved} == {"dynamics"}
    assert len(moved) > 10


def test_without_averages_the_last_weights_are_evaluated(cleared, watch, tmp_path):
    train(Job(config=small(ema=0.0), cleared=cleared, folder=tmp_path), watch=watch)
    sealed = read_seal(tmp_path / checkpoints(tmp_path)[-1]["path"])
    last, mean = (world_of(small(seed=9), shapes_of(cleared.manifest)) for _ in range(2))
    load(sealed, last, manifest_digest=cleared.manifest_digest)
    load_averaged(sealed, mean, manifest_digest=cleared.manifest_digest)

    assert not sealed.seal.averaged
    assert all(map(torch.equal, last.state_dict().values(), mean.state_dict().values()))


def rank_with_gradients(*, rank, **_told):
    params = [torch.nn.Parameter(torch.zeros(size)) for size in (3, 5, 2, 4)]
    for at, param in enumerate(params[:3]):
        if at != 1 or rank == 1:  # the second is used by one rank, the last by none
            param.grad = torch.full_like(param, 10.0 * rank + at)
    sum_gradients(params, bucket=6)

    sums = [None if one.grad is None else one.grad.tolist() for one in params]
    assert sums == [[10.0] * 3, [11.0] * 5, [14.0] * 2, None]


@pytest.mark.slow
def test_gradients_are_summed_over_ranks_in_buckets(tmp_path):
    assert run_ranks(rank_with_gradients, tmp_path, world=2) == ["ended"] * 2


@pytest.mark.parametrize(
    ("changes", "has", "code"),
    [
        ({"device": "cuda"}, (False, False), "CUDA_MISSING"),
        ({"device": "cuda", "workers": 2}, (True, False), "NCCL_MISSING"),
    ],
)
def test_a_machine_that_lacks_something_is_told_before_the_start(changes, has, code):
    with pytest.raises(DeviceError) as caught:
        check_device(small(**changes), has_cuda=has[0], has_nccl=has[1])

    assert caught.value.code == code
    assert "set device" in caught.value.way_out or "workers = 1" in caught.value.way_out


def test_a_machine_that_has_what_is_asked_is_let_on():
    check_device(small(), has_cuda=False, has_nccl=False)
    check_device(small(device="cuda"), has_cuda=True, has_nccl=False)
    check_device(small(device="cuda", workers=2), has_cuda=True, has_nccl=True)
