"""What a walk through the record has reached: ids of every kind, and clips by where they lie.

Clips may be a million, so they are kept as conditions and counted by the database. No two of the
conditions hold for the same clip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Column, ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from catalog import records, schema
from catalog.clips import EpisodeRow
from catalog.engine import among
from catalog.releases import ReleaseRow
from catalog.runs import CheckpointRow, RunRow
from catalog.training_sets import TrainingSetRow

File = tuple[str, str]  # a source and a sha256: each source keeps its own copy
Stream = tuple[str, str]  # an episode and a name
Shard = tuple[str, int]  # a training set and a number


@dataclass(slots=True, kw_only=True)
class Clips:
    """Clips: all of some sources, of some episodes, of some sets and shards, or single ones."""

    sources: set[str] = field(default_factory=set)
    episodes: set[str] = field(default_factory=set)
    ids: set[str] = field(default_factory=set)
    shards: set[Shard] = field(default_factory=set)
    sets: set[str] = field(default_factory=set)

    def conditions(self, session: Session) -> Iterator[ColumnElement[bool]]:
        """Conditions on the table of clips."""
        table, places = schema.clips, schema.shard_clips
        for column, ids in (
            (table.c.source_id, self.sources),
            (table.c.episode_id, self.episodes),
            (table.c.clip_id, self.ids),
        ):
            for some in records.chunks(ids):
                yield among(session, column, some)
        if self.sets or self.shards:
            alone = [
                and_(places.c.set_id == set_id, places.c.shard == shard)
                for set_id, shard in sorted(self.shards)
                if set_id not in self.sets
            ]
            whole = among(session, places.c.set_id, sorted(self.sets))
            yield table.c.clip_id.in_(select(places.c.clip_id).where(or_(whole, *alone)))


@dataclass(slots=True, kw_only=True)
class Reached:
    """Everything reached so far; a decision and a shard know their source.

    `rows` and `beside` hold episodes and sets that were looked up and not reached, too. A walk
    `is_wide` where it reached too many sources to name each one, and what lies around it.
    """

    is_wide: bool = False

    instruments: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    files: set[File] = field(default_factory=set)
    episodes: set[str] = field(default_factory=set)
    streams: set[Stream] = field(default_factory=set)
    clips: Clips = field(default_factory=Clips)
    decisions: dict[str, str] = field(default_factory=dict)
    shards: dict[Shard, str] = field(default_factory=dict)
    sets: dict[str, TrainingSetRow] = field(default_factory=dict)
    runs: dict[str, RunRow] = field(default_factory=dict)
    checkpoints: dict[str, CheckpointRow] = field(default_factory=dict)
    releases: dict[str, ReleaseRow] = field(default_factory=dict)
    rows: dict[str, EpisodeRow] = field(default_factory=dict)
    beside: dict[str, TrainingSetRow] = field(default_factory=dict)

    def reaches_beyond(self, widest: int | None) -> bool:
        """Whether more than `widest` sources were reached, by themselves or by shards."""
        return widest is not None and len(self.sources.union(self.shards.values())) > widest

    def note(self, rows: Iterator[EpisodeRow] | tuple[EpisodeRow, ...]) -> set[str]:
        """Keep episodes that were looked up; return their ids."""
        found = {one.episode_id: one for one in rows}
        self.rows.update(found)
        return set(found)


def streams_of(episode: EpisodeRow) -> set[Stream]:
    """The streams of an episode, by name."""
    return {(episode.episode_id, str(one["name"])) for one in episode.streams}


def shards_by(session: Session, column: Column[str], ids: Iterable[str]) -> dict[Shard, str]:
    """The shards of these sets or sources, as the column of `shards` says, each with its source."""
    table, found = schema.shards, dict[Shard, str]()
    for some in records.chunks(ids):
        query = select(table.c.set_id, table.c.shard, table.c.source_id).where(column.in_(some))
        found |= {(set_id, shard): source for set_id, shard, source in session.execute(query)}
    return found
