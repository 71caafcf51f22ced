"""Renew and check a training set that is there: no byte of it changes but its clearance.

Renewal decides the set's own request anew. It is refused when anything the set holds is no longer
permitted: the manifest cannot be narrowed, only succeeded by a new version.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from catalog import clips, training_sets
from catalog.engine import open_catalog, reading
from pipelines.clear import NO_END, Clearance, clear
from pipelines.errors import ExportError
from pipelines.export.signing import sign_and_record
from pipelines.keys import trusted_publics
from pipelines.revoke import publish_revocations
from training.gate import verify_training_set

if TYPE_CHECKING:
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
        episodes = {
            one.episode_id
            for source in row.sources
            for one in clips.clips_of(session, source)
            if one.clip_id in held
        }
    request = {**row.request, "name": row.request_name}
    done = clear(request, settings, now=now, run_id=run_id)
    ends = _still_permitted(row, episodes, done)
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


def _still_permitted(row: TrainingSetRow, episodes: set[str], done: Clearance) -> date:
    """The first end of the facts that still clear every episode of the set."""
    permitted = {one: part for part in done.permitted for one in part.episodes}
    lost = sorted(episodes - set(permitted))
    if lost:
        turned = [
            f"{one.source} is {one.verdict} ({', '.join(one.reasons)})"
            for one in done.rows
            if one.source in row.sources and one.verdict != "permit"
        ]
        raise ExportError(
            f"{row.set_id}: {len(lost)} of its {len(episodes)} episodes are not permitted any "
            f"more: {'; '.join(turned) or lost[0]}",
            code="DECISION_TURNED",
            subject=row.set_id,
            way_out="export the set again: its next version leaves out what has turned",
        )
    return min((permitted[one].ends for one in episodes), default=NO_END)
