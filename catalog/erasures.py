"""Erasures: what each found, its signed certificate, and the traces that a database itself keeps.

An erasure that has begun is noted as working state before the first byte goes, so that one that
was killed ends with the counts it began with. Its certificate is a record of the log.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, delete, insert, select, text, update
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from catalog import log, records, schema
from catalog.errors import CatalogError

STEP_S: Final = 0.1
ERASED_FROM: Final = (schema.personal, schema.ops_ledger, schema.ops_erasures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One erasure on record; `certificate` is the signed document, as text."""

    erasure_id: str
    source_id: str
    subject_kind: str
    subject_id: str
    certificate: str


def begin(
    session: Session, subject: str, doc: Mapping[str, Any], *, source_id: str, now: datetime
) -> dict[str, Any]:
    """Note what an erasure has found, unless it began before; return what it found then."""
    table = schema.ops_erasures
    found = begun(session, subject)
    if found is not None:
        return found
    said = log.document(doc).decode()
    values = {"subject": subject, "source_id": source_id, "doc": said}
    session.execute(insert(table), [{**values, "recorded_at": log.stamp(now)}])
    return dict(json.loads(said))


def begun(session: Session, subject: str) -> dict[str, Any] | None:
    """Return what an erasure that has begun and is not on record found, or None."""
    table = schema.ops_erasures
    found = session.execute(select(table.c.doc).where(table.c.subject == subject)).scalar()
    return None if found is None else dict(json.loads(found))


def files_erased(session: Session, source_id: str) -> tuple[str, ...]:
    """Return the sha256 of the files of a source that were erased, or are being erased."""
    table = schema.ops_erasures
    query = select(table.c.subject).where(table.c.source_id == source_id)
    going = {one.partition("/")[2] for one in session.execute(query).scalars()} - {""}
    done = {one.subject_id for one in erasures(session, source_id) if one.subject_kind == "file"}
    return tuple(sorted(going | done))


def record_erasure(session: Session, erasure: Erasure, *, subject: str, now: datetime) -> None:
    """Record a certificate with its leaf and end the working state; known already, only that."""
    if not records.stored(session, schema.erasures, erasure_id=erasure.erasure_id):
        log.record(session, schema.erasures, asdict(erasure), key=erasure.erasure_id, now=now)
    session.execute(delete(schema.ops_erasures).where(schema.ops_erasures.c.subject == subject))


def erasures(session: Session, source_id: str | None = None) -> tuple[Erasure, ...]:
    """Return the erasures on record, of all sources or of one, oldest first."""
    if source_id is None:
        rows = records.stored(session, schema.erasures)
    else:
        rows = records.stored(session, schema.erasures, source_id=source_id)
    return tuple(Erasure(**row.doc) for row in rows)


def drop_batches(session: Session, source_id: str) -> None:
    """Delete the working state of a source's commits: it names its files."""
    session.execute(delete(schema.ops_ledger).where(schema.ops_ledger.c.source_id == source_id))


def rewrite_batches(session: Session, source_id: str, gone: Iterable[str]) -> None:
    """Take the lines and episodes of some files (sha256) out of the working state of a source."""
    table, files = schema.ops_ledger, set(gone)
    query = select(table.c.seq, table.c.doc).where(table.c.source_id == source_id)
    for seq, said in session.execute(query).all():
        doc = json.loads(said)
        outcome = (doc.get("files") or {}).get("outcome")
        if not isinstance(outcome, dict):
            continue
        outcome["files"] = [one for one in outcome["files"] if one["sha256"] not in files]
        outcome["episodes"] = [one for one in outcome["episodes"] if not files & {*one["files"]}]
        changed = log.document(doc).decode()
        if changed != said:
            session.execute(update(table).where(table.c.seq == seq).values(doc=changed))


def scrub(engine: Engine, *, wait_s: float) -> None:
    """Rewrite what the database keeps of deleted rows: free pages, and on SQLite its journal.

    Raises:
        CatalogError: CATALOG_BUSY when a reader or writer is in the way for `wait_s` seconds.
    """
    if engine.dialect.name == "postgresql":
        _scrub_server(engine, wait_s=wait_s)
    else:
        _scrub_file(engine, wait_s=wait_s)


def _scrub_server(engine: Engine, *, wait_s: float) -> None:
    """Write the tables of PostgreSQL anew, with their indexes and long texts."""
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(f"SET lock_timeout = {max(1, int(wait_s * 1_000))}"))
            for table in ERASED_FROM:
                connection.execute(text(f"VACUUM (FULL, ANALYZE) {table.name}"))
    except OperationalError as error:
        raise _busy(wait_s) from error
    finally:
        engine.dispose()


def _scrub_file(engine: Engine, *, wait_s: float) -> None:
    """Write the file of SQLite anew and empty its journal; both wait for whoever uses them."""
    waited = 0.0
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout = 0")
        while not _written_anew(cursor):
            if waited >= wait_s:
                raise _busy(wait_s)
            time.sleep(STEP_S)
            waited += STEP_S
    finally:
        connection.close()
        engine.dispose()


def _written_anew(cursor: DBAPICursor) -> bool:
    try:
        cursor.execute("VACUUM")
        return not cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False


def _busy(wait_s: float) -> CatalogError:
    return CatalogError(
        f"the catalog is in use for {wait_s:.0f} s: deleted rows cannot be taken from its files",
        code="CATALOG_BUSY",
        subject="catalog",
        way_out="end what reads it, then run the same command again: it goes on where it stopped",
    )
