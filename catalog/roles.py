"""Roles of a catalog on PostgreSQL: who may append, who may erase, and nobody else may change it.

The owner made the tables by its migrations; it alone could take a trigger away. Programs log in as
members of two roles without a password of their own:

DATABASE_app     reads all, appends records, works on the `ops_*` tables
DATABASE_erase   the same, and deletes `personal` rows
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError

from catalog.errors import CatalogError, CatalogUnreachable

LONGEST = 63  # bytes of a name in PostgreSQL; it cuts off the rest without a word
ERASABLE = "personal"


def roles_sql(url: str) -> tuple[str, ...]:
    """Return the statements that make the roles and grant them exactly what they need.

    Raises:
        CatalogError: NO_ROLES for SQLite, whose rights are those of its file; ROLE_NAME.
        CatalogUnreachable: CATALOG_UNREACHABLE.
    """
    database = _database(url)
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return tuple(_statements(connection, database))
    except DBAPIError as error:
        raise _refused(url, error) from error
    finally:
        engine.dispose()


def grant_roles(url: str) -> tuple[str, ...]:
    """Make the roles that are missing and grant them anew; return their names. Safe to repeat.

    Raises:
        CatalogError: NO_ROLES, ROLE_NAME.
        CatalogUnreachable: CATALOG_FORBIDDEN when the login is not the owner's.
    """
    database = _database(url)
    engine = create_engine(url)
    try:
        for name in _names(database):  # another session may make it at the same time
            with suppress(IntegrityError), engine.begin() as connection:
                _make(connection, name)
        with engine.begin() as connection:
            for statement in _statements(connection, database):
                connection.execute(text(statement))
    except DBAPIError as error:
        raise _refused(url, error) from error
    finally:
        engine.dispose()
    return _names(database)


def has_roles(url: str) -> bool:
    """Whether the roles were made for this catalog; never on SQLite."""
    if url.startswith("sqlite"):
        return False
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return all(_exists(connection, name) for name in _names(_database(url)))
    except DBAPIError as error:
        raise _refused(url, error) from error
    finally:
        engine.dispose()


def _database(url: str) -> str:
    database = make_url(url).database or ""
    if url.startswith("sqlite"):
        raise CatalogError(
            "SQLite has no roles: who may write the file may write all of it",
            code="NO_ROLES",
            subject=database,
            way_out="use PostgreSQL to keep writers apart, or the rights of files",
        )
    longest = max(len(name.encode()) for name in _names(database))
    if longest > LONGEST:
        raise CatalogError(
            f"a role of {database} has a name of {longest} bytes, at most {LONGEST} fit",
            code="ROLE_NAME",
            subject=database,
            way_out="give the database a shorter name",
        )
    return database


def _names(database: str) -> tuple[str, str]:
    return f"{database}_app", f"{database}_erase"


def _exists(connection: Connection, name: str) -> bool:
    asked = text("SELECT count(*) FROM pg_roles WHERE rolname = :name")
    return bool(connection.execute(asked, {"name": name}).scalar())


def _make(connection: Connection, name: str) -> None:
    if not _exists(connection, name):
        connection.execute(text(f"CREATE ROLE {_quoted(name)} NOLOGIN"))


def _statements(connection: Connection, database: str) -> Iterator[str]:
    app, erase = map(_quoted, _names(database))
    tables = sorted(inspect(connection).get_table_names())
    for role in _names(database):
        if not _exists(connection, role):
            yield f"CREATE ROLE {_quoted(role)} NOLOGIN"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, {app}, {erase}"
    yield f"GRANT CONNECT ON DATABASE {_quoted(database)} TO {app}"
    yield f"GRANT USAGE ON SCHEMA public TO {app}"
    yield f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {app}"
    for name in tables:
        yield f"GRANT {_rights(name)} ON {_quoted(name)} TO {app}"
    if ERASABLE in tables:
        yield f"GRANT DELETE ON {ERASABLE} TO {erase}"
    yield f"GRANT {app} TO {erase}"


def _rights(table: str) -> str:
    if table == "alembic_version":
        return "SELECT"
    return "SELECT, INSERT, UPDATE, DELETE" if table.startswith("ops_") else "SELECT, INSERT"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _refused(url: str, error: DBAPIError) -> CatalogUnreachable:
    shown = make_url(url).render_as_string(hide_password=True)
    forbidden = getattr(error.orig, "sqlstate", "") == "42501"
    return CatalogUnreachable(
        f"catalog {shown} refuses: {str(error.orig).strip().splitlines()[0]}",
        code="CATALOG_FORBIDDEN" if forbidden else "CATALOG_UNREACHABLE",
        subject=shown,
        way_out="log in as the owner of the tables, who may also create roles"
        if forbidden
        else "check the address and the server, then try again",
    )
