"""Pages of the shards of a training set."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import schema
from catalog.pages.paging import Window, paged


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRow:
    """One shard: the source of its clips, and how many they are."""

    shard: int
    source_id: str
    num_clips: int


def shards_page(
    session: Session, window: Window, *, set_id: str
) -> tuple[tuple[ShardRow, ...], str]:
    """Return the shards of a training set in order."""
    table = schema.shards
    query = select(table.c.shard, table.c.source_id, table.c.num_clips).where(
        table.c.set_id == set_id
    )
    rows, after = paged(session, query, window, keys=[table.c.shard])
    found = tuple(
        ShardRow(shard=row.shard, source_id=row.source_id, num_clips=row.num_clips) for row in rows
    )
    return found, after
