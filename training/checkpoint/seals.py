"""The seal of a checkpoint: where the run stood, under which papers, and a digest for every file.

A checkpoint that was thinned keeps its seal, for what it saw must stay known; its weights are gone.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from training.errors import CheckpointError
from training.sampler import Cursor, cursor_of

SCHEMA: Final = "clearway/checkpoint/1"
SEAL: Final = "checkpoint.json"
_SCRATCH: Final = "seal.tmp"
_INDEX: Final = ".metadata"  # of the weights; written last, removed first


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What `checkpoint.json` says besides the files."""

    cursor: Cursor
    clearance_digest: str  # of the statement that the gate last checked before it
    revocation_sequence: int
    revocation_digest: str
    config: Mapping[str, Any]
    shapes: Mapping[str, Any]
    world: int
    parent: str | None = None
    set_digest: str = ""  # manifest of the set it was trained on last, where a successor took over
    rows_digest: str = ""  # of what the run folder says of the rows of its first set
    num_lost: int = 0  # windows before the cursor that could not be decoded
    lost_digest: str = ""  # of the list of them; empty where it was not sealed yet
    averaged: bool = False  # whether averaged weights lie beside the last ones
    channels: tuple[Mapping[str, Any], ...] = ()  # as the model knows them: number, unit, scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A checkpoint that is whole: its folder, the digest of its seal, and the seal itself."""

    path: Path
    digest: str
    seal: Seal


def sealed_at(path: Path, seal: Seal) -> Path:
    """Seal the weights that lie in `path`: the last act of a checkpoint, by rename."""
    doc = {"schema": SCHEMA, **asdict(seal), "cursor": seal.cursor.doc(), "files": _files(path)}
    scratch = path / _SCRATCH
    with scratch.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(doc, sort_keys=True))
        stream.flush()
        os.fsync(stream.fileno())  # the name must not outlive its content
    scratch.replace(path / SEAL)
    return path


def read_seal(path: Path) -> Sealed:
    """Open a checkpoint and compare every file with its digest.

    Raises:
        CheckpointError: CHECKPOINT_MISSING, CHECKPOINT_TORN.
    """
    sealed, files = _read(path)
    if not (path / _INDEX).exists():
        raise CheckpointError(
            f"{path} has no weights any more: only its seal was kept",
            code="CHECKPOINT_MISSING",
            subject=str(path),
            way_out="take a later checkpoint of the run, `keep_checkpoints` says how many stay; an"
            " adapter whose source was erased is gone",
        )
    if _files(path) != files:
        raise _torn(path)
    return sealed


def read_cursor(path: Path, *, recorded: str = "") -> Sealed:
    """What a checkpoint says of itself, without its weights, which may be large or gone.

    With `recorded`, its seal must be the one of that digest, which somebody keeps on record.

    Raises:
        CheckpointError: CHECKPOINT_MISSING, CHECKPOINT_TORN, CHECKPOINT_OTHER.
    """
    sealed, _ = _read(path)
    if recorded and sealed.digest != recorded:
        raise CheckpointError(
            f"{path / SEAL} is on record as {recorded[:12]}, got {sealed.digest[:12]}",
            code="CHECKPOINT_OTHER",
            subject=str(path),
            way_out="put the run's folder back from a copy: this is not the seal that was recorded",
        )
    return sealed


def latest(folder: Path) -> Sealed | None:
    """The last whole checkpoint below `folder`; unfinished and thinned ones do not count.

    One whose files were changed is passed over for the one before: the run takes its steps again.

    Raises:
        CheckpointError: CHECKPOINT_TORN, when there are checkpoints and none of them is whole.
    """
    torn: CheckpointError | None = None
    for path in _sealed(folder):
        if not (path / _INDEX).exists():
            continue
        try:
            return read_seal(path)
        except CheckpointError as error:
            torn = torn or error
    if torn is not None:
        raise torn
    return None


def checkpoints(folder: Path) -> tuple[dict[str, Any], ...]:
    """One line for each sealed checkpoint of a run, in order of steps, thinned ones as well."""
    found = []
    for path in reversed(_sealed(folder)):
        raw = (path / SEAL).read_bytes()
        cursor = json.loads(raw)["cursor"]
        found.append(
            {
                "step": cursor["step"],
                "position": cursor["position"],
                "chain": cursor["chain"],
                "path": path.name,
                "digest": hashlib.sha256(raw).hexdigest(),
            }
        )
    return tuple(found)


def prune(folder: Path, keep: int) -> None:
    """Remove the weights of all but the last `keep` checkpoints; their seals stay."""
    whole = [path for path in _sealed(folder) if (path / _INDEX).exists()]
    for path in whole[keep:]:
        empty(path, keeps_seal=True)


def empty(path: Path, *, keeps_seal: bool = False) -> None:
    """Remove what lies in a checkpoint, the seal first, so that no moment shows half of one."""
    if not keeps_seal:
        (path / SEAL).unlink(missing_ok=True)
    (path / _INDEX).unlink(missing_ok=True)
    for file in sorted(path.glob("*")):
        if file.name != SEAL:
            file.unlink()


def _sealed(folder: Path) -> list[Path]:
    """Folders of sealed checkpoints, the last first."""
    return sorted((path.parent for path in folder.glob(f"step-*/{SEAL}")), reverse=True)


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
    try:
        doc = json.loads(raw)
        if doc.pop("schema") != SCHEMA:
            raise _torn(path)
        files = doc.pop("files")
        channels = tuple(doc.pop("channels", ()))
        seal = Seal(**{**doc, "cursor": cursor_of(doc["cursor"]), "channels": channels})
    except (ValueError, LookupError, TypeError) as error:
        raise _torn(path) from error
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
        if file.name in {SEAL, _SCRATCH}:
            continue
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        found.append({"path": file.name, "bytes": file.stat().st_size, "sha256": digest})
    return found
