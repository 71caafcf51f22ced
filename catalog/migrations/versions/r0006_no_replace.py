"""SQLite's INSERT OR REPLACE deletes without a trigger: refuse a key that is there already.

PostgreSQL has no such way: ON CONFLICT DO UPDATE meets the trigger against UPDATE.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from catalog.migrations.versions import r0001_first_schema as first
from catalog.migrations.versions import r0002_parts as second
from catalog.migrations.versions import r0003_log_nodes as third

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

GUARDED = (*first.APPEND_ONLY, *second.TABLES, *third.TABLES)
GUARD = (
    "CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
    "WHEN {found} BEGIN SELECT RAISE(ABORT, 'records are append-only: {table}'); END"
)


def upgrade() -> None:
    """Guard every key of every table of records."""
    if op.get_bind().dialect.name == "postgresql":
        return
    found = sa.inspect(op.get_bind())
    for table in GUARDED:
        keys = [found.get_pk_constraint(table)["constrained_columns"]]
        keys += [one["column_names"] for one in found.get_unique_constraints(table)]
        op.execute(guard(table, keys))


def downgrade() -> None:
    """Take the guards away."""
    if op.get_bind().dialect.name == "postgresql":
        return
    for table in GUARDED:
        op.execute(f"DROP TRIGGER {table}_no_replace")


def guard(table: str, keys: Sequence[Sequence[str]]) -> str:
    """The trigger that refuses a row of `table` one of whose `keys` is there already."""
    same = (" AND ".join(f"{column} = NEW.{column}" for column in key) for key in keys)
    found = " OR ".join(
        f"EXISTS (SELECT 1 FROM {table} WHERE {words})"  # noqa: S608 - names of our tables
        for words in same
    )
    return GUARD.format(table=table, found=found)
