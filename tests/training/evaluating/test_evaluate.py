"""Figures that can be believed: always beside what must be beaten."""

import json
from collections import Counter
from dataclasses import asdict, replace

import av
import numpy as np
import pyarrow as pa
import pytest
import torch

from tests.training.conftest import small
from tests.training.evaluating.worlds import still, world_of_clips
from training.errors import CheckpointError, ConfigError
from training.evaluating import Plan, evaluate, write_png
from training.evaluating.held_out import read_windows
from training.loader import shapes_of
from training.loop import Job, judge, train
from training.model.world import world_of

PLAN = Plan(timed_frames=2, fit_windows=16, long_windows=4)


def evaluated(cleared, plan=PLAN, **changes):
    model = world_of(small(), shapes_of(cleared.manifest))
    return evaluate(model, cleared, small(**changes), plan=plan, groups={})


def timeless(evaluation):
    """Every figure but those of a clock."""
    told = evaluation.figures()
    assert told["behaviour"].pop("latency")["p95_ms"] > 0
    return json.dumps(told)


@pytest.fixture(scope="module")
def measured(cleared):
    """An untrained model's evaluation, and how often it looked at the same windows."""
    model, looked = world_of(small(), shapes_of(cleared.manifest)), Counter[bytes]()
    model.tokenizer.stem.register_forward_hook(
        lambda _layer, given, _found: looked.update([given[0].numpy().tobytes()])
    )
    return evaluate(model, cleared, small(), plan=PLAN, groups={}), looked


@pytest.fixture(scope="module")
def untrained(measured):
    return measured[0]


def test_an_untrained_model_is_no_better_than_its_own_last_latent(untrained):
    evaluation = untrained

    assert evaluation.split == "val"
    assert evaluation.horizons == (1, 4, 8)
    assert evaluation.psnr["model"] == evaluation.psnr["shuffled_actions"]
    assert evaluation.psnr["model"] == evaluation.psnr["null_action"]
    assert set(evaluation.delta_psnr_actions) == {0.0}
    assert all(0 < one <= 60 for values in evaluation.psnr.values() for one in values)
    assert set(evaluation.by_source) == {"acorn", "birch"}
    assert evaluation.doc()["beats_copy_last"] is False
    assert "loses to copy-last" in evaluation.summary()
    assert evaluation.repeats


def test_windows_are_predicted_once_and_once_more_to_see_that_it_repeats(measured):
    assert max(measured[1].values()) == 2


def test_a_model_that_foretells_a_still_world_reaches_the_ceiling(tmp_path):
    evaluation = evaluated(world_of_clips(tmp_path, still))

    assert evaluation.overall is not None
    for metric in (evaluation.overall.psnr, evaluation.overall.ssim):
        # but for what coding makes of a still picture
        assert metric["model"].mean == pytest.approx(metric["tokenizer"].mean, abs=0.01)
    assert min(evaluation.psnr["copy_last"]) > 45


def test_a_model_that_hears_its_actions_is_told_from_one_that_does_not(cleared):
    model = world_of(small(), shapes_of(cleared.manifest))
    with torch.no_grad():
        model.dynamics.action.weight.mul_(30)
        model.dynamics.latent_head.weight.normal_(generator=torch.Generator().manual_seed(0))
    found = evaluate(model, cleared, small(), plan=PLAN, groups={})

    assert found.psnr["model"] != found.psnr["shuffled_actions"]
    assert found.psnr["model"] != found.psnr["null_action"]
    assert any(found.delta_psnr_actions)
    assert found.repeats


def test_a_model_by_diffusion_repeats_to_the_bit_for_one_seed_of_its_noise(cleared):
    config = small(model={**asdict(small().model), "mode": "diffusion"})
    model = world_of(config, shapes_of(cleared.manifest))
    with torch.no_grad():
        model.dynamics.latent_head.weight.normal_(generator=torch.Generator().manual_seed(0))
    found = evaluate(model, cleared, config, plan=PLAN, groups={})

    assert found.repeats
    assert found.behaviour.latency is not None
    assert found.behaviour.latency.euler_steps == 4


def test_a_set_without_video_is_measured_by_its_states(tmp_path):
    cleared = world_of_clips(tmp_path, None)
    found = evaluated(cleared)
    held = read_windows(
        cleared, small(), split="val", length=12, num=small().eval_windows, seed=0, video=False
    )

    assert found.overall is None
    assert found.states is not None
    assert held is not None
    state_BTS = held.batch.state_BTS
    by_hand = np.sqrt(((state_BTS[:, 4:] - state_BTS[:, 3:4]) ** 2).mean(2)).mean(0)
    assert found.states.copy_last.mean == pytest.approx(by_hand, abs=1e-4)
    assert found.states.model == found.states.copy_last  # an untrained model says nothing moves
    assert found.missing["pictures"] == "no held-out clip of a window's length has video"
    assert "no video: next state" in found.summary()
    assert json.loads(json.dumps(found.doc()))["beats_copy_last"] is False
    assert found.shown == ()


def test_a_source_that_is_wholly_held_out_is_named(tmp_path):
    cleared = world_of_clips(tmp_path, None)
    index = cleared.index.set_column(
        cleared.index.schema.get_field_index("split"), "split", pa.array(["val"] * 6)
    )
    found = evaluated(replace(cleared, index=index))

    assert found.untrained == ("acorn",)
    assert evaluated(cleared).untrained == ()


def test_the_same_plan_gives_the_same_figures_whatever_global_generators_do(cleared, untrained):
    torch.manual_seed(5)
    np.random.seed(5)
    again = evaluated(cleared)

    assert again == untrained
    assert timeless(again) == timeless(untrained)


def test_another_seed_takes_other_windows(cleared, untrained):
    assert evaluated(cleared, replace(PLAN, seed=7)).digest != untrained.digest


def test_groups_slice_the_same_windows(cleared):
    model = world_of(small(), shapes_of(cleared.manifest))
    found = evaluate(
        model, cleared, small(), plan=PLAN,
        groups={"domain": {"acorn": "game", "birch": "game"}, "rights class": {"acorn": "a"}},
    )  # fmt: skip

    assert found.overall == found.groups["domain"]["game"]
    assert set(found.groups["rights class"]) == {"a", "unknown"}
    assert found.groups["rights class"]["a"] == found.groups["source"]["acorn"]


def test_a_sealed_checkpoint_is_judged_with_figures_and_a_picture(cleared, watch, tmp_path):
    train(Job(config=small(), cleared=cleared, folder=tmp_path), watch=watch)
    path = tmp_path / "step-00000012"
    judged = judge(cleared, path, plan=PLAN)
    assert json.loads(judged.figures.read_text()) == judged.evaluation.figures()
    again = judge(cleared, path, plan=PLAN)
    assert again.evaluation == judged.evaluation
    with av.open(str(judged.picture)) as picture:
        frame = next(picture.decode(video=0))
    assert (frame.width, frame.height % 128) == (64 * 12, 0)


def test_a_checkpoint_that_other_code_sealed_is_refused(cleared, watch, tmp_path):
    train(Job(config=small(), cleared=cleared, folder=tmp_path), watch=watch)
    path = tmp_path / "step-00000012"
    seal = json.loads((path / "checkpoint.json").read_text())
    seal["shapes"] = {"height": 64, "num_domains": 2}
    (path / "checkpoint.json").write_text(json.dumps(seal))

    with pytest.raises(CheckpointError) as caught:
        judge(cleared, path, plan=PLAN)
    assert caught.value.code == "CHECKPOINT_OTHER_VERSION"


def test_what_a_run_keeps_is_small(untrained):
    assert len(json.dumps(untrained.doc())) < 1_000


def test_a_picture_comes_back_as_it_was_drawn(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    write_png(tmp_path / "x.png", pixels)

    with av.open(str(tmp_path / "x.png")) as picture:
        got = next(picture.decode(video=0)).to_ndarray(format="rgb24")
    assert np.array_equal(got, pixels)


def test_a_window_longer_than_every_clip_cannot_be_evaluated(cleared):
    with pytest.raises(ConfigError, match="nothing to evaluate on"):
        evaluated(cleared, window=21)


def test_evaluation_leaves_no_gradient(cleared):
    model = world_of(small(), shapes_of(cleared.manifest))
    evaluate(model, cleared, small(), plan=PLAN, groups={})

    assert all(value.grad is None for value in model.parameters())
    assert torch.is_grad_enabled()
