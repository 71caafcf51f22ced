"""Parts of episodes, the layers under their rights keys, and when each source was keyed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.migrations.versions.r0001_first_schema import POSTGRES, SQLITE

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = ("parts", "rights_keys", "keyings")


def upgrade() -> None:
    """Make the tables and forbid changing what was recorded."""
    op.create_table(
        "parts", _big("leaf"), _word("source_id"), _word("episode_id"), _big("start_ns"),
        _big("end_ns"), _word("rights_key"),
        sa.PrimaryKeyConstraint("leaf", "episode_id", "start_ns"),
    )  # fmt: skip
    op.create_table(
        "rights_keys", _big("leaf"), _word("rights_key"),
        sa.Column("layer_ids", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("leaf", "rights_key"),
    )  # fmt: skip
    op.create_index("rights_keys_by_key", "rights_keys", ["rights_key"])
    op.create_table(
        "keyings", _big("seq"), _word("source_id"),
        sa.Column("parts_leaf", sa.BigInteger(), nullable=True),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )  # fmt: skip
    op.create_index("keyings_by_source", "keyings", ["source_id"])
    for name in TABLES:
        for words in POSTGRES if op.get_bind().dialect.name == "postgresql" else SQLITE:
            op.execute(words % {"table": name})


def downgrade() -> None:
    """Drop the tables; their triggers go with them."""
    for name in TABLES:
        op.drop_table(name)


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)
