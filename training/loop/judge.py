"""Judge a sealed checkpoint: load it, evaluate it, leave the figures and a picture beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

from training.checkpoint import Sealed, load_averaged, read_seal
from training.config import TrainConfig, read_config
from training.errors import CheckpointError
from training.evaluating import Evaluation, Groups, Plan, evaluate, write_strip
from training.loader import shapes_from
from training.model.world import WorldModel, world_of

if TYPE_CHECKING:
    from training.gate import Cleared

_ALL: Final = Plan()
_NO_GROUPS: Final[Groups] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An evaluation and where its picture and figures lie; no picture where there is no video."""

    evaluation: Evaluation
    picture: Path
    figures: Path


def judge(
    cleared: Cleared,
    checkpoint: Path,
    *,
    device: str = "cpu",
    plan: Plan = _ALL,
    groups: Groups = _NO_GROUPS,
) -> Judged:
    """Evaluate a checkpoint on a set that passed the gate for this use.

    Raises:
        CheckpointError: also CHECKPOINT_OTHER_VERSION, where other code sealed it.
    """
    sealed = read_seal(checkpoint)
    config = read_config(sealed.seal.config)
    model = _fresh(config, sealed)
    load_averaged(sealed, model, manifest_digest=cleared.manifest_digest)
    model = model.to(torch.device(device)).eval()
    with _threads(config.torch_threads):
        evaluation = evaluate(model, cleared, config, plan=plan, groups=groups)
    picture = checkpoint.with_name(f"{checkpoint.name}.png")
    if evaluation.shown:
        write_strip(picture, evaluation.shown)
    figures = checkpoint.with_name(f"{checkpoint.name}.evaluation.json")
    figures.write_text(json.dumps(evaluation.figures(), indent=1), encoding="utf-8")
    return Judged(evaluation=evaluation, picture=picture, figures=figures)


def _fresh(config: TrainConfig, sealed: Sealed) -> WorldModel:
    try:
        return world_of(config, shapes_from(sealed.seal.shapes))
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            f"{sealed.path} keeps the shapes {', '.join(sorted(sealed.seal.shapes))}, not those "
            "that this version reads",
            code="CHECKPOINT_OTHER_VERSION",
            subject=str(sealed.path),
            way_out="evaluate it with the version of Clearway that trained it, or train again",
        ) from error


@contextmanager
def _threads(num: int) -> Iterator[None]:
    """As many threads as in training: sums depend on their number in the last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(num)
    try:
        yield
    finally:
        torch.set_num_threads(before)
