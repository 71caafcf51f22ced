"""The inner nodes of the log's tree, back-filled from its leaves, and its signed heads."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import sqlalchemy as sa
from alembic import op

from catalog.migrations.versions.r0001_first_schema import POSTGRES, SQLITE
from licensing.merkle import grown

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLES = ("log_nodes", "log_heads")
WRITTEN = 10_000  # nodes in memory at once


def upgrade() -> None:
    """Make both tables, add the nodes over the leaves that are there, forbid changing them."""
    nodes = op.create_table(
        "log_nodes", _big("leaf_index"), sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("head", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("leaf_index", "level"), sqlite_with_rowid=False,
    )  # fmt: skip
    op.create_table(
        "log_heads", _big("seq"), sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.String(32), nullable=False), sa.PrimaryKeyConstraint("seq"),
    )  # fmt: skip
    found = grown(0, (), _leaf_hashes())
    while some := list(islice(found, WRITTEN)):
        rows = [
            {"leaf_index": leaf, "level": level, "head": head.hex()} for (leaf, level), head in some
        ]
        op.bulk_insert(nodes, rows)
    for name in TABLES:
        for words in POSTGRES if op.get_bind().dialect.name == "postgresql" else SQLITE:
            op.execute(words % {"table": name})


def downgrade() -> None:
    """Drop both tables; their triggers go with them."""
    for name in TABLES:
        op.drop_table(name)


def _leaf_hashes() -> Iterator[bytes]:
    """The hashes of all leaves in order, a page at a time."""
    leaves = sa.table("log_leaves", sa.column("leaf_index"), sa.column("leaf_hash"))
    query = sa.select(leaves).order_by(leaves.c.leaf_index).limit(WRITTEN)
    last = -1
    while page := op.get_bind().execute(query.where(leaves.c.leaf_index > last)).all():
        for last, leaf in page:  # noqa: B007 - the next page begins after it
            yield bytes.fromhex(leaf)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)
