"""Windows that a run lost: a line each in the run folder, covered by the seal of each checkpoint.

A lost window was delivered with weight 0, so a replay leaves it out. Lines that no seal covered
could hide what was seen: the list is read only as far as a checkpoint goes, and it must be the one
that was sealed. What an attempt noted after the checkpoint that the next one began from did not
happen: those steps are taken again, so their lines go.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from licensing.manifest import sha256_hex
from training.checkpoint import Sealed
from training.errors import CheckpointError
from training.loop.disk import on_disk
from training.loop.log import lines
from training.loop.ranks import agree, gathered

LOST: Final = "quarantined.jsonl"
_TOLD: Final = 100  # lost windows in a record

Lost = tuple[int, int, int, str]  # step, slot, window, code


class LostWindows:
    """The lost windows of one run: every rank has one, and rank 0 writes the list of all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mine: list[Lost] = []  # of this rank since the last checkpoint
        self._num = 0.0  # of all ranks until now
        self.noted: list[Lost] = []  # of all ranks until the last checkpoint

    def begin(self, sealed: Sealed | None) -> None:
        """Take up what was sealed and let go of the rest; what was lost before still counts.

        Raises:
            CheckpointError: QUARANTINE_CHANGED, CHECKPOINT_OTHER_VERSION, CHECKPOINT_WRITE_FAILED.
        """
        self.noted = agree(lambda: _begun(self._folder, sealed))
        self._num = float(len(self.noted))

    def add(self, windows: Iterable[Lost]) -> None:
        """Keep what this rank could not decode until the next checkpoint."""
        self._mine += windows

    def count(self, more: float) -> float:
        """Add the windows that all ranks lost in this step; returns the run's count."""
        self._num += more
        return self._num

    def note(self) -> None:
        """Write down what all ranks lost since the checkpoint before; every rank must call it.

        Raises:
            CheckpointError: CHECKPOINT_WRITE_FAILED.
        """
        new = [one for part in gathered(self._mine) for one in part]
        self._mine = []
        if new:
            self.noted = sorted([*self.noted, *new])
            agree(lambda: write_lost(self._folder, self.noted))


def read_lost(folder: Path) -> list[Lost]:
    """Every lost window on the list of a run once, in order of step and slot."""
    found = {(one[0], one[1]): (one[0], one[1], one[2], one[3]) for one in lines(folder / LOST)}
    return [found[at] for at in sorted(found)]


def write_lost(folder: Path, lost: Sequence[Lost]) -> None:
    """Write the list of a run, whole and by rename: it is on the disk before what seals it.

    Raises:
        CheckpointError: CHECKPOINT_WRITE_FAILED.
    """
    path, scratch = folder / LOST, folder / f"{LOST}.tmp"
    with on_disk(path):
        folder.mkdir(parents=True, exist_ok=True)
        with scratch.open("w", encoding="utf-8") as stream:
            stream.writelines(json.dumps(one) + "\n" for one in lost)
            stream.flush()
            os.fsync(stream.fileno())  # a seal that outlives the list could not be replayed
        scratch.replace(path)


def digest_of_lost(lost: Sequence[Lost]) -> str:
    """The digest of a list, as seal and record hold it."""
    return sha256_hex(json.dumps([list(one) for one in lost]).encode())


def told_of(lost: Sequence[Lost]) -> dict[str, Any]:
    """A list as the record of a run tells it: count, digest, the first hundred."""
    return {"count": len(lost), "digest": digest_of_lost(lost), "first": list(lost[:_TOLD])}


def sealed_lost(sealed: Sealed) -> list[Lost]:
    """The windows lost before a checkpoint, proven by its seal.

    Without any, a seal from before lists were sealed is taken: there is nothing to leave out.

    Raises:
        CheckpointError: QUARANTINE_CHANGED, CHECKPOINT_OTHER_VERSION.
    """
    seal, path = sealed.seal, sealed.path.parent / LOST
    try:
        lost = [one for one in read_lost(path.parent) if one[0] < seal.cursor.step]
    except (ValueError, TypeError, LookupError) as error:
        raise _changed(sealed, f"cannot be read: {error}") from error
    if not seal.lost_digest and lost:
        raise CheckpointError(
            f"{path} has {len(lost)} windows lost before {sealed.path.name}, whose seal does not"
            " cover the list",
            code="CHECKPOINT_OTHER_VERSION",
            subject=str(sealed.path),
            way_out="use the version of Clearway that trained it, or train again",
        )
    if seal.lost_digest and digest_of_lost(lost) != seal.lost_digest:
        raise _changed(sealed, f"has {len(lost)} windows, {seal.num_lost} were sealed")
    return lost


def _begun(folder: Path, sealed: Sealed | None) -> list[Lost]:
    lost = [] if sealed is None else sealed_lost(sealed)
    if (folder / LOST).exists():
        write_lost(folder, lost)
    return lost


def _changed(sealed: Sealed, got: str) -> CheckpointError:
    path = sealed.path.parent / LOST
    return CheckpointError(
        f"{path} is not the list that {sealed.path.name} sealed: up to its step it {got}",
        code="QUARANTINE_CHANGED",
        subject=str(path),
        way_out="put the list back from a copy of the run's folder; without it nobody can say what"
        " was seen",
    )
