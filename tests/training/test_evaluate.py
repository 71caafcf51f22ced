"""Figures that can be believed: always beside what must be beaten."""

import json

import av
import numpy as np
import pytest
import torch

from tests.training.conftest import small
from training.errors import ConfigError
from training.evaluate import evaluate, write_png
from training.loader import shapes_of
from training.loop import Job, judge, train
from training.model.world import world_of


def test_an_untrained_model_is_no_better_than_its_own_last_latent(cleared):
    model = world_of(small(), shapes_of(cleared.manifest))
    evaluation = evaluate(model, cleared, small())

    assert evaluation.split == "val"
    assert evaluation.horizons == (1, 4, 8)
    assert evaluation.psnr["model"] == evaluation.psnr["shuffled_actions"]
    assert all(0 < one <= 60 for values in evaluation.psnr.values() for one in values)
    assert set(evaluation.by_source) <= {"acorn", "birch"}
    assert not evaluation.doc()["beats_copy_last"]
    assert "loses to copy-last" in evaluation.summary()


def test_a_sealed_checkpoint_is_judged_with_figures_and_a_picture(cleared, watch, tmp_path):
    train(Job(config=small(), cleared=cleared, folder=tmp_path), watch=watch)
    path = tmp_path / "step-00000012"
    judged = judge(cleared, path)
    again = judge(cleared, path)

    assert json.loads(judged.figures.read_text()) == json.loads(json.dumps(judged.evaluation.doc()))
    assert again.evaluation == judged.evaluation
    with av.open(str(judged.picture)) as picture:
        frame = next(picture.decode(video=0))
    assert (frame.width, frame.height % 128) == (64 * 12, 0)


def test_a_picture_comes_back_as_it_was_drawn(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)
    write_png(tmp_path / "x.png", pixels)

    with av.open(str(tmp_path / "x.png")) as picture:
        got = next(picture.decode(video=0)).to_ndarray(format="rgb24")
    assert np.array_equal(got, pixels)


def test_a_window_longer_than_every_clip_cannot_be_evaluated(cleared):
    model = world_of(small(), shapes_of(cleared.manifest))

    with pytest.raises(ConfigError, match="nothing to evaluate on"):
        evaluate(model, cleared, small(window=21))


def test_evaluation_leaves_no_gradient(cleared):
    model = world_of(small(), shapes_of(cleared.manifest))
    evaluate(model, cleared, small())

    assert all(value.grad is None for value in model.parameters())
    assert torch.is_grad_enabled()
