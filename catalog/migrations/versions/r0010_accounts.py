"""Who may look and act: accounts, sessions, tokens, what was refused, and a record of every act."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from catalog.migrations.versions.r0001_first_schema import POSTGRES, SQLITE
from catalog.migrations.versions.r0006_no_replace import guard

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

WORKING = ("ops_accounts", "ops_sessions", "ops_tokens", "ops_access")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; an act is never changed or deleted."""
    op.create_table(
        "acts",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        *(_word(name) for name in ("act", "actor", "subject")),
        sa.Column("doc", sa.Text(), nullable=False),
        _instant("recorded_at"),
    )
    op.create_index("acts_by_subject", "acts", ["subject"])
    op.create_index("acts_by_actor", "acts", ["actor"])
    postgres = op.get_bind().dialect.name == "postgresql"
    for words in POSTGRES if postgres else SQLITE:
        op.execute(words % {"table": "acts"})
    if not postgres:
        op.execute(guard("acts", [["seq"]]))
    _make_accounts()
    _make_sessions()
    _make_tokens()
    _make_access()


def downgrade() -> None:
    """Remove the tables: the acts, and every account with its sessions and tokens."""
    for table in (*WORKING, "acts"):
        op.drop_table(table)


def _make_accounts() -> None:
    op.create_table(
        "ops_accounts",
        sa.Column("name", sa.String(), primary_key=True),
        *(_word(name) for name in ("role", "password", "made", "state")),
        _instant("changed_at"),
    )


def _make_sessions() -> None:
    op.create_table(
        "ops_sessions",
        sa.Column("digest", sa.String(64), primary_key=True),
        *(_word(name) for name in ("kind", "account")),
        *(_instant(name) for name in ("begun_at", "seen_at", "ends_at")),
    )
    op.create_index("ops_sessions_by_account", "ops_sessions", ["account"])


def _make_tokens() -> None:
    op.create_table(
        "ops_tokens",
        sa.Column("token_id", sa.String(), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        *(_word(name) for name in ("account", "name", "scopes", "state")),
        *(_instant(name) for name in ("begun_at", "ends_at")),
        sa.UniqueConstraint("digest"),
    )


def _make_access() -> None:
    op.create_table(
        "ops_access",
        sa.Column("seq", SERIAL, primary_key=True, autoincrement=True),
        _instant("at"),
        *(_word(name) for name in ("account", "what", "outcome", "subject", "origin")),
    )
    op.create_index("ops_access_by_time", "ops_access", ["at"])


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _instant(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(32), nullable=False)
