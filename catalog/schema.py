"""The tables of the catalog: facts and records are appended, never updated or deleted.

A record keeps its whole canonical document (`doc`) beside the columns that queries need; the log
keeps the digest of that document. Tables named `ops_*` hold working state and carry no evidence.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from catalog import access_schema, columns

metadata = columns.metadata
SERIAL, _records, _word = columns.SERIAL, columns.records, columns.word

# What every catalog holds; the migrations must come to the same (a test compares them).
log_leaves = Table(
    "log_leaves",
    metadata,
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    _word("kind"),
    _word("table_name"),
    _word("key"),
    _word("digest"),
    _word("leaf_hash"),
    Column("recorded_at", String(32), nullable=False),
)
log_nodes = Table(  # of each full subtree with more than one leaf, under its last leaf
    "log_nodes",
    metadata,
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False),
    Column("level", Integer, primary_key=True, autoincrement=False),
    _word("head"),
    sqlite_with_rowid=False,
)
log_heads = _records("log_heads", Column("size", BigInteger, nullable=False))
parties = _records("parties", _word("party_id"), Index("parties_by_id", "party_id"))
sources = _records("sources", _word("source_id"), Index("sources_by_id", "source_id"))
files = _records(
    "files",
    _word("source_id"),
    _word("path"),
    _word("sha256"),
    _word("status"),
    Index("files_by_path", "source_id", "path"),
    Index("files_by_sha256", "sha256"),
)
quarantine = _records(
    "quarantine",
    _word("source_id"),
    _word("path"),
    _word("state"),
    Index("quarantine_by_path", "source_id", "path"),
)
facts = _records(
    "facts",
    _word("fact_id"),
    _word("source_id"),
    _word("kind"),
    Column("valid_from", String(10), nullable=True),
    Column("valid_to", String(10), nullable=True),
    UniqueConstraint("fact_id"),
    Index("facts_by_source", "source_id", "kind"),
    Index("facts_by_kind", "kind", "seq"),
    Index("facts_by_end", "valid_to", "seq"),
)
fact_ends = _records(
    "fact_ends",
    _word("fact_id"),
    _word("source_id"),
    _word("kind"),
    Column("ends_at", String(10), nullable=False),
    Index("fact_ends_by_source", "source_id"),
    Index("fact_ends_by_fact", "fact_id"),
)
requests = _records(
    "requests",
    _word("name"),
    Column("version", Integer, nullable=False),
    _word("digest"),
    UniqueConstraint("name", "version"),
)
decisions = _records(
    "decisions",
    _word("decision_id"),
    _word("source_id"),
    _word("request_digest"),
    _word("verdict"),
    _word("rights_key"),
    Column("reasons", Text, nullable=False),  # a JSON list
    Index("decisions_by_id", "decision_id"),
    Index("decisions_by_request", "request_digest", "source_id"),
    Index("decisions_by_round", "request_digest", "seq"),
)
episodes = _records(
    "episodes",
    _word("episode_id"),
    _word("source_id"),
    Index("episodes_by_id", "episode_id"),
    Index("episodes_by_source", "source_id"),
)
clips = Table(
    "clips",
    metadata,
    Column("leaf", BigInteger, primary_key=True, autoincrement=False),
    Column("clip_id", String, primary_key=True),
    _word("source_id"),
    _word("episode_id"),
    Column("start_ns", BigInteger, nullable=False),
    Column("end_ns", BigInteger, nullable=False),
    _word("status"),
    _word("reason"),
    Index("clips_by_id", "clip_id"),
    Index("clips_by_source", "source_id", "clip_id"),
    Index("clips_by_episode", "episode_id"),
)
parts = Table(
    "parts",
    metadata,
    Column("leaf", BigInteger, primary_key=True, autoincrement=False),
    _word("source_id"),
    Column("episode_id", String, primary_key=True),
    Column("start_ns", BigInteger, primary_key=True, autoincrement=False),
    Column("end_ns", BigInteger, nullable=False),
    _word("rights_key"),
)
rights_keys = Table(
    "rights_keys",
    metadata,
    Column("leaf", BigInteger, primary_key=True, autoincrement=False),
    Column("rights_key", String, primary_key=True),
    Column("layer_ids", Text, nullable=False),
    Index("rights_keys_by_key", "rights_key"),
)
keyings = _records(
    "keyings",
    _word("source_id"),
    Column("parts_leaf", BigInteger, nullable=True),
    Index("keyings_by_source", "source_id"),
)
shards = Table(
    "shards",
    metadata,
    Column("leaf", BigInteger, primary_key=True, autoincrement=False),
    Column("set_id", String, primary_key=True),
    Column("shard", Integer, primary_key=True, autoincrement=False),
    _word("source_id"),
    Column("num_clips", Integer, nullable=False),
    Index("shards_by_set", "set_id"),
    Index("shards_by_source", "source_id"),
)
shard_clips = Table(
    "shard_clips",
    metadata,
    Column("leaf", BigInteger, primary_key=True, autoincrement=False),
    Column("set_id", String, primary_key=True),
    Column("clip_id", String, primary_key=True),
    Column("camera", String, primary_key=True),
    Column("shard", Integer, nullable=False),
    Index("shard_clips_by_set", "set_id"),
    Index("shard_clips_by_clip", "clip_id"),
)
training_sets = _records(
    "training_sets",
    _word("set_id"),
    _word("name"),
    Column("version", Integer, nullable=False),
    _word("manifest_digest"),
    UniqueConstraint("set_id"),
    Index("training_sets_by_name", "name"),
    Index("training_sets_by_manifest", "manifest_digest"),
)
clearances = _records(
    "clearances",
    _word("set_id"),
    _word("statement_digest"),
    Index("clearances_by_set", "set_id"),
)
runs = _records(
    "runs",
    _word("run_id"),
    _word("set_id"),
    Index("runs_by_id", "run_id"),
    Index("runs_by_set", "set_id"),
)
checkpoints = _records(
    "checkpoints",
    _word("checkpoint_id"),
    _word("run_id"),
    Column("step", Integer, nullable=False),
    UniqueConstraint("checkpoint_id"),
    Index("checkpoints_by_run", "run_id"),
)
releases = _records(
    "releases",
    _word("release_id"),
    _word("name"),
    _word("checkpoint_id"),
    UniqueConstraint("release_id"),
    Index("releases_by_name", "name"),
    Index("releases_by_checkpoint", "checkpoint_id"),
)
revocations = _records(
    "revocations",
    _word("revocation_id"),
    _word("subject_kind"),
    _word("subject_id"),
    Index("revocations_by_id", "revocation_id"),
    Index("revocations_by_subject", "subject_kind", "subject_id"),
)
commits = _records(
    "commits",
    _word("batch_id"),
    _word("dataset"),
    _word("source_id"),
    Column("version", BigInteger, nullable=False),
    Index("commits_by_batch", "batch_id", "dataset"),
    Index("commits_by_source", "source_id"),
)
answers = _records("answers", _word("field"), Index("answers_by_field", "field"))
personal = Table(  # the only rows that an erasure deletes; records hold `personal_id`
    "personal",
    metadata,
    Column("personal_id", String, primary_key=True),
    _word("source_id"),
    _word("salt"),
    Column("text", Text, nullable=False),
    Index("personal_by_source", "source_id"),
)
erasures = _records(
    "erasures",
    _word("erasure_id"),
    _word("source_id"),
    _word("subject_kind"),
    _word("subject_id"),
    UniqueConstraint("erasure_id"),
    Index("erasures_by_source", "source_id"),
)
ops_erasures = Table(  # what an erasure that has begun found, until it is on record
    "ops_erasures",
    metadata,
    Column("subject", String, primary_key=True),
    _word("source_id"),
    Column("doc", Text, nullable=False),
    Column("recorded_at", String(32), nullable=False),
)
ops_ledger = Table(
    "ops_ledger",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    _word("batch_id"),
    _word("dataset"),
    _word("source_id"),
    _word("state"),
    Column("doc", Text, nullable=False),
    Column("recorded_at", String(32), nullable=False),
    UniqueConstraint("batch_id", "dataset"),
    Index("ops_ledger_by_source", "source_id"),
)
ops_mentions = Table(
    "ops_mentions",
    metadata,
    Column("role", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("subject", String, primary_key=True),
    _word("source_id"),
    sqlite_with_rowid=False,
)

# Many small rows share one leaf, named by their column `leaf`.
BULK = (clips, parts, rights_keys, shards, shard_clips)
ACCESS = access_schema.TABLES  # who may look and act, in a module of their own
