"""Walk down: from what a walk begins with to everything that came of it.

One step a kind, from papers to checkpoints, the runs that went on from one, and releases; the
relations are those of `upward`, asked the other way.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import (
    clips,
    decisions,
    derivations,
    mentions,
    pieces,
    records,
    releases,
    runs,
    schema,
    training_sets,
)
from catalog.lineage.finding import held_in
from catalog.lineage.reached import Reached, shards_by, streams_of
from catalog.lineage.upward import began_from


def walk_down(session: Session, found: Reached, *, widest: int | None = None) -> None:
    """Add to `found` everything below it; of more than `widest` sources, not their recordings."""
    _sources(session, found)
    found.is_wide = found.reaches_beyond(widest)
    _held(session, found)
    for step in () if found.is_wide else _RECORDINGS:
        step(session, found)
    for step in _MODELS:
        step(session, found)


def _sources(session: Session, found: Reached) -> None:
    found.sources |= {source_id for _, source_id in held_in(session, found.instruments)}
    found.sources |= derivations.derived_from(session, found.sources)


def _held(session: Session, found: Reached) -> None:
    """The shards of whole sources, by one index."""
    found.shards |= shards_by(session, schema.shards.c.source_id, found.sources)


def _of_sources(session: Session, found: Reached) -> None:
    """Whole sources: their files, episodes, decisions and clips."""
    table = schema.files
    for some in records.chunks(found.sources):
        query = select(table.c.source_id, table.c.sha256).where(table.c.source_id.in_(some))
        found.files |= {(one, sha256) for one, sha256 in session.execute(query.distinct())}
    found.decisions |= decisions.ids_about(session, found.sources)
    for source_id in sorted(found.sources):
        for one in found.note(clips.episodes_of(session, source_id)):
            found.episodes.add(one)
            found.files |= {(source_id, sha256) for sha256 in found.rows[one].files}
    found.clips.sources |= found.sources


def _episodes(session: Session, found: Reached) -> None:
    """The episodes that files are part of, where their whole source was not reached."""
    alone: dict[str, set[str]] = {}
    for source_id, sha256 in found.files:
        if source_id not in found.sources:
            alone.setdefault(source_id, set()).add(sha256)
    for source_id, shas in sorted(alone.items()):
        found.episodes |= found.note(pieces.made_of(session, source_id, shas))


def _clips(_session: Session, found: Reached) -> None:
    wanted = found.episodes | {episode_id for episode_id, _ in found.streams}
    for one in found.episodes:
        found.streams |= streams_of(found.rows[one])
    found.clips.episodes |= {
        one for one in wanted if found.rows[one].source_id not in found.sources
    }


def _shards(session: Session, found: Reached) -> None:
    """The shards that hold clips; all of a source's were found with it."""
    table, places, own = schema.shards, schema.shard_clips, schema.clips
    query = select(table.c.set_id, table.c.shard, table.c.source_id).distinct()
    query = query.join(
        places, (places.c.set_id == table.c.set_id) & (places.c.shard == table.c.shard)
    )
    for condition in found.clips.conditions(session):
        if found.clips.sources:
            break
        cut = select(own.c.clip_id).where(condition)
        for set_id, shard, source_id in session.execute(query.where(places.c.clip_id.in_(cut))):
            found.shards[set_id, shard] = source_id


def _sets(session: Session, found: Reached) -> None:
    """The sets of shards and those that name a decision, with its shards: those of its source."""
    named = []
    if found.decisions:
        rows = training_sets.training_sets(session)
        named = [one for one in rows if not found.decisions.keys().isdisjoint(one.decisions)]
    cleared = {
        (one.set_id, found.decisions[each])
        for one in named
        for each in one.decisions
        if each in found.decisions
    }
    shards = shards_by(session, schema.shards.c.set_id, (one.set_id for one in named))
    for (set_id, shard), source_id in shards.items():
        if (set_id, source_id) in cleared:
            found.shards[set_id, shard] = source_id
    held = {set_id for set_id, _ in found.shards}
    rows = (*named, *training_sets.training_sets_with(session, held))
    found.sets.update((one.set_id, one) for one in rows)


def _runs(session: Session, found: Reached) -> None:
    own = runs.runs_on(session, found.sets)
    found.runs.update((one.run_id, one) for one in own)
    ahead = set(found.runs)
    points = set(found.checkpoints)
    while ahead or points:
        sealed = runs.checkpoints_of(session, ahead)
        found.checkpoints.update((one.checkpoint_id, one) for one in sealed)
        points |= {one.checkpoint_id for one in sealed}
        began = mentions.named(session, mentions.PARENT, points)
        rows = runs.runs_with(session, {one.subject for one in began} - set(found.runs))
        new = [one for one in rows if began_from(one, found.checkpoints)]
        found.runs.update((one.run_id, one) for one in new)
        ahead, points = {one.run_id for one in new}, set()


def _releases(session: Session, found: Reached) -> None:
    rows = releases.releases_of(session, found.checkpoints)
    found.releases.update((one.release_id, one) for one in rows)


_RECORDINGS: Final = (_of_sources, _episodes, _clips, _shards)
_MODELS: Final = (_sets, _runs, _releases)
