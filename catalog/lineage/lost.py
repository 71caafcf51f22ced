"""What revocations have taken: of each thing, whether one reaches it, and since when it counts.

In: the revocations on record. A revocation reaches what it covers and all that came of it; the
papers and decisions that it ended say so themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy.orm import Session

from catalog import rights
from catalog.clips import ClipRow
from catalog.lineage.reached import Shard
from catalog.pieces import Piece
from catalog.reach import BlastRadius, blast_radius
from catalog.rights import Revocation


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Pieces that were revoked, each with its revocation, and their blast radius."""

    pieces: tuple[tuple[Piece, Revocation], ...]
    radius: BlastRadius

    def source(self, source_id: str) -> str:
        """How a source was lost, in words; nothing if it was not, or not as a whole."""
        return self._said(one for one in self._of(source_id) if not one[0].episode_id)

    def episode(self, source_id: str, episode_id: str) -> str:
        """How an episode was lost, in words; nothing if only a span of it was."""
        if self.source(source_id):
            return "revoked"
        return self._said(
            one
            for one in self._of(source_id)
            if one[0].episode_id in {"", episode_id} and not one[0].end_ns
        )

    def clip(self, row: ClipRow) -> str:
        """How a clip was lost, in words: with its source or episode, or with a span."""
        if self.source(row.source_id):
            return "revoked"
        return self._said(
            (piece, by)
            for piece, by in self._of(row.source_id)
            if piece.episode_id in {"", row.episode_id}
            and (not piece.end_ns or (piece.start_ns < row.end_ns and row.start_ns < piece.end_ns))
        )

    def shard(self, shard: Shard) -> bool:
        """Whether any clip of a shard was lost."""
        return shard in self.radius.shards

    def _of(self, source_id: str) -> Iterator[tuple[Piece, Revocation]]:
        return (one for one in self.pieces if one[0].source_id == source_id)

    @staticmethod
    def _said(found: Iterator[tuple[Piece, Revocation]]) -> str:
        first = min((by for _, by in found), key=lambda one: one.at, default=None)
        return "" if first is None else f"revoked from {first.at} on ({first.reason})"


def lost(session: Session) -> Lost:
    """Return what the revocations on record have taken."""
    found = tuple((piece, one) for one in rights.revocations(session) for piece in _pieces(one))
    return Lost(pieces=found, radius=blast_radius(session, (piece for piece, _ in found)))


def _pieces(revocation: Revocation) -> Iterator[Piece]:
    yield from (Piece(**one) for one in revocation.covers)
    if not revocation.covers and revocation.subject_kind == "source":
        yield Piece(source_id=revocation.subject_id)
