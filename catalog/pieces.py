"""Pieces of sources: what of a recording is meant, and where else the same recording lies.

A piece of one source reaches every other source that holds equal bytes, and every copy of an
episode, as `pipelines.clear.claims` lets the layers of all holders apply. What others hold is on
their own clock, so that a span reaches all of their episode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import clips, duplicates, records, schema
from catalog.clips import EpisodeRow

Member = tuple[str, str]  # a source and an episode of it


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Piece:
    """A source, one episode of it, or `[start_ns, end_ns)` of that on its own clock.

    `episode_id` "" is the whole source; `end_ns` 0 is the whole episode.
    """

    source_id: str
    episode_id: str = ""
    start_ns: int = 0
    end_ns: int = 0

    def doc(self) -> dict[str, Any]:
        """The piece as JSON."""
        return asdict(self)


def least(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The pieces in order, without those that lie in another one."""
    found = set(pieces)
    whole = {one.source_id for one in found if not one.episode_id}
    full = {one.episode_id for one in found if one.episode_id and not one.end_ns}
    return tuple(
        sorted(
            one
            for one in found
            if not one.episode_id
            or (one.source_id not in whole and (not one.end_ns or one.episode_id not in full))
        )
    )


def whole_sources(pieces: Iterable[Piece]) -> tuple[str, ...]:
    """The sources that are meant as a whole, by name."""
    return tuple(sorted({one.source_id for one in pieces if not one.episode_id}))


def made_of(session: Session, source_id: str, shas: Iterable[str]) -> tuple[EpisodeRow, ...]:
    """The episodes of a source that any file of these bytes is part of."""
    wanted = set(shas)
    return tuple(
        one for one in clips.episodes_of(session, source_id) if not wanted.isdisjoint(one.files)
    )


def copies(session: Session, pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """The episodes of other sources that hold the recordings of `pieces`, in bytes or as copies."""
    pieces = tuple(pieces)
    own = {(one.source_id, one.episode_id) for one in pieces if one.episode_id}
    whole = set(whole_sources(pieces))
    found = set(_equal(session, pieces))
    meant = {one.source_id for one in pieces} | {source_id for source_id, _ in found}
    for group in _groups(session, meant):
        if any(one in found or one in own or one[0] in whole for one in group):
            found |= group
    return least(
        Piece(source_id=source_id, episode_id=episode_id)
        for source_id, episode_id in found
        if (source_id, episode_id) not in own and source_id not in whole
    )


def _equal(session: Session, pieces: Iterable[Piece]) -> Iterator[Member]:
    """The episodes elsewhere that a file of equal bytes is part of."""
    pieces = tuple(pieces)
    holders: dict[str, set[str]] = {}
    for sha256, source_id in _held_elsewhere(session, pieces):
        holders.setdefault(source_id, set()).add(sha256)
    for source_id, shas in sorted(holders.items()):
        for episode in made_of(session, source_id, shas):
            yield source_id, episode.episode_id


def _held_elsewhere(session: Session, pieces: Iterable[Piece]) -> Iterator[tuple[str, str]]:
    pieces = tuple(pieces)
    own, other = (schema.files.alias(name) for name in ("own", "other"))
    elsewhere = (
        select(other.c.sha256, other.c.source_id).distinct()
        .join(own, (own.c.sha256 == other.c.sha256) & (own.c.source_id != other.c.source_id))
    )  # fmt: skip
    for some in records.chunks(whole_sources(pieces)):
        found = session.execute(elsewhere.where(own.c.source_id.in_(some)))
        yield from (tuple(row) for row in found)
    table = schema.files
    listed = select(table.c.sha256, table.c.source_id).distinct()
    for one in pieces:
        held = clips.episode(session, one.episode_id).files if one.episode_id else ()
        for some in records.chunks(held):
            there = table.c.sha256.in_(some), table.c.source_id != one.source_id
            yield from (tuple(row) for row in session.execute(listed.where(*there)))


def _groups(session: Session, source_ids: Iterable[str]) -> tuple[frozenset[Member], ...]:
    """The groups of copies that these sources are in, however far they lead."""
    pairs, seen, ahead = set[duplicates.Pair](), set[str](), set(source_ids)
    while ahead:
        seen |= ahead
        new = set(duplicates.pairs_of(session, ahead))
        pairs |= new
        ahead = {place.source_id for one in new for place in (one.one, one.other)} - seen
    return duplicates.groups(pairs)
