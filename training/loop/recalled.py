"""What is left of a run to replay it up to a checkpoint: a cursor, a configuration, what was lost.

A seal holds it, also one whose weights are gone. So does the record of a run that came to its end
or was stopped, in a few kilobytes: where its folder is lost, the record answers instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.checkpoint import checkpoints, cursors_of, lost_in, read_cursor, stopped_doc
from training.errors import CheckpointError
from training.loop.lost import Lost, digest_of_lost, sealed_lost, told_of
from training.sampler import Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """A checkpoint as a replay needs it; `lost` are (step, slot), delivered with weight 0."""

    name: str
    cursor: Cursor
    config: Mapping[str, Any]
    lost: frozenset[tuple[int, int]]


def recall(checkpoint: Path, *, recorded: str = "") -> Recalled:
    """What the seal at `checkpoint` says, which is that of the digest `recorded`, if one is given.

    The weights are not read.

    Raises:
        CheckpointError: CHECKPOINT_MISSING, CHECKPOINT_TORN, CHECKPOINT_OTHER, QUARANTINE_CHANGED,
            CHECKPOINT_OTHER_VERSION.
    """
    sealed = read_cursor(checkpoint, recorded=recorded)
    return Recalled(
        name=str(checkpoint),
        cursor=sealed.seal.cursor,
        config=sealed.seal.config,
        lost=frozenset((one[0], one[1]) for one in sealed_lost(sealed)),
    )


def kept_of(folder: Path) -> dict[str, Any]:
    """What to keep of a run that was stopped, so that it replays without its folder; {} if no seal.

    Where the list of lost windows is not the sealed one it is left out: nothing is told of it.
    """
    points = checkpoints(folder)
    if not points:
        return {}
    sealed = read_cursor(folder / points[-1]["path"])
    try:
        told = told_of(sealed_lost(sealed))
    except CheckpointError:  # what stopped the run is raised, and a replay from here is refused
        told = None
    return stopped_doc(sealed, points, told)


def recall_from(record: Mapping[str, Any], step: int, *, name: str) -> Recalled:
    """What the record of a run that was kept says of its checkpoint after `step`.

    Raises:
        CheckpointError: CHECKPOINT_MISSING, where the record does not reach: that of a run which
            was stopped by another version, and one that lists not all lost windows up to there.
    """
    if not {"segments", "quarantined"} <= set(record):
        raise _unsaid(name, "its seal is gone, and the run's record says too little")
    cursor = next((one for one in cursors_of(record) if one.step == step), None)
    if cursor is None:
        raise _unsaid(name, f"its seal is gone, and the run's record has none at step {step}")
    return Recalled(
        name=name,
        cursor=cursor,
        config=record["config"],
        lost=frozenset((one[0], one[1]) for one in _lost(record, step, name)),
    )


def _lost(record: Mapping[str, Any], step: int, name: str) -> list[Lost]:
    """The windows lost before `step`, of a list that is whole at least that far."""
    told, lost = record["quarantined"], lost_in(record)
    is_whole = len(lost) == told["count"]
    if is_whole and digest_of_lost(lost) != told["digest"]:
        raise _unsaid(name, "its seal is gone, and the lost windows of the record are not its own")
    if not is_whole and lost[-1][0] < step:
        raise _unsaid(
            name,
            f"its seal is gone, and the record has {len(lost)} of {told['count']} lost windows",
        )
    return [one for one in lost if one[0] < step]


def _unsaid(name: str, why: str) -> CheckpointError:
    return CheckpointError(
        f"{name}: {why}",
        code="CHECKPOINT_MISSING",
        subject=name,
        way_out="put the run's folder back from a copy",
    )
