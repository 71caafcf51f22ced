"""The ledger: how far each batch of each dataset has come, so that a killed run can be resumed.

Lance offers no exactly-once; one row per (batch, dataset) here does. The rows are working state
and change (`ops_ledger`); what was committed and verified is a leaf of the log.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from catalog import log, schema

STATES = ("planned", "written", "committed", "verified")

_WORKING = ("state", "fragments", "files", "base_version")  # what only recovery needs


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One batch of one dataset; `batch_id` digests what is written, `run_id` says who writes."""

    batch_id: str
    dataset: str
    source_id: str
    state: str
    run_id: str
    base_version: int = 0
    fragments: tuple[str, ...] = ()
    files: Mapping[str, Any] = field(default_factory=dict)
    keys_digest: str = ""
    rows: int = 0
    version: int = 0


def save(session: Session, row: LedgerRow, *, now: datetime) -> None:
    """Write the state of a batch; reaching `verified` is logged."""
    table = schema.ops_ledger
    values = {
        "batch_id": row.batch_id, "dataset": row.dataset, "source_id": row.source_id,
        "state": row.state, "doc": log.document(asdict(row)).decode(),
        "recorded_at": log.stamp(now),
    }  # fmt: skip
    before = batch(session, row.batch_id, row.dataset)
    if before is None:
        session.execute(insert(table), [values])
    else:
        here = (table.c.batch_id == row.batch_id) & (table.c.dataset == row.dataset)
        session.execute(update(table).where(here).values(**values))
    if row.state == "verified" and (before is None or before.state != "verified"):
        said = {name: value for name, value in asdict(row).items() if name not in _WORKING}
        key = f"{row.source_id}/{row.dataset}/{row.batch_id}"
        log.record(session, schema.commits, said, key=key, now=now)


def batch(session: Session, batch_id: str, dataset: str) -> LedgerRow | None:
    """Return one batch of one dataset, or None."""
    table = schema.ops_ledger
    query = select(table.c.doc).where(table.c.batch_id == batch_id, table.c.dataset == dataset)
    found = session.execute(query).scalar()
    return None if found is None else _row(found)


def batches_of(session: Session, source_id: str) -> tuple[LedgerRow, ...]:
    """Return every batch of a source, oldest first."""
    table = schema.ops_ledger
    query = select(table.c.doc).where(table.c.source_id == source_id).order_by(table.c.seq)
    return tuple(_row(one) for one in session.execute(query).scalars())


def open_batches(session: Session, source_id: str) -> tuple[LedgerRow, ...]:
    """Return the batches of a source that are not verified."""
    return tuple(one for one in batches_of(session, source_id) if one.state != "verified")


def left_open(session: Session) -> dict[str, str]:
    """Return the sources with batches that are not verified, each with a digest of how they stand.

    Somebody is at work on such a source, or was when a run was killed.
    """
    table = schema.ops_ledger
    query = select(table.c.source_id, table.c.dataset, table.c.batch_id, table.c.state)
    found: dict[str, list[list[str]]] = {}
    for source_id, *how in session.execute(
        query.where(table.c.state != "verified").order_by(table.c.seq)
    ):
        found.setdefault(source_id, []).append(how)
    return {
        source_id: hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]
        for source_id, rows in found.items()
    }


def known_batches(session: Session, source_id: str) -> dict[tuple[str, str], int]:
    """Return every batch of a source by dataset and id: its version, 0 while not verified."""
    found: dict[tuple[str, str], int] = {}
    for table in (schema.ops_ledger, schema.commits):
        query = select(table.c.dataset, table.c.batch_id).where(table.c.source_id == source_id)
        found |= dict.fromkeys(session.execute(query), 0)
    done = schema.commits
    verified = select(done.c.dataset, done.c.batch_id, done.c.version)
    for dataset, one, version in session.execute(verified.where(done.c.source_id == source_id)):
        found[dataset, one] = version
    return found


def was_erased(session: Session, source_id: str) -> bool:
    """Whether an erasure of a source is on record: its versions are gone as they should be."""
    table = schema.metadata.tables.get("erasures")
    if table is None:
        return False
    query = select(table.c.source_id).where(table.c.source_id == source_id).limit(1)
    return session.execute(query).first() is not None


def _row(text: str) -> LedgerRow:
    doc = json.loads(text)
    return LedgerRow(**{**doc, "fragments": tuple(doc["fragments"])})
