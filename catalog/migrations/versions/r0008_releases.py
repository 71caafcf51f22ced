"""Releases: the models that were published, each with the checkpoint that it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.migrations.versions.r0001_first_schema import POSTGRES, SQLITE
from catalog.migrations.versions.r0006_no_replace import guard

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; its rows are never changed."""
    op.create_table(
        "releases",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        _word("release_id"), _word("name"), _word("checkpoint_id"),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.UniqueConstraint("release_id"),
    )  # fmt: skip
    op.create_index("releases_by_name", "releases", ["name"])
    op.create_index("releases_by_checkpoint", "releases", ["checkpoint_id"])
    postgres = op.get_bind().dialect.name == "postgresql"
    for words in POSTGRES if postgres else SQLITE:
        op.execute(words % {"table": "releases"})
    if not postgres:
        op.execute(guard("releases", [["seq"], ["release_id"]]))


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("releases")


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)
