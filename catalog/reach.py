"""Reach: the blast radius of a loss, from pieces of sources down to every checkpoint.

Its cost follows what is affected: each step goes through an index of the one before. A checkpoint
of a run on an affected set may have seen the rows; which it saw is replayed, not looked up
(`pipelines.seen`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from itertools import count
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from catalog import mentions, records, rights, runs, schema
from catalog.covered import is_in_force, pieces_of
from catalog.engine import among
from catalog.pieces import Piece, whole_sources
from catalog.releases import ReleaseRow, releases_from
from catalog.rights import Revocation

PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A checkpoint and the run that sealed it."""

    checkpoint_id: str
    run_id: str
    step: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastRadius:
    """Everything downstream of some pieces; shards are (set id, shard).

    `children` are the runs that began from an affected checkpoint; they are among `runs`.
    `last_clean_checkpoint` is the latest one of a run that is not affected.
    """

    shards: tuple[tuple[str, int], ...]
    training_sets: tuple[str, ...]
    runs: tuple[str, ...]
    children: tuple[str, ...]
    points: tuple[Point, ...]
    last_clean_checkpoint: str | None
    last_clean_seq: int = -1
    releases: tuple[ReleaseRow, ...] = ()

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The ids of the checkpoints, oldest first."""
        return tuple(one.checkpoint_id for one in self.points)


def blast_radius(session: Session, pieces: Iterable[Piece]) -> BlastRadius:
    """Return what a loss of `pieces` would touch."""
    pieces = tuple(pieces)
    shards = _shards(session, pieces)
    sets = tuple(sorted({set_id for set_id, _ in shards}))
    reached = set(_runs_on(session, sets))
    points = _points(session, reached)
    children = set[str]()
    ahead = points
    while ahead:
        began = mentions.named(session, mentions.PARENT, (one.checkpoint_id for one in ahead))
        new = {one.subject for one in began} - reached
        children |= new
        reached |= new
        ahead = _points(session, new)
        points += ahead
    clean = _last_clean(session, reached)
    return BlastRadius(
        shards=shards,
        training_sets=sets,
        runs=tuple(sorted(reached)),
        children=tuple(sorted(children)),
        points=tuple(sorted(points, key=lambda one: one.seq)),
        last_clean_checkpoint=None if clean is None else clean.checkpoint_id,
        last_clean_seq=-1 if clean is None else clean.seq,
        releases=releases_from(session, reached),
    )


def sets_behind(session: Session, run_id: str) -> tuple[str, ...]:
    """Return the set that a run was trained on, and those of the runs that it went on from."""
    found, ahead = dict[str, str](), {run_id}
    while ahead:
        rows = runs.runs_with(session, ahead)
        found |= {one.run_id: one.set_id for one in rows}
        began = (each["name"] for one in rows for each in mentions.of_run(asdict(one)))
        ahead = {one.run_id for one in runs.checkpoints_with(session, began)} - set(found)
    return tuple(sorted(set(found.values())))


def taking(
    session: Session, set_ids: Collection[str], day: date, *kinds: str
) -> tuple[Revocation, ...]:
    """Return the revocations in force that took something of these training sets, oldest first.

    They are looked up by the sources of the sets: others, however many, are not read.
    """
    table, own = schema.shards, set[str]()
    for some in records.chunks(set_ids):
        query = select(table.c.source_id).where(among(session, table.c.set_id, some)).distinct()
        own.update(session.execute(query).scalars())
    told = mentions.named(session, mentions.TAKEN, own)
    return tuple(
        one
        for one in rights.revocations_with(session, (each.subject for each in told))
        if is_in_force(one, day, kinds)
        and _takes(session, [each for each in pieces_of(one) if each.source_id in own], set_ids)
    )


def clip_ids(session: Session, pieces: Iterable[Piece]) -> tuple[str, ...]:
    """Return the ids of all clips that `pieces` overlap, kept or not, by id."""
    pieces, table = tuple(pieces), schema.clips
    found = set[str]()
    for some in records.chunks(whole_sources(pieces)):
        own = select(table.c.clip_id).where(among(session, table.c.source_id, some))
        found.update(session.execute(own).scalars())
    for query in _part_queries(session, pieces):
        found.update(session.execute(query).scalars())
    return tuple(sorted(found))


def part_clips(session: Session, pieces: Iterable[Piece]) -> tuple[str, ...]:
    """Return the clips that are reached by an episode or a span, not with their whole source."""
    return clip_ids(session, (one for one in pieces if one.episode_id))


def places_of(session: Session, clips: Iterable[str]) -> tuple[tuple[str, int, str], ...]:
    """Return (set id, shard, clip) wherever these clips lie in training sets."""
    table, found = schema.shard_clips, set[tuple[str, int, str]]()
    query = select(table.c.set_id, table.c.shard, table.c.clip_id)
    for some in records.chunks(clips):
        found |= {
            (a, b, c)
            for a, b, c in session.execute(query.where(among(session, table.c.clip_id, some)))
        }
    return tuple(sorted(found))


def _takes(session: Session, pieces: Collection[Piece], set_ids: Collection[str]) -> bool:
    """Whether pieces of the sources of sets are whole, or have clips that lie in the sets."""
    if whole_sources(pieces):
        return True
    return any(one in set_ids for one, _, _ in places_of(session, part_clips(session, pieces)))


def _shards(session: Session, pieces: tuple[Piece, ...]) -> tuple[tuple[str, int], ...]:
    table, found = schema.shards, set[tuple[str, int]]()
    for some in records.chunks(whole_sources(pieces)):
        query = select(table.c.set_id, table.c.shard).where(among(session, table.c.source_id, some))
        found |= {(set_id, shard) for set_id, shard in session.execute(query)}
    parts = part_clips(session, pieces)
    found |= {(set_id, shard) for set_id, shard, _ in places_of(session, parts)}
    return tuple(sorted(found))


def _part_queries(session: Session, pieces: Iterable[Piece]) -> Iterator[Select[Any]]:
    table, column = schema.clips, schema.clips.c.clip_id
    pieces = tuple(pieces)
    for some in records.chunks(
        one.episode_id for one in pieces if one.episode_id and not one.end_ns
    ):
        yield select(column).where(among(session, table.c.episode_id, some))
    for one in pieces:
        if one.end_ns:
            yield select(column).where(
                table.c.episode_id == one.episode_id,
                table.c.start_ns < one.end_ns,
                table.c.end_ns > one.start_ns,
            )


def _runs_on(session: Session, set_ids: Iterable[str]) -> Iterator[str]:
    table = schema.runs
    for some in records.chunks(set_ids):
        query = select(table.c.run_id).distinct().where(among(session, table.c.set_id, some))
        yield from session.execute(query).scalars()


def _points(session: Session, run_ids: Iterable[str]) -> list[Point]:
    table, found = schema.checkpoints, list[Point]()
    for some in records.chunks(run_ids):
        query = select(table.c.checkpoint_id, table.c.run_id, table.c.step, table.c.seq)
        found += [
            Point(checkpoint_id=row[0], run_id=row[1], step=row[2], seq=row[3])
            for row in session.execute(query.where(among(session, table.c.run_id, some)))
        ]
    return found


def _last_clean(session: Session, runs: set[str]) -> Point | None:
    """Walk back from the newest checkpoint to the first whose run is not affected."""
    table = schema.checkpoints
    last = session.execute(select(func.max(table.c.seq))).scalar()
    before = 0 if last is None else last + 1
    query = select(table.c.checkpoint_id, table.c.run_id, table.c.step, table.c.seq)
    for _ in count():
        page = session.execute(
            query.where(table.c.seq < before).order_by(table.c.seq.desc()).limit(PAGE)
        ).all()
        for row in page:
            if row[1] not in runs:
                return Point(checkpoint_id=row[0], run_id=row[1], step=row[2], seq=row[3])
        if not page:
            break
        before = page[-1][3]
    return None
