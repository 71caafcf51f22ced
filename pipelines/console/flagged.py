"""What revocations in force have reached: a training set that the gate refuses, a checkpoint of it.

The gate does not ask here: it reads the signed list. This is what a person sees of the same facts.
"""

from collections.abc import Collection

from catalog.coverage import SUBJECTS
from catalog.covered import in_force, pieces_of
from catalog.reach import blast_radius
from catalog.rights import Revocation
from catalog.training_sets import TrainingSetRow
from pipelines.console.blocks import Link, path
from pipelines.console.view import View


def reaching_set(view: View, row: TrainingSetRow) -> list[Revocation]:
    """Return the revocations in force that took something of a training set, oldest first."""
    return [
        one
        for one in in_force(view.session, view.now.date(), *SUBJECTS)
        if (pieces := [each for each in pieces_of(one) if each.source_id in row.sources])
        and row.set_id in blast_radius(view.session, pieces).training_sets
    ]


def reaching_checkpoint(view: View, checkpoint_id: str) -> list[Revocation]:
    """Return those that reach a checkpoint by its run's set, or by the weights it began from."""
    return [
        one
        for one in in_force(view.session, view.now.date(), *SUBJECTS)
        if checkpoint_id in blast_radius(view.session, pieces_of(one)).checkpoints
    ]


def flag(found: Collection[Revocation], *, none: str, so: str) -> list[str | Link]:
    """Say of each what was revoked, why and from when, and what follows from it."""
    if not found:
        return [none]
    said: list[str | Link] = [
        Link(
            text=f"{one.subject_kind} {one.subject_id}: {one.reason} from {one.at}",
            href=path("sources", one.subject_id) if one.subject_kind == "source" else "/log",
        )
        for one in found
    ]
    return [*said, so]
