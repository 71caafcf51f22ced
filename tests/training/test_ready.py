"""The ready configurations are whole, and a plan says what they take."""

import tomllib

import pytest
import torch

from pipelines.train.asked import READY, ready_config
from tests.training.conftest import small
from training.config import read_config
from training.errors import ConfigError
from training.loader import Shapes
from training.loop.planning import plan_run
from training.model.world import num_weights, world_of


def read_ready(name):
    doc = tomllib.loads(ready_config(name).read_text(encoding="utf-8"))
    return read_config({**doc, "set": "tiny", "use": {}})


@pytest.mark.parametrize("name", READY)
def test_a_ready_configuration_needs_a_set_and_nothing_else(name):
    path = ready_config(name)

    with pytest.raises(ConfigError, match="no default"):
        read_config(path)
    assert read_ready(name).steps > 0
    assert path.read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize(
    ("name", "mode", "window", "devices", "weights"),
    [
        ("smoke", "regression", 12, ("cpu", 1), 0.42e6),
        ("small", "diffusion", 64, ("cuda", 1), 34.5e6),
        ("base", "diffusion", 64, ("cuda", 8), 176e6),
        ("long", "diffusion", 256, ("cuda", 8), 176e6),
    ],
)
def test_a_ready_configuration_holds_what_it_says(name, mode, window, devices, weights):
    config = read_ready(name)
    side = 64 if name == "smoke" else 256
    shapes = Shapes(height=side, width=side, num_actions=4, num_states=3, domains=("acorn",))
    with torch.device("meta"):
        dynamics = world_of(config, shapes).dynamics

    assert (config.model.mode, config.window) == (mode, window)
    assert (config.device, config.workers) == devices
    assert num_weights(dynamics) == pytest.approx(weights, rel=0.03)


def test_a_plan_counts_windows_weights_tokens_and_shares(cleared):
    config = small(weights={"acorn": 3.0, "birch": 1.0}, steps=24)
    plan = plan_run(config, cleared)

    assert plan.windows == sum(plan.windows_by_source.values()) == 40
    assert dict(plan.shares) == {"acorn": 0.75, "birch": 0.25}
    assert (plan.steps, plan.samples, plan.epochs) == (24, 96, 2.4)
    assert plan.tokens_a_step == 4 * 12 * (16 + 3 + 2)  # 64 pixels in patches of 16
    assert plan.frames_a_step == 48
    assert plan.dynamics_weights > 1000
    assert not plan.sharded


def test_a_plan_counts_windows_by_time_as_a_run_does(cleared):
    fps = cleared.manifest["render"]["fps"]
    timed = plan_run(small(window_seconds=6 / fps, stride_seconds=3 / fps), cleared)

    assert timed == plan_run(small(window=6, stride=3), cleared)
    assert timed.frames_a_step == 24


def test_a_plan_divides_what_is_sharded_and_what_is_accumulated(cleared):
    whole = plan_run(small(workers=4), cleared)
    spread = plan_run(small(workers=4, shard_above=1), cleared)
    parts = plan_run(small(batch=8, accumulate=8), cleared)
    at_once = plan_run(small(batch=8), cleared)

    assert spread.sharded
    assert spread.memory_bytes < whole.memory_bytes
    assert parts.memory_bytes < at_once.memory_bytes
