"""A backup of a catalog: one consistent state of it in a file of SQLite, and a paper about it.

In: a catalog on either database. Out: a folder with `catalog.sqlite`, which ordinary tools open,
and `backup.json`, written last: digest, schema, rows of each table, the head of the log. A backup
of one database may be restored to the other. Restoring is one transaction: all of it or nothing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, func, insert, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from catalog import heads, log, schema, tree
from catalog.audit import LogReport, Progress, verify_log
from catalog.backup_paper import (
    FORMAT,
    OTHER,
    PAPER,
    Backup,
    changed,
    file_sha256,
    paper,
    read_paper,
)
from catalog.engine import migrate, open_catalog, reading, revisions, transaction
from catalog.errors import BackupError, CatalogUnreachable, LogBroken, SchemaMismatch

DATA = "catalog.sqlite"
PAGE = 2_000  # rows in memory at once


def make_backup(
    url: str, folder: Path, *, now: datetime, progress: Progress | None = None
) -> Backup:
    """Copy one consistent state of the catalog into `folder` while others read and write.

    Raises:
        BackupError: BACKUP_EXISTS when the folder holds anything but a backup that was cut short,
            BACKUP_FAILED when it cannot be written.
        CatalogError: whatever opening the catalog raises.
    """
    _refuse_taken(folder)
    open_catalog(url, read_only=True).dispose()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return _made(url, folder, now=now, progress=progress)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(
            f"{folder}: the backup cannot be written: {error}",
            code="BACKUP_FAILED", subject=str(folder),
            way_out="make room, or give a folder that may be written, and run it again",
        ) from error  # fmt: skip


def read_backup(folder: Path) -> Backup:
    """Return what a backup holds after checking every byte of it.

    Raises:
        BackupError: BACKUP_INCOMPLETE, BACKUP_CHANGED.
        SchemaMismatch: CATALOG_NEWER for one of a newer version.
    """
    found = read_paper(folder)
    if found.revision not in revisions():
        raise SchemaMismatch(
            f"{folder}: the backup is at revision {found.revision}, known are {revisions()[0]} and "
            "older",
            code="CATALOG_NEWER", subject=str(folder),
            way_out="restore it with the version of Clearway that made it, or a newer one",
        )  # fmt: skip
    path = folder / DATA
    size = path.stat().st_size if path.is_file() else -1
    if size != found.size_bytes:
        raise changed(path, f"{size} bytes (-1 = absent), {found.size_bytes} were written")
    if file_sha256(path) != found.sha256:
        raise changed(path, "other bytes than were written")
    return found


def restore_backup(
    folder: Path, url: str, *, scratch: Path, progress: Progress | None = None
) -> Backup:
    """Load a backup into the catalog at `url`, which is missing or empty; safe to run again.

    A backup of an older schema is migrated in `scratch` first. A catalog that holds this very
    backup already stays as it is.

    Raises:
        BackupError: BACKUP_INCOMPLETE, BACKUP_CHANGED, CATALOG_NOT_EMPTY.
        SchemaMismatch: CATALOG_NEWER; CATALOG_OLDER for a catalog that is there already.
        LogBroken: LOG_BROKEN when the log in the backup does not fit its rows.
    """
    found = read_backup(folder)
    with _current(folder / DATA, found, scratch) as path:
        source = _opened(path)
        with reading(source) as rows:
            _refuse_broken(verify_log(rows, progress=progress), found, folder)
        _make_if_missing(url)
        with reading(source) as rows, transaction(open_catalog(url)) as session:
            if not _holds(session, found):
                _load(rows, session, progress)
    return found


def _made(url: str, folder: Path, *, now: datetime, progress: Progress | None) -> Backup:
    path = folder / DATA
    _remove(path)
    if url.startswith("sqlite"):
        _copy_file(Path(make_url(url).database or ""), path)
    else:
        _copy_rows(url, path, progress)
    with closing(sqlite3.connect(path)) as one:  # one file that stands by itself
        one.execute("PRAGMA journal_mode=DELETE")
    made = _described(path, now)
    fresh = folder / f"{PAPER}.part"
    fresh.write_bytes(paper(made))
    _sync(path, fresh)
    fresh.replace(folder / PAPER)
    _sync(folder)
    return made


def _refuse_taken(folder: Path) -> None:
    ours = {DATA, f"{DATA}-journal", f"{DATA}-wal", f"{DATA}-shm", f"{PAPER}.part"}
    there = {one.name for one in folder.iterdir()} if folder.is_dir() else set()
    if folder.is_file() or there - ours or (there and DATA not in there):
        raise BackupError(
            f"{folder} holds {sorted(there)[:3] or 'a file'}, expected an empty folder or none",
            code="BACKUP_EXISTS", subject=str(folder), way_out="give another folder",
        )  # fmt: skip


def _copy_file(source: Path, path: Path) -> None:
    """SQLite's own online backup, in one step: writers go on, none of them is seen half."""
    with (
        closing(sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True)) as one,
        closing(sqlite3.connect(path)) as other,
    ):
        one.backup(other)


def _copy_rows(url: str, path: Path, progress: Progress | None) -> None:
    """All rows as one repeatable-read transaction sees them."""
    target = f"sqlite:///{path}"
    migrate(target)
    with (
        reading(open_catalog(url, read_only=True)) as rows,
        transaction(open_catalog(target)) as session,
    ):
        _load(rows, session, progress)


def _make_if_missing(url: str) -> None:
    """Make an empty catalog where there is none; one of another version is not touched."""
    try:
        open_catalog(url).dispose()
    except CatalogUnreachable as error:
        if error.code != "CATALOG_MISSING":
            raise
        migrate(url)
    except SchemaMismatch as error:
        if error.subject != str(None):
            raise
        migrate(url)


def _load(rows: Session, session: Session, progress: Progress | None) -> None:
    done, total = 0, sum(_counts(rows).values()) if progress else 0
    for table in schema.metadata.sorted_tables:
        read = rows.execute(select(table).execution_options(yield_per=PAGE))
        for page in read.partitions():
            session.execute(insert(table), [one._asdict() for one in page])
            done += len(page)
            if progress:
                progress("rows", done, total)
    if session.get_bind().dialect.name == "postgresql":
        _advance(session.connection())


def _advance(connection: Connection) -> None:
    """Let each sequence go on after the rows that were loaded."""
    for table in schema.metadata.sorted_tables:
        column = table.autoincrement_column
        last = None if column is None else connection.execute(select(func.max(column))).scalar()
        if column is not None and last is not None:
            words = text("SELECT setval(pg_get_serial_sequence(:name, :column), :last)")
            named = {"name": table.name, "column": column.name, "last": last}
            connection.execute(words, named)


def _described(path: Path, now: datetime) -> Backup:
    engine = _opened(path)
    with reading(engine) as session:
        size, root = tree.head(session) if tree.size(session) else (0, "")
        notes = [one.note for one in heads.heads(session)]
        tables = _counts(session)
    return Backup(
        format=FORMAT, made_at=log.stamp(now), revision=revisions()[0], sha256=file_sha256(path),
        size_bytes=path.stat().st_size, size=size, root=root, note=notes[-1] if notes else "",
        tables=tables,
    )  # fmt: skip


def _counts(session: Session) -> dict[str, int]:
    """The number of rows in each table that is there."""
    present = set(inspect(session.connection()).get_table_names())
    return {
        one.name: session.execute(select(func.count()).select_from(one)).scalar_one()
        for one in schema.metadata.sorted_tables
        if one.name in present
    }


def _refuse_broken(report: LogReport, found: Backup, folder: Path) -> None:
    faults = list(report.broken)
    if not faults and (report.size, report.root) != (found.size, found.root) and found.size:
        faults = [f"a log of {report.size} entries, {PAPER} says {found.size}"]
    if faults:
        raise LogBroken(
            f"{folder}: {len(faults)} faults in the log of the backup: {faults[0]}",
            code="LOG_BROKEN", subject=str(folder), way_out=OTHER,
        )  # fmt: skip


def _holds(session: Session, found: Backup) -> bool:
    """Whether the catalog holds this backup already; any other content is refused."""
    filled = [
        one.name
        for one in schema.metadata.sorted_tables
        if session.execute(select(*one.primary_key.columns).limit(1)).first() is not None
    ]
    if filled and found.size == tree.size(session) and tree.head(session)[1] == found.root:
        return True
    if filled:
        raise BackupError(
            f"the catalog holds rows in {', '.join(filled[:3])}, expected an empty one",
            code="CATALOG_NOT_EMPTY", subject=filled[0],
            way_out="restore into a new home or database; what is there is never overwritten",
        )  # fmt: skip
    return False


@contextmanager
def _current(path: Path, found: Backup, scratch: Path) -> Iterator[Path]:
    """The data at this version's schema: as it is, or a copy that was migrated."""
    if found.revision == revisions()[0]:
        yield path
        return
    scratch.mkdir(parents=True, exist_ok=True)
    copy = scratch / f"restore-{os.getpid()}.sqlite"
    try:
        _copy_file(path, copy)
        migrate(f"sqlite:///{copy}")
        with closing(sqlite3.connect(copy)) as one:
            one.execute("PRAGMA journal_mode=DELETE")
        yield copy
    finally:
        _remove(copy)


def _opened(path: Path) -> Engine:
    """A file that nothing writes to, and that reading leaves as it is."""
    address = f"file:{quote(str(path))}?mode=ro&immutable=1"
    return create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool
    )


def _remove(path: Path) -> None:
    for end in ("", "-journal", "-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)


def _sync(*paths: Path) -> None:
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
