"""Judge a sealed checkpoint: load it, evaluate it, leave the figures and a picture beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch

from training.checkpoint import check_set, read_seal
from training.config import read_config
from training.evaluating import Evaluation, Groups, Plan, evaluate, write_strip
from training.loop.beginning import by_its_numbers, world_in
from training.loop.disk import on_disk

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
    parent: Path | None = None,
    device: str = "cpu",
    plan: Plan = _ALL,
    groups: Groups = _NO_GROUPS,
) -> Judged:
    """Evaluate a checkpoint on a set that passed the gate for this use.

    An adapter's stands on the checkpoint at `parent`.

    Raises:
        CheckpointError: also CHECKPOINT_OTHER_SET, CHECKPOINT_WRITE_FAILED, and
            CHECKPOINT_OTHER_VERSION, where other code sealed it.
    """
    sealed = read_seal(checkpoint)
    check_set(sealed, cleared.manifest_digest)
    config = read_config(sealed.seal.config)
    model = world_in(sealed, parent=parent).to(torch.device(device)).eval()
    cleared = by_its_numbers(cleared, sealed)
    with _threads(config.torch_threads):
        evaluation = evaluate(model, cleared, config, plan=plan, groups=groups)
    picture = checkpoint.with_name(f"{checkpoint.name}.png")
    if evaluation.shown:
        with on_disk(picture):
            write_strip(picture, evaluation.shown)
    figures = checkpoint.with_name(f"{checkpoint.name}.evaluation.json")
    with on_disk(figures):
        figures.write_text(json.dumps(evaluation.figures(), indent=1), encoding="utf-8")
    return Judged(evaluation=evaluation, picture=picture, figures=figures)


@contextmanager
def _threads(num: int) -> Iterator[None]:
    """As many threads as in training: sums depend on their number in the last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(num)
    try:
        yield
    finally:
        torch.set_num_threads(before)
