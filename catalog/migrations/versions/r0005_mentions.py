"""Who and what a record mentions, and indexes by which a revocation finds what it reaches."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

import sqlalchemy as sa
from alembic import op

from catalog.mentions import of_fact, of_run, of_source

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None

WRITTEN = 10_000  # rows in memory at once


def upgrade() -> None:
    """Make the table, fill it from what is on record, and widen the indexes of clips."""
    table = op.create_table(
        "ops_mentions", _word("role"), _word("name"), _word("subject"), _word("source_id"),
        sa.PrimaryKeyConstraint("role", "name", "subject"), sqlite_with_rowid=False,
    )  # fmt: skip
    op.drop_index("clips_by_source", "clips")
    op.create_index("clips_by_source", "clips", ["source_id", "clip_id"])
    op.create_index("clips_by_episode", "clips", ["episode_id"])
    op.create_index("fact_ends_by_fact", "fact_ends", ["fact_id"])
    op.create_index("revocations_by_subject", "revocations", ["subject_kind", "subject_id"])
    found = _found()
    while some := list(islice(found, WRITTEN)):
        op.bulk_insert(table, some)


def downgrade() -> None:
    """Drop the table and put the indexes back."""
    op.drop_index("revocations_by_subject", "revocations")
    op.drop_index("fact_ends_by_fact", "fact_ends")
    op.drop_index("clips_by_episode", "clips")
    op.drop_index("clips_by_source", "clips")
    op.create_index("clips_by_source", "clips", ["source_id"])
    op.drop_table("ops_mentions")


def _found() -> Iterator[dict[str, str]]:
    """What the facts, sources and runs on record mention, each once."""
    seen = set[tuple[str, ...]]()
    for one in chain(_told("facts", of_fact), _told("sources", of_source), _told("runs", of_run)):
        key = (one["role"], one["name"], one["subject"])
        if key not in seen:
            seen.add(key)
            yield one


def _told(
    table: str, told: Callable[[dict[str, Any]], Iterator[dict[str, str]]]
) -> Iterator[dict[str, str]]:
    docs: sa.Select[Any] = sa.select(sa.column("doc")).select_from(sa.table(table))
    for text in op.get_bind().execute(docs).scalars().all():
        yield from told(json.loads(text))


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)
