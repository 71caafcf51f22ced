"""Personal texts apart from the records that commit to them, and erasures.

Records from before keep what they hold: the log is over it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.migrations.versions.r0001_first_schema import POSTGRES, SQLITE
from catalog.migrations.versions.r0006_no_replace import guard

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RECORDS = ("erasures",)


def upgrade() -> None:
    """Make the tables; a personal row may be deleted, never changed, a record neither."""
    op.create_table(
        "personal", sa.Column("personal_id", sa.String(), primary_key=True), _word("source_id"),
        _word("salt"), sa.Column("text", sa.Text(), nullable=False),
    )  # fmt: skip
    op.create_index("personal_by_source", "personal", ["source_id"])
    op.create_table(
        "erasures",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        _word("erasure_id"), _word("source_id"), _word("subject_kind"), _word("subject_id"),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.UniqueConstraint("erasure_id"),
    )  # fmt: skip
    op.create_index("erasures_by_source", "erasures", ["source_id"])
    op.create_table(
        "ops_erasures", sa.Column("subject", sa.String(), primary_key=True), _word("source_id"),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
    )  # fmt: skip
    postgres = op.get_bind().dialect.name == "postgresql"
    for name in RECORDS:
        for words in POSTGRES if postgres else SQLITE:
            op.execute(words % {"table": name})
    if postgres:
        op.execute(
            "CREATE TRIGGER personal_no_update BEFORE UPDATE ON personal "
            "FOR EACH ROW EXECUTE FUNCTION clearway_append_only()"
        )
        for table, column in (("personal", "text"), ("personal", "salt"), ("ops_ledger", "doc")):
            # the planner's sample of the values would outlive the rows
            op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")
    else:
        op.execute(SQLITE[0] % {"table": "personal"})
        op.execute(guard("personal", [["personal_id"]]))
        op.execute(guard("erasures", [["seq"], ["erasure_id"]]))


def downgrade() -> None:
    """Drop the tables: names and messages of records made since are lost."""
    for name in ("ops_erasures", "erasures", "personal"):
        op.drop_table(name)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE ops_ledger ALTER COLUMN doc SET STATISTICS -1")


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)
