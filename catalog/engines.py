"""An engine for each block of work: SQLAlchemy's way to a file or to a server.

A statement is compiled once in a process and not once for each engine: engines of files share one
dialect and what was compiled for it; all who ask for the same server share one engine, which holds
no connection between blocks.
"""

from __future__ import annotations

import sqlite3
from functools import cache, lru_cache
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import Dialect, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import NullPool, QueuePool
from sqlalchemy.util import LRUCache

SECONDS_TO_WAIT = {"sqlite": 30, "server": 5}
STATEMENTS = 1_000  # kept compiled; there are about 400
_compiled = LRUCache[Any, Any](STATEMENTS)


def engine_of(url: str, *, read_only: bool) -> Engine:
    """An engine of the catalog at `url`, not connected yet."""
    if url.startswith("sqlite"):
        return _of_file(url, read_only=read_only)
    return _of_server(url, read_only=read_only)


@lru_cache(maxsize=16)
def _of_server(url: str, *, read_only: bool) -> Engine:
    return create_engine(
        url,
        connect_args={"connect_timeout": SECONDS_TO_WAIT["server"]},
        execution_options={"postgresql_readonly": True} if read_only else {},
        poolclass=NullPool,  # threads share an engine, and each block closes it: see `reading`
    )


def _of_file(url: str, *, read_only: bool) -> Engine:
    dialect, parsed = _dialect(), make_url(url)
    (path,), options = dialect.create_connect_args(parsed)
    asked: dict[str, Any] = {"timeout": SECONDS_TO_WAIT["sqlite"], **options}
    prepare = dialect.on_connect()
    pragmas = ("foreign_keys=ON", "synchronous=NORMAL")

    def connected() -> DBAPIConnection:
        connection: sqlite3.Connection = sqlite3.connect(path, **asked)
        if prepare is not None:
            prepare(connection)
        connection.isolation_level = None  # we begin transactions ourselves
        for pragma in pragmas if read_only else ("journal_mode=WAL", *pragmas):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA query_only={'ON' if read_only else 'OFF'}")
        return cast(DBAPIConnection, connection)

    pool = QueuePool(connected, dialect=dialect)
    engine = Engine(pool, dialect, parsed, execution_options={"compiled_cache": _compiled})

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


@cache
def _dialect() -> Dialect:
    """SQLite's, with what a first connection tells it."""
    engine = create_engine("sqlite://")
    engine.connect().close()
    engine.dispose()
    return engine.dialect
