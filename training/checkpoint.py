"""Checkpoints that are whole or not there, and the few kilobytes that a run remembers.

Weights and optimiser are written by torch's distributed checkpoint, each rank its part; then rank 0
writes `checkpoint.json` by rename, with the digest of every file. No `checkpoint.json`, no
checkpoint. On the way back the digests are checked first, for the format's index is a pickle.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict_loader import load as read_state
from torch.distributed.checkpoint.state_dict_saver import save as write_state

from training.errors import CheckpointError
from training.sampler import Cursor, cursor_of

SCHEMA: Final = "clearway/checkpoint/1"
SEAL: Final = "checkpoint.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What a run remembers: enough to replay every row it was given, in under 10 KB."""

    manifest_digest: str
    clearance_digest: str
    request_digest: str
    code_version: str
    config: Mapping[str, Any]
    seed: int
    windows: Mapping[str, int]  # length, stride, number of windows
    world: int
    steps: int
    segments: tuple[tuple[Any, ...], ...]  # step, position, revocation sequence, digest, subjects
    attempts: tuple[Mapping[str, int], ...]
    checkpoints: tuple[Mapping[str, Any], ...]  # step, position, chain, path, digest
    losses: Mapping[str, tuple[float, float]]  # phase -> first, last
    curve: tuple[tuple[int, float], ...]  # sampled
    quarantined: Mapping[str, Any]  # count, digest, the first hundred
    tokenizer_digest: str
    parent: str | None = None
    evaluation: Mapping[str, Any] = field(default_factory=dict)  # of the last checkpoint

    def doc(self) -> dict[str, Any]:
        """The record as JSON."""
        doc: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return doc


def record_of(doc: Mapping[str, Any]) -> RunRecord:
    """Read a record's JSON back."""
    listed = ("segments", "attempts", "checkpoints", "curve")
    tuples = {name: tuple(doc[name]) for name in listed}
    losses = {phase: (ends[0], ends[1]) for phase, ends in doc["losses"].items()}
    return RunRecord(**{**doc, **tuples, "losses": losses})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What `checkpoint.json` says besides the files."""

    cursor: Cursor
    clearance_digest: str
    revocation_sequence: int
    revocation_digest: str
    config: Mapping[str, Any]
    shapes: Mapping[str, Any]
    world: int
    parent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A checkpoint that is whole: its folder, the digest of its seal, and the seal itself."""

    path: Path
    digest: str
    seal: Seal


def save(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, *, seal: Seal) -> Path:
    """Write the checkpoint of `seal.cursor.step` below `folder`; every rank must call it."""
    path = folder / f"step-{seal.cursor.step:08d}"
    path.mkdir(parents=True, exist_ok=True)
    with _quiet():
        write_state(_state(model, optimizer, seal.cursor), checkpoint_id=path, no_dist=_alone())
    if _alone() or dist.get_rank() == 0:
        doc = {"schema": SCHEMA, **asdict(seal), "cursor": seal.cursor.doc(), "files": _files(path)}
        scratch = path / "seal.tmp"
        scratch.write_text(json.dumps(doc, sort_keys=True), encoding="utf-8")
        scratch.replace(path / SEAL)
    if not _alone():
        dist.barrier()
    return path


def read_seal(path: Path) -> Sealed:
    """Open a checkpoint and compare every file with its digest."""
    sealed, files = _read(path)
    if _files(path) != files:
        raise _torn(path)
    return sealed


def read_cursor(path: Path) -> Sealed:
    """What a checkpoint says of itself, without its weights, which may be large or gone.

    Raises:
        CheckpointError: CHECKPOINT_MISSING, CHECKPOINT_TORN.
    """
    return _read(path)[0]


def latest(folder: Path) -> Sealed | None:
    """The last sealed checkpoint below `folder`; unfinished ones do not count."""
    sealed = sorted(path.parent for path in folder.glob(f"step-*/{SEAL}"))
    return read_seal(sealed[-1]) if sealed else None


def checkpoints(folder: Path) -> tuple[dict[str, Any], ...]:
    """One line for each sealed checkpoint of a run, in order of steps."""
    found = []
    for path in sorted(folder.glob(f"step-*/{SEAL}")):
        raw = path.read_bytes()
        cursor = json.loads(raw)["cursor"]
        found.append(
            {
                "step": cursor["step"],
                "position": cursor["position"],
                "chain": cursor["chain"],
                "path": path.parent.name,
                "digest": hashlib.sha256(raw).hexdigest(),
            }
        )
    return tuple(found)


def load(
    sealed: Sealed,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    *,
    manifest_digest: str,
) -> Cursor:
    """Put weights and optimiser back and say where the run stood."""
    cursor = sealed.seal.cursor
    if cursor.manifest != manifest_digest:
        raise CheckpointError(
            f"{sealed.path} was trained on {cursor.manifest[:12]}, not on {manifest_digest[:12]}",
            code="CHECKPOINT_OTHER_SET",
            subject=str(sealed.path),
            way_out="open the training set that the checkpoint names",
        )
    state = _state(model, optimizer, Cursor(manifest="", seed=0))
    with _quiet():
        read_state(state, checkpoint_id=sealed.path, no_dist=True)  # every rank its own part
    if json.loads(state["cursor"]) != cursor.doc():
        raise CheckpointError(
            f"{sealed.path}: the cursor beside the weights is not the sealed one",
            code="CHECKPOINT_TORN",
            subject=str(sealed.path),
            way_out="take an earlier checkpoint of the run",
        )
    model.load_state_dict(state["model"])
    if optimizer is not None:
        for param, moments in zip(_params(optimizer), state["optimizer"].values(), strict=True):
            optimizer.state[param] = dict(moments)
    return cursor


def _state(
    model: nn.Module, optimizer: torch.optim.Optimizer | None, cursor: Cursor
) -> dict[str, Any]:
    """The state by name; moments that are not there yet are zeros, as AdamW would begin."""
    state: dict[str, Any] = {
        "model": dict(model.state_dict()),
        "cursor": json.dumps(cursor.doc()),
    }
    if optimizer is not None:
        state["optimizer"] = {
            f"{at:04d}": {name: value.clone() for name, value in _moments(optimizer, param).items()}
            for at, param in enumerate(_params(optimizer))
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


def _read(path: Path) -> tuple[Sealed, Any]:
    try:
        raw = (path / SEAL).read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{path} has no {SEAL}: it was never finished",
            code="CHECKPOINT_MISSING",
            subject=str(path),
            way_out="take an earlier checkpoint of the run",
        ) from error
    doc = json.loads(raw)
    if doc.pop("schema") != SCHEMA:
        raise _torn(path)
    files = doc.pop("files")
    seal = Seal(**{**doc, "cursor": cursor_of(doc["cursor"])})
    return Sealed(path=path, digest=hashlib.sha256(raw).hexdigest(), seal=seal), files


def _torn(path: Path) -> CheckpointError:
    return CheckpointError(
        f"{path}: files differ from those that were sealed",
        code="CHECKPOINT_TORN",
        subject=str(path),
        way_out="take an earlier checkpoint of the run",
    )


def _files(path: Path) -> list[dict[str, Any]]:
    found = []
    for file in sorted(path.iterdir()):
        if file.name in {SEAL, "seal.tmp"}:
            continue
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        found.append({"path": file.name, "bytes": file.stat().st_size, "sha256": digest})
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Torch warns of a single process even when it is told of it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


def _alone() -> bool:
    return not (dist.is_available() and dist.is_initialized())
