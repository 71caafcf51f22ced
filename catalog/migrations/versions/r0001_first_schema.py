"""The first schema: records, facts, the log, and triggers that keep them append-only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = (
    "log_leaves", "parties", "sources", "files", "quarantine", "facts", "fact_ends", "requests",
    "decisions", "episodes", "clips", "shards", "shard_clips", "training_sets", "clearances",
    "runs", "checkpoints", "revocations", "commits",
)  # fmt: skip
REFUSE = (
    "CREATE FUNCTION clearway_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'records are append-only: %', TG_TABLE_NAME; END $$"
)
POSTGRES = (
    "CREATE TRIGGER %(table)s_append_only BEFORE UPDATE OR DELETE ON %(table)s "
    "FOR EACH ROW EXECUTE FUNCTION clearway_append_only()",
    "CREATE TRIGGER %(table)s_no_truncate BEFORE TRUNCATE ON %(table)s "
    "FOR EACH STATEMENT EXECUTE FUNCTION clearway_append_only()",
)
SQLITE = (
    "CREATE TRIGGER %(table)s_no_update BEFORE UPDATE ON %(table)s "
    "BEGIN SELECT RAISE(ABORT, 'records are append-only: %(table)s'); END",
    "CREATE TRIGGER %(table)s_no_delete BEFORE DELETE ON %(table)s "
    "BEGIN SELECT RAISE(ABORT, 'records are append-only: %(table)s'); END",
)


def upgrade() -> None:
    """Make every table, then forbid changing what was recorded."""
    _found()
    _rights()
    _bulk()
    _made()
    _log_and_ledger()
    _forbid_changes()


def downgrade() -> None:
    """Drop everything."""
    for table in (*APPEND_ONLY, "ops_ledger"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION clearway_append_only")


def _found() -> None:
    _records("parties", _word("party_id"))
    op.create_index("parties_by_id", "parties", ["party_id"])
    _records("sources", _word("source_id"))
    op.create_index("sources_by_id", "sources", ["source_id"])
    _records("files", _word("source_id"), _word("path"), _word("sha256"), _word("status"))
    op.create_index("files_by_path", "files", ["source_id", "path"])
    op.create_index("files_by_sha256", "files", ["sha256"])
    _records("quarantine", _word("source_id"), _word("path"), _word("state"))
    op.create_index("quarantine_by_path", "quarantine", ["source_id", "path"])
    _records("episodes", _word("episode_id"), _word("source_id"))
    op.create_index("episodes_by_id", "episodes", ["episode_id"])
    op.create_index("episodes_by_source", "episodes", ["source_id"])


def _rights() -> None:
    _records(
        "facts", _word("fact_id"), _word("source_id"), _word("kind"),
        _day("valid_from"), _day("valid_to"), sa.UniqueConstraint("fact_id"),
    )  # fmt: skip
    op.create_index("facts_by_source", "facts", ["source_id", "kind"])
    _records(
        "fact_ends", _word("fact_id"), _word("source_id"), _word("kind"),
        sa.Column("ends_at", sa.String(10), nullable=False),
    )  # fmt: skip
    op.create_index("fact_ends_by_source", "fact_ends", ["source_id"])
    _records(
        "requests", _word("name"), _number("version"), _word("digest"),
        sa.UniqueConstraint("name", "version"),
    )  # fmt: skip
    _records(
        "decisions", _word("decision_id"), _word("source_id"), _word("request_digest"),
        _word("verdict"),
    )  # fmt: skip
    op.create_index("decisions_by_id", "decisions", ["decision_id"])
    op.create_index("decisions_by_request", "decisions", ["request_digest", "source_id"])
    _records("revocations", _word("revocation_id"), _word("subject_kind"), _word("subject_id"))
    op.create_index("revocations_by_id", "revocations", ["revocation_id"])


def _bulk() -> None:
    _under_a_leaf(
        "clips", _word("clip_id"), _word("source_id"), _word("episode_id"), _big("start_ns"),
        _big("end_ns"), _word("status"), _word("reason"),
        sa.PrimaryKeyConstraint("leaf", "clip_id"),
    )  # fmt: skip
    op.create_index("clips_by_id", "clips", ["clip_id"])
    op.create_index("clips_by_source", "clips", ["source_id"])
    _under_a_leaf(
        "shards", _word("set_id"), _number("shard"), _word("source_id"), _number("num_clips"),
        sa.PrimaryKeyConstraint("leaf", "set_id", "shard"),
    )  # fmt: skip
    op.create_index("shards_by_set", "shards", ["set_id"])
    op.create_index("shards_by_source", "shards", ["source_id"])
    _under_a_leaf(
        "shard_clips", _word("set_id"), _word("clip_id"), _word("camera"), _number("shard"),
        sa.PrimaryKeyConstraint("leaf", "set_id", "clip_id", "camera"),
    )  # fmt: skip
    op.create_index("shard_clips_by_set", "shard_clips", ["set_id"])
    op.create_index("shard_clips_by_clip", "shard_clips", ["clip_id"])


def _made() -> None:
    _records(
        "training_sets", _word("set_id"), _word("name"), _number("version"),
        _word("manifest_digest"), sa.UniqueConstraint("set_id"),
    )  # fmt: skip
    op.create_index("training_sets_by_name", "training_sets", ["name"])
    op.create_index("training_sets_by_manifest", "training_sets", ["manifest_digest"])
    _records("clearances", _word("set_id"), _word("statement_digest"))
    op.create_index("clearances_by_set", "clearances", ["set_id"])
    _records("runs", _word("run_id"), _word("set_id"))
    op.create_index("runs_by_id", "runs", ["run_id"])
    op.create_index("runs_by_set", "runs", ["set_id"])
    _records(
        "checkpoints", _word("checkpoint_id"), _word("run_id"), _number("step"),
        sa.UniqueConstraint("checkpoint_id"),
    )  # fmt: skip
    op.create_index("checkpoints_by_run", "checkpoints", ["run_id"])
    _records("commits", _word("batch_id"), _word("dataset"), _word("source_id"), _big("version"))
    op.create_index("commits_by_batch", "commits", ["batch_id", "dataset"])
    op.create_index("commits_by_source", "commits", ["source_id"])


def _log_and_ledger() -> None:
    op.create_table(
        "log_leaves", _big("leaf_index"), _word("kind"), _word("table_name"), _word("key"),
        _word("digest"), _word("leaf_hash"), _recorded_at(), sa.PrimaryKeyConstraint("leaf_index"),
    )  # fmt: skip
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "ops_ledger", sa.Column("seq", serial, primary_key=True, autoincrement=True),
        _word("batch_id"), _word("dataset"), _word("source_id"), _word("state"),
        sa.Column("doc", sa.Text(), nullable=False), _recorded_at(),
        sa.UniqueConstraint("batch_id", "dataset"),
    )  # fmt: skip
    op.create_index("ops_ledger_by_source", "ops_ledger", ["source_id"])


def _forbid_changes() -> None:
    postgres = op.get_bind().dialect.name == "postgresql"
    if postgres:
        op.execute(REFUSE)
    for name in APPEND_ONLY:
        for words in POSTGRES if postgres else SQLITE:
            op.execute(words % {"table": name})


def _records(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(
        name, _big("seq"), *columns, sa.Column("doc", sa.Text(), nullable=False), _recorded_at(),
        sa.PrimaryKeyConstraint("seq"),
    )  # fmt: skip


def _under_a_leaf(name: str, *columns: sa.schema.SchemaItem) -> None:
    op.create_table(name, _big("leaf"), *columns)


def _word(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def _day(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(10), nullable=True)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), autoincrement=False, nullable=False)


def _recorded_at() -> sa.Column[str]:
    return sa.Column("recorded_at", sa.String(32), nullable=False)
