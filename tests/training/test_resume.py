"""Killed anywhere, resumed on any number of ranks: nothing missing or twice, the same bits."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.builders import tiny_training_set
from tests.training.conftest import opened, small
from tests.training.ranks import SIGKILL, run_ranks, training_rank
from training.checkpoint import checkpoints, latest, load_averaged
from training.loader import shapes_of, windows_in
from training.loop.audit import seen
from training.loop.log import METRICS, attempts, lines
from training.loop.recalled import recall
from training.model.world import weights_digest, world_of
from training.sampler import plan_order

SOURCES = ("acorn", "birch", "cedar")
STEPS = 12
WEIGHTS = {"acorn": 0.5, "birch": 0.3, "cedar": 0.2}
CHANGES = {
    "steps": STEPS,
    "batch": 6,
    "stride": 4,
    "weights": WEIGHTS,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tiny_training_set(tmp_path_factory.mktemp("mixture"), num_clips=3, sources=SOURCES)


@pytest.fixture(scope="module")
def whole(home, tmp_path_factory):
    """The run that nobody disturbs, on a number of ranks: made once for each number."""
    made = {}

    def run_of(world, steps=STEPS):
        if (world, steps) not in made:
            made[world, steps] = folder = tmp_path_factory.mktemp(f"whole-{world}")
            assert train_on(home, folder, world, steps=steps) == ["ended"] * world
        return made[world, steps] / "run"

    return run_of


def train_on(home, folder, world, *, kill=None, **changes):
    told = {"home": home, "changes": CHANGES | changes, "kill": kill}
    return run_ranks(training_rank, folder, world=world, **told)


def losses(run):
    """Loss of each step as it counts: in what came last."""
    return {line["step"]: line["loss"] for line in lines(run / METRICS)}


def weights(home, run):
    cleared, last = opened(home), latest(run)
    assert last is not None
    model = world_of(small(**CHANGES), shapes_of(cleared.manifest))
    load_averaged(last, model, manifest_digest=cleared.manifest_digest)
    return weights_digest(model)


def check_lineage(home, run, steps=STEPS):
    """The sealed chain is the replayed one, and every position of the order came once."""
    cleared = opened(home)
    windows = windows_in(cleared, length=12, stride=4)
    plan = plan_order(windows, cleared.manifest_digest, 0, weights=WEIGHTS)
    spans, firsts = windows.locate(plan.draw(np.arange(steps * 6)))
    order = [
        (at // 6, at % 6, windows.spans[span].clip_id, first)
        for at, (span, first) in enumerate(zip(spans.tolist(), firsts.tolist(), strict=True))
    ]
    delivered = seen(cleared.index, cleared.manifest, recall(run / f"step-{steps:08d}"))
    names = ("step", "slot", "clip_id", "start_frame")
    assert [tuple(one[name] for name in names) for one in delivered] == order


@pytest.mark.slow
def test_a_killed_run_of_two_ranks_goes_on_to_the_same_bits(home, whole, tmp_path):
    plain = whole(2)
    assert train_on(home, tmp_path, 2, kill=(1, "step", 9)) == ["RANK_LOST", SIGKILL]
    assert train_on(home, tmp_path, 2, decode_threads=1) == ["ended", "ended"]
    run = tmp_path / "run"

    assert losses(run) == losses(plain)
    assert weights(home, run) == weights(home, plain)
    assert [one["chain"] for one in checkpoints(run)] == [
        one["chain"] for one in checkpoints(plain)
    ]
    check_lineage(home, run)


@pytest.mark.slow
def test_kills_on_three_and_two_ranks_end_on_one_with_nothing_missing_or_twice(
    home, whole, tmp_path
):
    draw = random.Random(7)
    first = train_on(home, tmp_path, 3, kill=(draw.randrange(3), "step", draw.randint(5, 8)))
    second = train_on(home, tmp_path, 2, kill=(0, "save", draw.randint(1, 150)))
    assert train_on(home, tmp_path, 1, decode_threads=3, loader_workers=1) == ["ended"]
    run = tmp_path / "run"

    assert SIGKILL in first
    assert SIGKILL in second
    assert [one["world"] for one in attempts(run)] == [3, 2, 1]
    assert checkpoints(run)[-1]["chain"] == checkpoints(whole(2))[-1]["chain"]
    check_lineage(home, run)


def killed(home, folder, world, *, draw, steps):
    """One more attempt, killed a few steps after where it began or inside one of its saves."""
    run = folder / "run"
    at = checkpoints(run)[-1]["step"] if checkpoints(run) else 0
    how = (
        ("save", draw.randint(1, 300)) if draw.random() < 0.4 else ("step", at + draw.randint(1, 9))
    )
    kill = (draw.randrange(world), *how)
    feeds = {"decode_threads": draw.randint(1, 3), "loader_workers": draw.choice((0, 0, 1, 2))}
    said = train_on(home, folder, world, kill=kill, steps=steps, **feeds)
    assert SIGKILL in said, (kill, said)
    assert set(said) <= {SIGKILL, "RANK_LOST"}, (kill, said)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1])
def test_twenty_kills_on_one_two_and_three_ranks_lose_and_repeat_nothing(
    home, whole, tmp_path, seed
):
    draw, steps = random.Random(seed), 240
    for _ in range(20):
        killed(home, tmp_path, draw.randint(1, 3), draw=draw, steps=steps)
    world = draw.randint(1, 3)
    assert train_on(home, tmp_path, world, steps=steps) == ["ended"] * world
    run = tmp_path / "run"

    assert {one["world"] for one in attempts(run)} == {1, 2, 3}
    assert [one["chain"] for one in checkpoints(run)] == [
        one["chain"] for one in checkpoints(whole(1, steps))
    ]
    check_lineage(home, run, steps)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("world", "kills"), [(1, 6), (2, 7), (3, 7)])
def test_twenty_kills_at_equal_world_size_change_no_bit(home, whole, tmp_path, world, kills):
    draw, steps = random.Random(world), 100
    for _ in range(kills):
        killed(home, tmp_path, world, draw=draw, steps=steps)
    assert train_on(home, tmp_path, world, steps=steps) == ["ended"] * world
    run, plain = tmp_path / "run", whole(world, steps)

    assert losses(run) == losses(plain)
    assert weights(home, run) == weights(home, plain)
    check_lineage(home, run, steps)
