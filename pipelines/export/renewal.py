"""Renew and check a training set that is there: no byte of it changes but its clearance.

Renewal decides the set's own request anew. It is refused when anything the set holds is no longer
permitted: the manifest cannot be narrowed, only succeeded by a new version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from catalog import clips, parts, training_sets
from catalog.engine import open_catalog, reading
from pipelines.clear import NO_END, Clearance, clear, cleared_clips
from pipelines.errors import ExportError
from pipelines.export.signing import set_lock, sign_and_record
from pipelines.keys import trusted_publics
from pipelines.revocations import publish_revocations
from training.gate import verify_training_set

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.training_sets import TrainingSetRow
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
        held = {clip_id for clip_id, _, _ in clips.shards_of(session, row.set_id)}
    done = clear({**row.request, "name": row.request_name}, settings, now=now, run_id=run_id)
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        ends = _still_permitted(session, row, done, held=held)
    with set_lock(row.name, settings):
        not_after = sign_and_record(row, done, settings, ends=ends, now=now)
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


def _still_permitted(
    session: Session, row: TrainingSetRow, done: Clearance, *, held: set[str]
) -> date:
    """The first end of the facts that still clear every clip of the set."""
    own = done.only(row.sources).rows
    ends, lost = [NO_END], set(held)
    for one in own:
        windows = [each for each in clips.clips_of(session, one.source) if each.clip_id in held]
        cleared = cleared_clips(one, windows, parts.parts_of(session, one.source))
        ends += [one.permitted[key].ends for keys in cleared for key in keys]
        lost -= {clip.clip_id for each in cleared.values() for clip in each}
    if lost:
        turned = [
            f"{one.source} is {one.verdict} ({', '.join(one.reasons)})"
            for one in own
            if one.verdict != "permit"
        ]
        raise ExportError(
            f"{row.set_id}: {len(lost)} of its {len(held)} clips are not permitted any more: "
            f"{'; '.join(turned) or min(lost)}",
            code="DECISION_TURNED",
            subject=row.set_id,
            way_out="export the set again: its next version leaves out what has turned",
        )
    return min(ends)
