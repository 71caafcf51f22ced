"""Evaluate: measure a recorded checkpoint against copying the last frame and other actions.

In: a checkpoint id. Out: figures and a picture beside the checkpoint. The set behind it passes the
gate again first: what has been revoked since is not read, not even to measure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog import rights, runs, training_sets
from catalog.engine import open_catalog, reading
from licensing.request import read_request
from pipelines.keys import trusted_publics

if TYPE_CHECKING:
    from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """What a checkpoint is worth, beside what it must beat."""

    checkpoint_id: str
    run_id: str
    step: int
    picture: str
    evaluation: Mapping[str, Any]
    said: str

    def line(self) -> dict[str, Any]:
        """The report as `evaluate --json` prints it."""
        return {
            "id": self.checkpoint_id,
            "run": self.run_id,
            "step": self.step,
            "picture": self.picture,
            **self.evaluation,
        }

    def summary(self) -> str:
        """Say it in one line."""
        return (
            f"checkpoint {self.checkpoint_id[:12]}, step {self.step}: {self.said}; {self.picture}"
        )


def evaluate_checkpoint(checkpoint_id: str, settings: Settings, *, now: datetime) -> Evaluated:
    """Evaluate a recorded checkpoint on the held-out clips of its own training set.

    Raises:
        NotFound: UNKNOWN_ID.
        Refused: the gate's answer about the set, with its code.
        CheckpointError: CHECKPOINT_TORN, CHECKPOINT_MISSING.
    """
    from training.gate import open_training_set
    from training.loop import judge

    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        point = runs.checkpoint(session, checkpoint_id)
        run = runs.run(session, point.run_id)
        row = training_sets.training_set(session, run.set_id)
        seen = len(rights.revocations(session))
    cleared = open_training_set(
        settings.set_uri(row.name, row.version),
        read_request(run.config["use"]),
        keys=trusted_publics(settings),
        now=now,
        revocations=settings.revocations,
        seen_sequence=seen,
    )
    judged = judge(cleared, settings.runs_dir / point.path)
    return Evaluated(
        checkpoint_id=point.checkpoint_id,
        run_id=run.run_id,
        step=point.step,
        picture=str(judged.picture),
        evaluation=judged.evaluation.doc(),
        said=judged.evaluation.summary(),
    )
