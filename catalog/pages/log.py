"""Pages of the log: its leaves, newest first, and what one of them is about."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import log, schema
from catalog.errors import NotFound
from catalog.pages.paging import Window, holds, paged_back

# What a leaf may be about: a record of a table, rows of one, or a paper that is kept elsewhere.
KINDS: Final = (
    *sorted(
        name
        for name, table in schema.metadata.tables.items()
        if not name.startswith("ops_") and {"seq", "leaf"} & set(table.c.keys())
    ),
    "cleared", "signing_key",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One entry of the log: what kind of record, under which key, when, and its digests."""

    index: int
    kind: str
    table: str
    key: str
    digest: str
    leaf_hash: str
    recorded_at: datetime


def leaves_page(
    session: Session, window: Window, *, words: str = "", kind: str = ""
) -> tuple[tuple[Leaf, ...], str]:
    """Return leaves, the newest first: those with `words` in their key, of one kind."""
    table = schema.log_leaves
    query = select(table)
    if words:
        query = query.where(holds(table.c.key, words))
    if kind:
        query = query.where(table.c.kind == kind)
    rows, after = paged_back(session, query, window, key=table.c.leaf_index)
    return tuple(_leaf(row) for row in rows), after


def leaves_after(
    session: Session, index: int, window: Window, *, kinds: tuple[str, ...]
) -> tuple[Leaf, ...]:
    """Return the leaves of these kinds after one, in the order of the log."""
    table = schema.log_leaves
    query = (
        select(table).where(table.c.leaf_index > index, table.c.kind.in_(kinds))
        .order_by(table.c.leaf_index).limit(window.limit)
    )  # fmt: skip
    return tuple(_leaf(row) for row in session.execute(query))


def leaf(session: Session, index: int) -> Leaf:
    """Look one leaf up by its place.

    Raises:
        NotFound: UNKNOWN_ID.
    """
    table = schema.log_leaves
    found = session.execute(select(table).where(table.c.leaf_index == index)).first()
    if found is None:
        raise NotFound(
            f"the log has no entry {index}", code="UNKNOWN_ID", subject=str(index),
            way_out="choose one from the log",
        )  # fmt: skip
    return _leaf(found)


def document_of(session: Session, found: Leaf) -> Mapping[str, Any] | None:
    """Return the document that a leaf is about; None for a paper and for rows that share it."""
    table = schema.metadata.tables.get(found.table)
    if table is None or table in schema.BULK:
        return None
    doc = session.execute(select(table.c.doc).where(table.c.seq == found.index)).scalar_one()
    said: Mapping[str, Any] = json.loads(doc)
    return said


def _leaf(row: Any) -> Leaf:  # noqa: ANN401 - a row of the leaves
    return Leaf(
        index=row.leaf_index, kind=row.kind, table=row.table_name, key=row.key, digest=row.digest,
        leaf_hash=row.leaf_hash, recorded_at=log.instant_of(row.recorded_at),
    )  # fmt: skip
