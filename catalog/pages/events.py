"""What happened, in the order of the log: sources, decisions, clearances and revocations.

In: the number of a leaf. Out: what was recorded after it, and the number to ask on from. Leaves
are numbered by one writer at a time, and each transaction is seen whole or not at all: no leaf
comes to lie before one that was given.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, func, select
from sqlalchemy.orm import Session

from catalog import personal, schema, tree
from catalog.engine import among
from catalog.pages.log import Leaf, leaves_after
from catalog.pages.paging import Window

KINDS: Final = ("sources", "decisions", "clearances", "revocations")
_EARLIER: Final = {"sources": schema.sources.c.source_id, "clearances": schema.clearances.c.set_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One record of the log as an event; `sequence` is its leaf.

    `is_first` tells the first record about a thing from those that change it; `before` is the
    verdict of the decision about the same part that a decision replaces.
    """

    sequence: int
    kind: str
    recorded_at: datetime
    doc: Mapping[str, Any]
    is_first: bool
    before: str | None = None


def events_after(
    session: Session, after: int, window: Window, *, kinds: Sequence[str] = KINDS
) -> tuple[tuple[Event, ...], int]:
    """Return the events after a leaf, and the leaf to ask on from: nothing lies between."""
    leaves = leaves_after(session, after, window, kinds=tuple(kinds))
    docs = _documents(session, leaves)
    first = _first(session, leaves, docs)
    before = _before(session, [one.index for one in leaves if one.kind == "decisions"])
    found = tuple(
        Event(
            sequence=one.index, kind=one.kind, recorded_at=one.recorded_at, doc=docs[one.index],
            is_first=first.get(one.index, one.index not in before), before=before.get(one.index),
        )
        for one in leaves
    )  # fmt: skip
    return found, leaves[-1].index if len(leaves) == window.limit else tree.size(session) - 1


def _documents(session: Session, leaves: Iterable[Leaf]) -> dict[int, Mapping[str, Any]]:
    found: dict[int, Mapping[str, Any]] = {}
    for kind, indexes in _by_kind(leaves).items():
        table = schema.metadata.tables[kind]
        query = select(table.c.seq, table.c.doc).where(among(session, table.c.seq, indexes))
        found |= {seq: json.loads(doc) for seq, doc in session.execute(query)}
    told: dict[int, Mapping[str, Any]] = personal.aloud(session, found)
    return told


def _first(
    session: Session, leaves: Iterable[Leaf], docs: Mapping[int, Mapping[str, Any]]
) -> dict[int, bool]:
    """Whether a record is the first with its id, of the kinds that are told by an id."""
    found: dict[int, bool] = {}
    for kind, indexes in _by_kind(leaves).items():
        if kind not in _EARLIER:
            continue
        column = _EARLIER[kind]
        ids = sorted({str(docs[one][column.name]) for one in indexes})
        lowest = _lowest(session, column, ids)
        found |= {one: lowest[str(docs[one][column.name])] == one for one in indexes}
    return found


def _lowest(session: Session, column: Column[str], ids: Sequence[str]) -> dict[str, int]:
    query = select(column, func.min(column.table.c.seq)).where(among(session, column, ids))
    return {name: int(seq) for name, seq in session.execute(query.group_by(column))}


def _before(session: Session, indexes: Sequence[int]) -> dict[int, str]:
    """The verdict before each decision about the same part under the same request, if any."""
    if not indexes:
        return {}
    table = schema.decisions
    earlier = table.alias()
    last = (
        select(func.max(earlier.c.seq))
        .where(
            earlier.c.request_digest == table.c.request_digest,
            earlier.c.source_id == table.c.source_id,
            earlier.c.rights_key == table.c.rights_key,
            earlier.c.seq < table.c.seq,
        )
        .correlate(table)
        .scalar_subquery()
    )
    asked = select(table.c.seq, last.label("last")).where(among(session, table.c.seq, indexes))
    pairs, was = asked.subquery(), table.alias()
    query = select(pairs.c.seq, was.c.verdict).join(was, was.c.seq == pairs.c.last)
    return {seq: str(verdict) for seq, verdict in session.execute(query)}


def _by_kind(leaves: Iterable[Leaf]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for one in leaves:
        found.setdefault(one.kind, []).append(one.index)
    return found
