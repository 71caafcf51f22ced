"""Answers to what the documents of training sets ask and no other record knows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.migrations.versions.r0001_first_schema import POSTGRES, SQLITE
from catalog.migrations.versions.r0006_no_replace import guard

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; a record is never changed or deleted."""
    op.create_table(
        "answers",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
    )
    op.create_index("answers_by_field", "answers", ["field"])
    postgres = op.get_bind().dialect.name == "postgresql"
    for words in POSTGRES if postgres else SQLITE:
        op.execute(words % {"table": "answers"})
    if not postgres:
        op.execute(guard("answers", [["seq"]]))


def downgrade() -> None:
    """Remove the table, its answers with it."""
    op.drop_table("answers")
