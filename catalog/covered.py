"""Covered: the pieces of sources that a revocation on record took, and those that may go for it.

The record of a revocation names every piece that it reached, copies in other sources among them.
Those may no longer be used, but they are the other source's to keep: what may be erased is what the
revoked facts themselves lay on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import date

from sqlalchemy.orm import Session

from catalog import clips, mentions, rights, sources
from catalog.clips import EpisodeRow
from catalog.coverage import pieces_under
from catalog.pieces import Piece, whole_sources
from catalog.rights import Revocation


def pieces_of(revocation: Revocation) -> tuple[Piece, ...]:
    """What a revocation covered when it was recorded; an older record is of a whole source."""
    if not revocation.covers and revocation.subject_kind == "source":
        return (Piece(source_id=revocation.subject_id),)
    return tuple(Piece(**one) for one in revocation.covers)


def own_pieces(session: Session, revocation: Revocation) -> tuple[Piece, ...]:
    """What of it may be erased: a source, the span of its episode, what ended grounds lay on.

    A file is erased by its name: nothing here.
    """
    kind, subject = revocation.subject_kind, revocation.subject_id
    covered = pieces_of(revocation)
    if kind == "source":
        return (Piece(source_id=subject),)
    if kind == "span":
        return tuple(one for one in covered if one.episode_id == subject.partition("[")[0])
    if kind == "file":
        return ()
    own = set(_on_ended(session, revocation))
    if kind == "party":
        own |= {Piece(source_id=one) for one in _owned(session, subject)}
    return tuple(one for one in covered if one in own)


def in_force(session: Session, day: date, *kinds: str) -> tuple[Revocation, ...]:
    """The revocations of things of these kinds that hold on a day, oldest first."""
    return tuple(one for one in rights.revocations(session) if is_in_force(one, day, kinds))


def is_in_force(revocation: Revocation, day: date, kinds: Collection[str]) -> bool:
    """Whether a revocation is of a thing of these kinds and holds on a day."""
    is_come = revocation.at <= day or revocation.reason == "void"
    return is_come and revocation.subject_kind in kinds


def lost_whole(session: Session, source_id: str, pieces: Iterable[Piece]) -> set[str]:
    """The episodes of a source of which `pieces` take all."""
    found = {one.episode_id: one for one in clips.episodes_of(session, source_id)}
    own = [one for one in pieces if one.source_id == source_id]
    if source_id in whole_sources(own):
        return set(found)
    return {one.episode_id for one in own if _is_whole(one, found[one.episode_id])}


def _on_ended(session: Session, revocation: Revocation) -> Iterator[Piece]:
    """The pieces under the layers whose grounds ended with this revocation."""
    ended = {one.fact_id for one in rights.ends_at(session, revocation.recorded_at)}
    grounds = (one for one in rights.facts_by_id(session, ended) if one.kind == "basis")
    for layer in rights.facts_by_id(session, {str(one.doc["layer_id"]) for one in grounds}):
        yield from pieces_under(session, layer)


def _owned(session: Session, party_id: str) -> Iterator[str]:
    for one in mentions.named(session, mentions.OWNER, [party_id]):
        if sources.source(session, one.source_id).owner == party_id:
            yield one.source_id


def _is_whole(piece: Piece, episode: EpisodeRow) -> bool:
    if not piece.end_ns:
        return True
    return piece.start_ns <= episode.start_ns and episode.end_ns <= piece.end_ns
