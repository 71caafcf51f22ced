"""What is left of a run to replay it up to a checkpoint: a cursor, a configuration, what was lost.

A seal holds it, also one whose weights are gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.checkpoint import read_cursor
from training.loop.lost import sealed_lost
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
