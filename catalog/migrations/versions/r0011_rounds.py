"""What pages ask for: columns of decisions, the sources that revocations took, and indexes."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from catalog.mentions import TAKEN, of_revocation
from catalog.migrations.versions.r0001_first_schema import SQLITE

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COLUMNS = (("rights_key", sa.String()), ("reasons", sa.Text()))
MENTIONS = sa.table("ops_mentions", *map(sa.column, ("role", "name", "subject", "source_id")))
INDEXES = (
    ("decisions_by_round", "decisions", ["request_digest", "seq"]),
    ("facts_by_kind", "facts", ["kind", "seq"]),
    ("facts_by_end", "facts", ["valid_to", "seq"]),
)


def upgrade() -> None:
    """Add it all, and fill it from the documents: it is those that the log vouches for."""
    for name, kind in COLUMNS:
        column = sa.Column(name, kind, nullable=False, server_default="")
        op.add_column("decisions", column)  # SQLite adds none without a default
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE decisions DISABLE TRIGGER decisions_append_only")
        op.execute(
            "UPDATE decisions SET rights_key = CAST(doc AS json) ->> 'rights_key', "
            "reasons = CAST(doc AS json) ->> 'reasons'"
        )
        op.execute("ALTER TABLE decisions ENABLE TRIGGER decisions_append_only")
        for name, _ in COLUMNS:
            op.alter_column("decisions", name, server_default=None)
    else:
        op.execute("DROP TRIGGER decisions_no_update")
        op.execute(
            "UPDATE decisions SET rights_key = json_extract(doc, '$.rights_key'), "
            "reasons = json_extract(doc, '$.reasons')"
        )
        op.execute(SQLITE[0] % {"table": "decisions"})
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)
    told = op.get_bind().execute(sa.text("SELECT doc FROM revocations")).scalars().all()
    found = {
        (row["name"], row["subject"]): row for doc in told for row in of_revocation(json.loads(doc))
    }
    if found:
        op.bulk_insert(MENTIONS, list(found.values()))


def downgrade() -> None:
    """Drop what was added; the documents keep what it says."""
    op.execute(MENTIONS.delete().where(MENTIONS.c.role == TAKEN))
    for name, table, _ in INDEXES:
        op.drop_index(name, table)
    for name, _ in COLUMNS:
        op.drop_column("decisions", name)
