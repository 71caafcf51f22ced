"""What revocations in force have reached: a training set that the gate refuses, a checkpoint of it.

The gate does not ask here: it reads the signed list. This is what a person sees of the same facts,
looked up from the set or the checkpoint: other revocations, however many, are not read.
"""

from collections.abc import Collection

from catalog.coverage import SUBJECTS
from catalog.reach import sets_behind, taking
from catalog.rights import Revocation
from pipelines.console.blocks import Link, path
from pipelines.console.view import View


def reaching_set(view: View, set_id: str) -> tuple[Revocation, ...]:
    """Return the revocations in force that took something of a training set, oldest first."""
    return taking(view.session, [set_id], view.today, *SUBJECTS)


def reaching_checkpoint(view: View, run_id: str) -> tuple[Revocation, ...]:
    """Return those that reach the checkpoints of a run by its set, or by what it began from."""
    return taking(view.session, sets_behind(view.session, run_id), view.today, *SUBJECTS)


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
