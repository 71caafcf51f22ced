"""Open a catalog: SQLite embedded, PostgreSQL in service, one schema and one history for both.

A transaction on SQLite takes the write lock when it begins, so that what it read still holds when
it writes. The lock of a source is a lock of the operating system or of the database: it dies with
its holder and is never judged by a clock.
"""

from __future__ import annotations

import fcntl
import hashlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import ARRAY, ColumnElement, Engine, any_, literal, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from catalog.engines import engine_of
from catalog.errors import CatalogError, CatalogUnreachable, SchemaMismatch

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_STEP_S = 0.05
WRITER = 0x636C65617277  # the number of the writers' lock on PostgreSQL
_AGAIN = "run the same command again: the transaction happened whole or not at all"
Value = TypeVar("Value", str, int)


def open_catalog(url: str, *, read_only: bool = False) -> Engine:
    """Open the catalog at `url` and check that its schema is the one this code was written for.

    Raises:
        CatalogUnreachable: CATALOG_MISSING, CATALOG_UNREACHABLE.
        SchemaMismatch: CATALOG_NEWER, CATALOG_OLDER.
    """
    path = make_url(url).database
    if url.startswith("sqlite") and path and not Path(path).is_file():
        raise CatalogUnreachable(
            f"no catalog at {path}", code="CATALOG_MISSING", subject=path, way_out="clearway init"
        )
    engine = engine_of(url, read_only=read_only)
    try:
        with engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        engine.dispose()
        raise _unreachable(url, error) from error
    known = revisions()
    if found == known[0]:
        return engine
    engine.dispose()
    raise SchemaMismatch(
        f"catalog is at revision {found}, this version of Clearway at {known[0]}",
        code="CATALOG_OLDER" if found is None or found in known else "CATALOG_NEWER",
        subject=str(found),
        way_out="clearway catalog migrate"
        if found is None or found in known
        else "run the version of Clearway that wrote it, or a newer one",
    )


def migrate(url: str) -> str:
    """Bring the catalog at `url` to this version's schema, making it when it is missing.

    Returns the revision that it is at now.
    """
    path = make_url(url).database
    if url.startswith("sqlite") and path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = engine_of(url, read_only=False)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        with engine.connect() as connection:
            known = revisions()
            found = MigrationContext.configure(connection).get_current_revision()
            if found is not None and found not in known:
                raise SchemaMismatch(
                    f"catalog is at revision {found}, which this version does not know",
                    code="CATALOG_NEWER",
                    subject=found,
                    way_out="run the version of Clearway that wrote it, or a newer one",
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
    except DBAPIError as error:
        raise _unreachable(url, error) from error
    finally:
        engine.dispose()
    return known[0]


@cache
def revisions() -> tuple[str, ...]:
    """The revisions of the schema that this version knows, newest first."""
    return tuple(one.revision for one in _scripts().walk_revisions())


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """Write: everything in the block happens, or none of it. The engine is closed afterwards.

    There is one writer at a time, so that what a block reads still holds when it writes.

    Raises:
        CatalogUnreachable: CATALOG_LOST, CATALOG_READ_ONLY, CATALOG_FORBIDDEN, CATALOG_UNREACHABLE.
    """
    try:
        with Session(engine, expire_on_commit=False) as session, session.begin():
            lock_writer(session)
            yield session
    except DBAPIError as error:
        raise _told(engine, error) or error from error
    finally:
        engine.dispose()


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """Read one consistent state, whoever writes meanwhile. The engine is closed afterwards.

    Raises:
        CatalogUnreachable: CATALOG_LOST, CATALOG_FORBIDDEN, CATALOG_UNREACHABLE.
    """
    bound = engine
    if engine.dialect.name == "postgresql":
        bound = engine.execution_options(isolation_level="REPEATABLE READ")
    try:
        with Session(bound) as session:
            yield session
    except DBAPIError as error:
        raise _told(engine, error) or error from error
    finally:
        engine.dispose()


def lock_writer(session: Session) -> None:
    """Wait to be the only writer until the transaction ends; SQLite has but one anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": WRITER})


def among(
    session: Session, column: ColumnElement[Value], values: Sequence[Value]
) -> ColumnElement[bool]:
    """The condition that `column` is one of `values`; PostgreSQL takes them as one parameter."""
    if session.get_bind().dialect.name == "postgresql":
        return column == any_(literal(values, ARRAY(column.type)))
    return column.in_(values)


@contextmanager
def source_lock(
    engine: Engine, source_id: str, lock_dir: Path, *, timeout_s: float = 600.0
) -> Iterator[None]:
    """Hold the one lock of a source: at most one process writes its part of the lake.

    Raises:
        CatalogError: SOURCE_LOCKED when another process holds it for `timeout_s` seconds.
        CatalogUnreachable: CATALOG_LOST, CATALOG_UNREACHABLE before it is held.
    """
    if engine.dialect.name == "postgresql":
        yield from _database_lock(engine, source_id, timeout_s)
    else:
        yield from _file_lock(lock_dir / f"{source_id}.lock", source_id, timeout_s)


def is_locked(engine: Engine, source_id: str, lock_dir: Path) -> bool:
    """Whether a process holds the lock of a source at this moment."""
    try:
        with source_lock(engine, source_id, lock_dir, timeout_s=0):
            return False
    except CatalogError as error:
        if error.code != "SOURCE_LOCKED":
            raise
    return True


def _file_lock(path: Path, source_id: str, timeout_s: float) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    waited = 0.0
    with path.open("w", encoding="utf-8") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waited = _wait(waited, source_id, timeout_s)
        yield


def _database_lock(engine: Engine, source_id: str, timeout_s: float) -> Iterator[None]:
    number = int.from_bytes(hashlib.sha256(source_id.encode()).digest()[:8], "big", signed=True)
    waited = 0.0
    asked = text("SELECT pg_try_advisory_lock(:number)")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        try:
            while not connection.execute(asked, {"number": number}).scalar():
                waited = _wait(waited, source_id, timeout_s)
        except DBAPIError as error:
            raise _told(engine, error) or error from error
        try:
            yield
        finally:
            with suppress(DBAPIError):  # a session that is gone holds no lock
                connection.execute(text("SELECT pg_advisory_unlock(:number)"), {"number": number})
            connection.invalidate()  # the lock is the session's: no other block may inherit one


def _wait(waited: float, source_id: str, timeout_s: float) -> float:
    if waited >= timeout_s:
        raise CatalogError(
            f"source {source_id} is locked by another process for {timeout_s:.0f} s",
            code="SOURCE_LOCKED",
            subject=source_id,
            way_out="wait for the other run to end, then run this again",
        )
    time.sleep(LOCK_STEP_S)
    return waited + LOCK_STEP_S


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(MIGRATIONS))


def _unreachable(url: str, error: DBAPIError) -> CatalogUnreachable:
    shown = make_url(url).render_as_string(hide_password=True)
    return CatalogUnreachable(
        f"catalog {shown} does not answer: {str(error.orig).splitlines()[0]}",
        code="CATALOG_UNREACHABLE",
        subject=shown,
        way_out="check the address, the server and its rights, then try again",
    )


def _told(engine: Engine, error: DBAPIError) -> CatalogUnreachable | None:
    """Our error for one that is not about what was asked: a lost connection, a missing right."""
    state = getattr(error.orig, "sqlstate", None) or ""  # PostgreSQL's own code, 5 letters
    said = str(error.orig)
    if error.connection_invalidated or state[:3] == "57P":
        code, way_out = "CATALOG_LOST", _AGAIN
    elif state == "25006" or "readonly" in said:
        code, way_out = "CATALOG_READ_ONLY", "check that it may be written, then try again"
    elif state == "42501":
        code, way_out = "CATALOG_FORBIDDEN", "use a role that may: docs/operate.md, Roles"
    elif isinstance(error, OperationalError):
        code, way_out = "CATALOG_UNREACHABLE", "check the server or the disk, then try again"
    else:
        return None
    shown = engine.url.render_as_string(hide_password=True)
    what = "was lost" if code == "CATALOG_LOST" else "refuses"
    return CatalogUnreachable(
        f"catalog {shown} {what}: {said.strip().splitlines()[0]}",
        code=code,
        subject=shown,
        way_out=way_out,
    )
