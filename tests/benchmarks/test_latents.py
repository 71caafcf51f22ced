"""A step of the dynamics with latents at hand, beside one that decodes and encodes; `-m benchmark`.

Two runs of one configuration on one core, in rounds that begin with either in turn. What is
compared are the steps after the second epoch, when each window has been met.
"""

from __future__ import annotations

import json
import os
import statistics
from pathlib import Path
from typing import Any

import pytest
import torch

from licensing.manifest import public_of
from tests.builders import NOW, SECRET, training_request
from tests.training.encodes import RENDERED, film, film_set, scene
from training.config import read_config
from training.gate import check_again, open_training_set
from training.loop import Job, train

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1_800)]
ROUNDS, SIZE, FILMS, FRAMES = 5, 64, 24, 96
TOKENIZER_STEPS, STEPS, SETTLED = 5, 80, 50
ROOMS = {"encoded each time": 0, "kept": 1 << 30}


@pytest.fixture
def one_core():
    before, threads = os.sched_getaffinity(0), torch.get_num_threads()
    os.sched_setaffinity(0, {min(before)})
    torch.set_num_threads(1)
    yield
    os.sched_setaffinity(0, before)
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("one_core")
def test_a_step_with_latents_at_hand(tmp_path):
    films = [
        film(tmp_path / f"{number}.mp4", scene(number, FRAMES, SIZE), RENDERED, size=SIZE)
        for number in range(FILMS)
    ]
    keys = [public_of(SECRET)]
    home = film_set(tmp_path, {"acorn": films}, size=SIZE)
    cleared = open_training_set(home, training_request(), keys=keys, now=NOW)
    ratios: list[float] = []
    said: list[dict[str, str]] = []
    for number in range(ROUNDS):
        turn = list(ROOMS.items())[:: 1 if number % 2 else -1]
        steps: dict[str, float] = {}
        for name, room in turn:
            folder = tmp_path / f"{name} {number}"
            train(
                Job(config=config_of(room), cleared=cleared, folder=folder),
                watch=lambda seen: check_again(cleared, keys=keys, now=NOW, seen_sequence=seen),
            )
            steps[name] = settled(folder)
        ratios.append(steps["encoded each time"] / steps["kept"])
        said.append({name: f"{1e3 * spent:.0f} ms" for name, spent in steps.items()})
    print(  # noqa: T201 - figures are what a benchmark is run for
        f"\n{said}\ntorch {torch.__version__}, {FILMS * FRAMES // 16} windows of 16 frames of"
        f" {SIZE}x{SIZE}: kept is {statistics.median(ratios):.2f} times as fast"
        f" [{min(ratios):.2f}-{max(ratios):.2f}]"
    )
    assert statistics.median(ratios) > 1


def config_of(room: int) -> Any:
    model = {"patch": 8, "width": 96, "depth": 4, "heads": 4, "kv_heads": 2}
    return read_config(
        {
            "set": "films",
            "use": {},
            "steps": STEPS,
            "tokenizer_steps": TOKENIZER_STEPS,
            "checkpoint_every": STEPS,
            "batch": 8,
            "window": 16,
            "stride": 16,
            "workers": 1,
            "decode_threads": 1,
            "latent_bytes": room,
            "model": model,
        }
    )


def settled(folder: Path) -> float:
    """Median seconds of the steps in which every window has been met before."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    spent: list[float] = [line["seconds"] for line in lines if line.get("step", 0) > SETTLED]
    return statistics.median(spent)
