"""Following, drift, return, bounds and latency, each on a world that shows it."""

import json

import numpy as np
import pytest
import torch

from tests.training.conftest import small
from tests.training.evaluating.worlds import still, there_and_back, world_of_clips
from training.evaluating import evaluate
from training.evaluating.behaviour import behave
from training.evaluating.bounds import FAR
from training.evaluating.foreseen import foresee
from training.evaluating.held_out import longest, read_windows
from training.evaluating.plan import Plan
from training.evaluating.returning import find_return
from training.evaluating.rolling import Rolled
from training.loader import shapes_of
from training.model.world import world_of

PLAN = Plan(timed_frames=4, fit_windows=24)


def behaved(cleared, *, model=None, plan=PLAN, **changes):
    config = small(**changes)
    rolled = Rolled(
        model=model or world_of(config, shapes_of(cleared.manifest)),
        context=config.context, seed=0, memory=config.window, euler_steps=4,
    )  # fmt: skip
    held = read_windows(cleared, config, split="val", length=config.window, num=4, seed=0)
    assert held is not None
    foreseen = foresee(rolled, held, plan)
    return behave(rolled, cleared, config, foreseen=foreseen, plan=plan)


@pytest.fixture(scope="module")
def told(cleared):
    return behaved(cleared)


def test_an_untrained_model_follows_no_action(told):
    following = told.following

    assert following is not None
    assert set(following.channels) == {"acorn", "birch"}
    assert following.ways["model"].mean[0] < 0.1
    assert set(following.ways) == {"real", "model", "shuffled_actions", "shuffled_as_true"}


def test_long_windows_go_beyond_those_of_training(told, cleared):
    assert longest(cleared, "val", clips=8) == 20
    assert told.drift is not None
    assert (told.drift.num_frames, told.drift.beyond_training) == (16, True)
    assert all(len(one.mean) == 16 for one in told.drift.psnr.values())
    assert [(one.first, one.last) for one in told.drift.bands] == [(1, 4), (5, 16)]


def test_drift_of_copies_is_that_of_an_untrained_model(told):
    slope = told.drift.slope

    assert slope["copy_last"].mean[0] < 0  # the square moves away
    assert slope["tokenizer"].mean[0] == pytest.approx(0, abs=0.05)
    for one in told.drift.bands:
        assert one.model == pytest.approx(one.copy_last, rel=0.2)
        assert one.real >= 0


def test_a_still_world_does_not_drift_and_never_returns(tmp_path):
    found = behaved(world_of_clips(tmp_path, still))

    assert found.drift is not None
    assert found.drift.slope["model"].mean[0] == pytest.approx(0, abs=0.01)
    assert found.persistence is None
    assert "comes back to a view of its context" in found.missing["persistence"]


def test_a_return_is_found_where_the_square_comes_back(tmp_path):
    frames = there_and_back(0).astype(np.float32) / 255
    found = find_return(frames, context=4)

    assert found is not None
    assert found.seen in {0, 1}
    assert found.back in {10, 11, 12, 13, 14}
    assert 4 <= found.away < 10
    persistence = behaved(world_of_clips(tmp_path, there_and_back)).persistence
    assert persistence is not None
    assert persistence.num_windows == persistence.num_looked > 0
    assert persistence.at["copy_last"].mean[0] < 40  # the last frame of the context is not the view


def test_no_return_without_leaving_and_none_right_after_the_context():
    frames = there_and_back(0).astype(np.float32) / 255

    assert find_return(frames[:10], context=4) is None
    assert find_return(np.repeat(frames[:1], 12, axis=0), context=4) is None


def test_an_untrained_model_stays_where_it_was_under_any_action(told):
    assert set(told.bounds) == {"real", "true_actions", "held", "far_up", "far_down", "swinging"}
    for one in told.bounds.values():
        assert one.finite
        assert one.outside == 0
        assert one.latent_max <= told.bounds["real"].latent_max
    assert told.bounds["real"].state_over == 1.0


def test_a_model_that_runs_away_is_told(cleared):
    model = world_of(small(), shapes_of(cleared.manifest))
    with torch.no_grad():
        model.dynamics.state_head.bias.fill_(FAR)
        model.dynamics.latent_head.bias.fill_(0.2)
    found = behaved(cleared, model=model).bounds

    assert found["held"].state_over > 10
    assert found["held"].outside > 0.5
    assert found["held"].at_edge > 0.1
    assert found["held"].finite


def test_a_model_that_says_no_numbers_is_measured_all_the_same(cleared):
    model = world_of(small(), shapes_of(cleared.manifest))
    with torch.no_grad():
        model.dynamics.latent_head.bias.fill_(float("nan"))
    found = evaluate(model, cleared, small(), plan=PLAN, groups={})

    assert not found.behaviour.bounds["true_actions"].finite
    assert found.behaviour.bounds["real"].finite
    assert set(found.psnr["model"]) == {0.0}
    assert not found.beats_copy_last
    json.dumps(found.figures(), allow_nan=False)


def test_latency_is_of_as_many_frames_as_asked(told):
    assert told.latency is not None
    assert (told.latency.num_frames, told.latency.device) == (4, "cpu")
    assert 0 < told.latency.p50_ms <= told.latency.p95_ms
