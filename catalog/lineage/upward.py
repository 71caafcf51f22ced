"""Walk up: from what a walk begins with to everything that it came from.

One step a kind, from releases to papers; each step asks the database once for all that the step
before has found. `downward` walks the same relations the other way, so that both agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import (
    clips,
    decisions,
    derivations,
    mentions,
    rights,
    runs,
    schema,
    training_sets,
)
from catalog.lineage.finding import paper_id
from catalog.lineage.reached import Reached, shards_by, streams_of
from catalog.runs import CheckpointRow, RunRow


def walk_up(session: Session, found: Reached, *, widest: int | None = None) -> None:
    """Add to `found` everything above it; it ends where more than `widest` sources are reached.

    So is whoever reads a page spared the recordings of a whole catalog, and the database, too.
    """
    for step in _STEPS:
        step(session, found)
        found.is_wide = found.reaches_beyond(widest)
        if found.is_wide:
            break


def began_from(run: RunRow, points: Mapping[str, CheckpointRow]) -> str | None:
    """The checkpoint among `points` that a run went on from; one of its own is none."""
    told = next(iter(mentions.of_run(asdict(run))), None)
    point = points.get(told["name"]) if told else None
    return point.checkpoint_id if point and point.run_id != run.run_id else None


def _checkpoints(session: Session, found: Reached) -> None:
    points = {one.checkpoint_id for one in found.releases.values()}
    rows = runs.checkpoints_with(session, points)
    found.checkpoints.update((one.checkpoint_id, one) for one in rows)


def _runs(session: Session, found: Reached) -> None:
    ahead = set(found.runs) | {one.run_id for one in found.checkpoints.values()}
    while ahead:
        rows = runs.runs_with(session, ahead)
        found.runs.update((one.run_id, one) for one in rows)
        told = (each["name"] for one in rows for each in mentions.of_run(asdict(one)))
        points = {one.checkpoint_id: one for one in runs.checkpoints_with(session, told)}
        parents = {parent for one in rows if (parent := began_from(one, points))}
        found.checkpoints.update((one, points[one]) for one in parents)
        ahead = {points[one].run_id for one in parents} - set(found.runs)


def _sets(session: Session, found: Reached) -> None:
    wanted = {one.set_id for one in found.runs.values()}
    rows = training_sets.training_sets_with(session, wanted)
    found.sets.update((one.set_id, one) for one in rows)


def _shards(session: Session, found: Reached) -> None:
    """The shards of sets."""
    found.shards |= shards_by(session, schema.shards.c.set_id, found.sets)


def _grounds(session: Session, found: Reached) -> None:
    """The decisions that cleared the sources of shards in their sets."""
    alone = {set_id for set_id, _ in found.shards} - set(found.sets)
    beside = training_sets.training_sets_with(session, alone)
    found.beside.update((one.set_id, one) for one in beside)
    rows = [*found.sets.values(), *beside]
    about = decisions.sources_of(session, (one for row in rows for one in row.decisions))
    for row in rows:
        here = {
            source_id for (set_id, _), source_id in found.shards.items() if set_id == row.set_id
        }
        for decision_id in row.decisions:
            source_id = about.get(decision_id, "")
            if row.set_id in found.sets or source_id in here:
                found.decisions[decision_id] = source_id


def _episodes(session: Session, found: Reached) -> None:
    """The clips of sets and shards; the episodes that they are cut from, with all streams."""
    found.clips.shards |= set(found.shards)
    found.clips.sets |= set(found.sets)
    table, cut = schema.clips, set[str]()
    for condition in found.clips.conditions(session):
        query = select(table.c.episode_id).where(condition).distinct()
        cut.update(session.execute(query).scalars())
    own = found.note(clips.episodes_with(session, cut))
    for episode_id in own:
        found.streams |= streams_of(found.rows[episode_id])
    found.episodes |= own | {episode_id for episode_id, _ in found.streams}


def _files(_session: Session, found: Reached) -> None:
    for episode_id in found.episodes:
        row = found.rows[episode_id]
        found.files |= {(row.source_id, sha256) for sha256 in row.files}


def _sources(session: Session, found: Reached) -> None:
    found.sources |= {source_id for source_id, _ in found.files}
    found.sources |= {found.rows[one].source_id for one in found.episodes}
    found.sources |= {one for one in found.decisions.values() if one}
    found.sources |= set(derivations.origins(session, found.sources))


def _instruments(session: Session, found: Reached) -> None:
    facts = rights.facts_about(session, found.sources, kind="instrument")
    found.instruments |= {paper_id(one) for one in facts}


_STEPS: Final = (
    _checkpoints, _runs, _sets, _shards, _grounds, _episodes, _files, _sources, _instruments,
)  # fmt: skip
