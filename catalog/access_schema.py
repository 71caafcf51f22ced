"""The tables of who may look and act, of what was refused, and the record of every act.

Accounts, sessions and tokens are working state: no evidence rests on them. An act is a record.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, String, Table, UniqueConstraint

from catalog.columns import SERIAL, metadata, records, word

acts = records(  # what a person did here, beside what it recorded, in the same transaction
    "acts",
    word("act"),
    word("actor"),
    word("subject"),
    Index("acts_by_subject", "subject"),
    Index("acts_by_actor", "actor"),
)
ops_accounts = Table(
    "ops_accounts",
    metadata,
    Column("name", String, primary_key=True),
    word("role"),
    word("password"),
    word("made"),
    word("state"),
    Column("changed_at", String(32), nullable=False),
)
ops_sessions = Table(  # `digest` is that of the secret, which nobody keeps but its browser
    "ops_sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    word("kind"),
    word("account"),
    Column("begun_at", String(32), nullable=False),
    Column("seen_at", String(32), nullable=False),
    Column("ends_at", String(32), nullable=False),
    Index("ops_sessions_by_account", "account"),
)
ops_tokens = Table(
    "ops_tokens",
    metadata,
    Column("token_id", String, primary_key=True),
    Column("digest", String(64), nullable=False),
    word("account"),
    word("name"),
    word("scopes"),
    word("state"),
    Column("begun_at", String(32), nullable=False),
    Column("ends_at", String(32), nullable=False),
    UniqueConstraint("digest"),
)
ops_access = Table(  # sign-ins, and whatever was refused
    "ops_access",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("at", String(32), nullable=False),
    word("account"),
    word("what"),
    word("outcome"),
    word("subject"),
    word("origin"),
    Index("ops_access_by_time", "at"),
)
TABLES = (acts, ops_accounts, ops_sessions, ops_tokens, ops_access)
