"""The weights of a checkpoint: model, averaged weights, moments of the optimiser, and the cursor.

Every rank writes its part and reads its part, whatever number of ranks wrote it. The copy that is
written is made before the call returns; the writing goes on beside the training.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.staging import AsyncStager
from torch.distributed.checkpoint.state_dict_loader import load as read_state
from torch.distributed.checkpoint.state_dict_saver import async_save

from training.checkpoint.seals import Sealed
from training.errors import CheckpointError
from training.sampler import Cursor

AVERAGED: Final = "dynamics."  # the tokenizer is frozen while the dynamics learn: its own average


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What learns: the model, its optimiser, and averages of weights by name.

    Of the model, only the weights whose names hold `part` belong to the checkpoint.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer | None = None
    averaged: Mapping[str, Tensor] = field(default_factory=dict)
    part: str = ""


def start_save(
    path: Path,
    weights: Weights,
    *,
    cursor: Cursor,
    group: dist.ProcessGroup | None = None,
    stager: AsyncStager | None = None,
) -> Future[Any]:
    """Copy the weights, then write them below `path` in a thread; every rank must call it.

    `group` is one that nobody else speaks in: the thread speaks while the loop does.
    """
    path.mkdir(parents=True, exist_ok=True)
    _hush()
    saving = async_save(
        _state(weights, cursor),
        checkpoint_id=path,
        process_group=group,
        async_stager=stager,
        no_dist=group is None,
    )
    return saving if isinstance(saving, Future) else saving.upload_completion


def load(
    sealed: Sealed,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    *,
    averaged: Mapping[str, Tensor] | None = None,
    part: str = "",
    manifest_digest: str,
) -> Cursor:
    """Put weights and moments back, averages into `averaged`, and say where the run stood.

    With `part`, weights whose names do not hold it stay as they are.
    """
    check_set(sealed, manifest_digest)
    cursor = sealed.seal.cursor
    weights = Weights(model=model, optimizer=optimizer, averaged=averaged or {}, part=part)
    state = _state(weights, Cursor(manifest="", seed=0))
    _hush()
    read_state(state, checkpoint_id=sealed.path, no_dist=True)  # every rank its own part
    if json.loads(state["cursor"]) != cursor.doc():
        raise CheckpointError(
            f"{sealed.path}: the cursor beside the weights is not the sealed one",
            code="CHECKPOINT_TORN",
            subject=str(sealed.path),
            way_out="take an earlier checkpoint of the run",
        )
    model.load_state_dict(state["model"], strict=not part)
    if optimizer is not None:
        for param, moments in zip(_params(optimizer), state["optimizer"].values(), strict=True):
            optimizer.state[param] = dict(moments)
    return cursor


def check_set(sealed: Sealed, manifest_digest: str) -> None:
    """Refuse a checkpoint of another training set.

    Raises:
        CheckpointError: CHECKPOINT_OTHER_SET.
    """
    cursor = sealed.seal.cursor
    if manifest_digest not in {cursor.manifest, sealed.seal.set_digest}:
        raise CheckpointError(
            f"{sealed.path} was trained on {cursor.manifest[:12]}, not on {manifest_digest[:12]}",
            code="CHECKPOINT_OTHER_SET",
            subject=str(sealed.path),
            way_out="open the training set that the checkpoint names",
        )


@torch.no_grad()
def load_averaged(
    sealed: Sealed, model: nn.Module, *, part: str = "", manifest_digest: str
) -> Cursor:
    """Put the averaged weights into `model`, or the last ones where no average was kept."""
    averaged = averages_of(model, part) if sealed.seal.averaged else {}
    cursor = load(sealed, model, averaged=averaged, part=part, manifest_digest=manifest_digest)
    own = dict(model.named_parameters())
    for name, value in averaged.items():
        own[name].copy_(value)
    return cursor


def averages_of(model: nn.Module, part: str = "") -> dict[str, Tensor]:
    """Fresh averages: copies of the weights that are averaged, by name; of a part of the model."""
    return {
        name: value.detach().clone()
        for name, value in model.named_parameters()
        if name.startswith(AVERAGED) and part in name
    }


def _state(weights: Weights, cursor: Cursor) -> dict[str, Any]:
    """The state by name; moments that are not there yet are zeros, as AdamW would begin."""
    whole = weights.model.state_dict()
    state: dict[str, Any] = {
        "model": {name: one for name, one in whole.items() if weights.part in name},
        "cursor": json.dumps(cursor.doc()),
    }
    if weights.averaged:
        state["averaged"] = dict(weights.averaged)
    if weights.optimizer is not None:
        state["optimizer"] = {
            f"{at:04d}": dict(_moments(weights.optimizer, param))
            for at, param in enumerate(_params(weights.optimizer))
        }
    return state


def _moments(optimizer: torch.optim.Optimizer, param: Tensor) -> dict[str, Tensor]:
    found: dict[str, Tensor] = optimizer.state.get(param) or {
        "step": torch.tensor(0.0),
        "exp_avg": torch.zeros_like(param),
        "exp_avg_sq": torch.zeros_like(param),
    }
    return found


def _params(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [param for group in optimizer.param_groups for param in group["params"]]


def _hush() -> None:
    """Torch warns of a single process even when it is told of it, and from a thread of its own."""
    warnings.filterwarnings("ignore", message="torch.distributed is disabled")
