"""What was recorded that may end or defeat a decision: ends of facts, and recordings that closed.

In: an instant up to which the record is read. Out: the ends by the layer that they touch, and the
revocations that closed whole recordings whatever ground there is. Whether a decision still stands
is for `pipelines.audit.standing` to say: it takes the engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import records, rights, schema
from catalog.closing import OVERRIDES
from catalog.layers import FactEnd
from catalog.parts import PartRow
from catalog.pieces import Piece
from catalog.rights import Revocation

PARTS = ("file", "span")  # what has no ground of its own: it closes, no fact of it ends


def ends_by_layer(session: Session, *, known: datetime | None) -> dict[str, tuple[FactEnd, ...]]:
    """Return the ends on record at `known` by the layer that each of them touches.

    The end of an instrument touches the layers of every basis that rests on it.
    """
    ends = [
        FactEnd(
            fact_id=row.doc["fact_id"], kind=row.doc["kind"], reason=row.doc["reason"],
            ends_at=date.fromisoformat(row.doc["ends_at"]), recorded_at=row.recorded_at,
        )
        for row in records.stored(session, schema.fact_ends, known=known)
    ]  # fmt: skip
    touched = _layers_of(session, {one.fact_id for one in ends})
    found: dict[str, list[FactEnd]] = {}
    for end in ends:
        for layer_id in touched.get(end.fact_id, ()):
            found.setdefault(layer_id, []).append(end)
    return {layer_id: tuple(own) for layer_id, own in found.items()}


def closed_pieces(
    session: Session, *, known: datetime | None
) -> dict[str, tuple[tuple[Piece, Revocation], ...]]:
    """Return the pieces of each source that closed whatever ground there is, and by what."""
    found: dict[str, list[tuple[Piece, Revocation]]] = {}
    for one in rights.revocations(session, known=known):
        if one.subject_kind in PARTS or one.reason in OVERRIDES:
            for piece in (Piece(**doc) for doc in one.covers):
                found.setdefault(piece.source_id, []).append((piece, one))
    return {source_id: tuple(own) for source_id, own in found.items()}


def parts_under(session: Session, source_id: str, rights_key: str) -> tuple[PartRow, ...]:
    """Return every part of a source that ever lay under a key."""
    table = schema.parts
    query = (
        select(table.c.episode_id, table.c.start_ns, table.c.end_ns).distinct()
        .where(table.c.source_id == source_id, table.c.rights_key == rights_key)
        .order_by(table.c.episode_id, table.c.start_ns)
    )  # fmt: skip
    return tuple(
        PartRow(episode_id=one, start_ns=start, end_ns=end, rights_key=rights_key)
        for one, start, end in session.execute(query)
    )


def _layers_of(session: Session, fact_ids: Iterable[str]) -> dict[str, set[str]]:
    facts = rights.facts_by_id(session, fact_ids)
    papers = [one for one in facts if one.kind == "instrument"]
    found = {one.fact_id: {str(one.doc.get("layer_id", one.fact_id))} for one in facts}
    bases = rights.facts_about(session, {one.source_id for one in papers}, kind="basis")
    for paper in papers:
        names = {paper.fact_id, str(paper.doc.get("id"))}
        found[paper.fact_id] = {
            str(one.doc["layer_id"])
            for one in bases
            if one.source_id == paper.source_id and one.doc.get("instrument_id") in names
        }
    return found
