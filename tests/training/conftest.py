"""A tiny real training set that passed the gate, and a model that learns in milliseconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from licensing.manifest import public_of
from tests.builders import NOW, SECRET, tiny_training_set, training_request
from training.config import TrainConfig, read_config
from training.gate import Cleared, check_again, open_training_set

KEYS = [public_of(SECRET)]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)  # small tensors: more threads only wait for one another


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set that tests read and do not touch: 12 clips, one of them without video."""
    return tiny_training_set(tmp_path_factory.mktemp("tiny"), num_clips=6, without_video=True)


@pytest.fixture(scope="session")
def cleared(tiny_home: Path) -> Cleared:
    return opened(tiny_home)


@pytest.fixture
def watch(cleared: Cleared) -> Callable[[int], Any]:
    return lambda seen: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=seen)


def opened(home: Path) -> Cleared:
    return open_training_set(home, training_request(), keys=KEYS, now=NOW)


def small(**changes: Any) -> TrainConfig:
    """Twelve steps, a checkpoint every four, a model of a few thousand weights."""
    model = {
        "patch": 16,
        "latent": 8,
        "tokenizer_width": 16,
        "tokenizer_depth": 1,
        "width": 16,
        "depth": 2,
        "heads": 2,
        "kv_heads": 1,
    }
    doc = {
        "set": "tiny",
        "use": {},
        "steps": 12,
        "tokenizer_steps": 6,
        "checkpoint_every": 4,
        "batch": 4,
        "warmup": 2,
        "workers": 1,
        "model": model,
    }
    return read_config(doc | changes)
