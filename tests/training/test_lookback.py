"""What a stream did before a window reaches the model, and only where it is known."""

from dataclasses import replace

import pytest
import torch

from licensing.request import request_doc
from tests.builders import training_request
from tests.training.conftest import small
from tests.training.models import (
    ACTIONS,
    BATCH,
    GRID,
    MODES,
    STATES,
    doubled,
    drawn_heads,
    seen_frames,
    sizes_of,
    slots_for,
)
from tests.training.test_rollout import SEED, STEPS, by_steps, without_caches
from training.checkpoint import latest
from training.errors import CheckpointError
from training.evaluating.held_out import read_windows
from training.loader import shapes_of
from training.loop import Job, train
from training.loop.beginning import world_in
from training.loop.log import METRICS, lines
from training.model.dynamics import Dynamics
from training.model.earlier import Earlier
from training.model.rollout import Rollout
from training.model.slots import frames_of
from training.model.world import world_of

PAST = 3  # frames
TAKES = "dynamics.lookback.action.take.weight"
USE = request_doc(training_request())


@pytest.fixture(params=MODES)
def dynamics(request):
    torch.manual_seed(0)
    return drawn_heads(
        Dynamics(sizes_of(request.param), replace(GRID, lookback=("action", "state")))
    )


def looking_back(seen, known=True):
    numbers = torch.Generator().manual_seed(3)
    return replace(
        seen,
        earlier={
            stream: Earlier(
                values_BPC=torch.randn(BATCH, PAST, width, generator=numbers),
                mask_BPC=torch.full((BATCH, PAST, width), known),
            )
            for stream, width in (("action", ACTIONS), ("state", STATES))
        },
    )


def answer(dynamics, seen):
    with torch.no_grad():
        return dynamics(slots_for(dynamics, seen))


@pytest.mark.parametrize("stream", ["action", "state"])
def test_every_frame_hears_of_what_came_before_the_window(dynamics, stream):
    seen = looking_back(seen_frames())
    z_BTNC, state_BTS = dynamics(slots_for(dynamics, seen))
    (z_BTNC.square().mean() + state_BTS.square().mean()).backward()
    other = replace(seen.earlier[stream], values_BPC=-seen.earlier[stream].values_BPC)
    changed = answer(dynamics, replace(seen, earlier={**seen.earlier, stream: other}))

    for name, weight in dynamics.lookback[stream].named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name
    differs = (changed[0] != z_BTNC).flatten(2).any(2)
    assert differs.all()


def test_a_masked_lookback_is_none(dynamics):
    seen = seen_frames()
    nothing = answer(dynamics, looking_back(seen, known=False))

    for one, other in zip(answer(dynamics, seen), nothing, strict=True):
        assert torch.equal(one, other)


def test_a_masked_frame_of_a_lookback_has_no_influence(dynamics):
    seen = looking_back(seen_frames())
    one = seen.earlier["state"]
    mask = one.mask_BPC.clone()
    mask[:, 0] = False
    hidden = replace(one, mask_BPC=mask)
    other = one.values_BPC.clone()
    other[:, 0] = 99

    got = [
        answer(dynamics, replace(seen, earlier={**seen.earlier, "state": stream}))
        for stream in (hidden, replace(hidden, values_BPC=other))
    ]
    assert all(torch.equal(*pair) for pair in zip(*got, strict=True))


@pytest.mark.parametrize("context", [1, 3])
def test_caches_hold_what_was_looked_back_on(dynamics, context):
    dynamics = dynamics.double()
    seen = doubled(looking_back(seen_frames()))
    z_BTNC, state_BTS = without_caches(dynamics, seen, context)
    going, blind = (Rollout(dynamics, euler_steps=STEPS, seed=SEED) for _ in range(2))
    going.observe(frames_of(seen, slice(context)))
    blind.observe(frames_of(replace(seen, earlier={}), slice(context)))
    z_new, state_new = by_steps(going, seen, context)

    assert (z_new - z_BTNC[:, context:]).abs().max() < 1e-9
    assert (state_new - state_BTS[:, context:]).abs().max() < 1e-9
    assert (z_new - by_steps(blind, seen, context)[0]).abs().max() > 1e-4


def test_without_a_lookback_a_model_is_what_it_was(cleared):
    shapes = shapes_of(cleared.manifest)
    plain, looking = (
        world_of(small(lookback=each), shapes).state_dict()
        for each in ({"state": 0.0}, {"state": 0.5})
    )

    assert looking.keys() - plain.keys() == {
        f"dynamics.lookback.state.{name}"
        for name in ("age.bias", "age.weight", "take.bias", "take.weight", "tell.weight",
                     "weigh.weight")
    }  # fmt: skip
    assert all(torch.equal(plain[name], looking[name]) for name in plain)


def test_a_run_learns_from_its_lookback_and_is_evaluated_with_it(cleared, watch, tmp_path):
    plain = small(use=USE, steps=8)
    looking = small(use=USE, steps=8, lookback={"action": 0.5, "state": 0.3})
    for name, config in (("plain", plain), ("looking", looking)):
        train(Job(config=config, cleared=cleared, folder=tmp_path / name), watch=watch)
    losses = [
        [line["loss"] for line in lines(tmp_path / name / METRICS)] for name in ("plain", "looking")
    ]
    held = read_windows(cleared, looking, split="val", length=12, num=4, seed=0)
    sealed = latest(tmp_path / "looking")

    assert losses[0][:6] == losses[1][:6]  # the tokenizer's
    assert losses[0][7] != losses[1][7]
    assert held is not None
    assert held.batch.past_action_BPA.shape[1] == 5
    assert held.batch.past_state_BQS.shape[1] == 3
    assert sealed is not None
    fresh = world_of(looking, shapes_of(cleared.manifest)).state_dict()
    learned = world_in(sealed).state_dict()
    assert not torch.equal(learned[TAKES], fresh[TAKES])
    start = {"use": USE, "parent": sealed.digest, "tokenizer_steps": 0}
    job = Job(
        config=small(lookback={"state": 0.3}, **start),
        cleared=cleared, folder=tmp_path / "tuned", parent=sealed.path,
    )  # fmt: skip
    with pytest.raises(CheckpointError, match="looks back on action, state") as caught:
        train(job, watch=watch)
    assert caught.value.code == "PARENT_OTHER_SIZES"
