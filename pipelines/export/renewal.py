"""Renew and check a training set that is there: no byte of it changes but its clearance.

Renewal decides the set's own request anew. It is refused when anything the set holds is no longer
permitted: the manifest cannot be narrowed, only succeeded by a new version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from catalog import training_sets
from catalog.engine import open_catalog, reading
from pipelines.clear import clear
from pipelines.export.resting import grounds_of_set
from pipelines.export.signing import set_lock, sign_and_record
from pipelines.keys import trusted_publics
from pipelines.revocations import publish_revocations
from training.gate import verify_training_set

if TYPE_CHECKING:
    from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """A set whose clearance was signed anew."""

    set_id: str
    not_after: datetime

    def line(self) -> dict[str, Any]:
        """The report as JSON."""
        return {"id": self.set_id, "not_after": f"{self.not_after:%Y-%m-%dT%H:%M:%SZ}"}

    def summary(self) -> str:
        """Say it in one line."""
        return f"{self.set_id}: clearance renewed, holds until {self.not_after:%Y-%m-%d %H:%M} UTC"


def renew(set_id: str, settings: Settings, *, now: datetime, run_id: str = "") -> Renewed:
    """Sign a new clearance over the manifest of `set_id`, after a new decision.

    Raises:
        ExportError: DECISION_TURNED when a source of the set is not permitted any more.
        NotFound: UNKNOWN_ID.
    """
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        row = training_sets.training_set(session, set_id)
    done = clear({**row.request, "name": row.request_name}, settings, now=now, run_id=run_id)
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        grounds = grounds_of_set(session, row, done)
    with set_lock(row.name, settings):
        not_after = sign_and_record(row, done, settings, grounds=grounds, now=now)
    publish_revocations(settings, now=now)  # the same list, fresh for another week
    return Renewed(set_id=row.set_id, not_after=not_after)


def check_set(what: str, settings: Settings, *, now: datetime) -> str:
    """Let the trainer's gate judge a set, by folder or by name, for all that it is cleared for.

    Raises:
        Refused: with the code of the check that failed.
    """
    uri = what if "/" in what else locate_set(what, settings)
    until = verify_training_set(
        uri, trusted_publics(settings), now=now, revocations=settings.revocations
    )
    return f"{uri}: cleared until {until}"


def locate_set(name: str, settings: Settings) -> str:
    """The folder of a recorded training set; of its last version when `name` names none."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        row = training_sets.training_set(session, name)
    return settings.set_uri(row.name, row.version)
