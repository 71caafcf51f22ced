"""Catalogs to test on: a new SQLite file, and a new database of a PostgreSQL server."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from catalog.engine import migrate, open_catalog, transaction

HOW = "no PostgreSQL: set CLEARWAY_TEST_POSTGRES_URL=postgresql+psycopg://user@host:port/database"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty catalog to copy from: a migration costs more than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "catalog.sqlite"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def fresh(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Make one more empty catalog: for tests that need one an example."""

    def copy() -> str:
        path = tmp_path_factory.mktemp("fresh") / "catalog.sqlite"
        shutil.copy(migrated, path)
        return f"sqlite:///{path}"

    return copy


@pytest.fixture
def sqlite(migrated: Path, tmp_path: Path) -> str:
    """The address of a new catalog in a file."""
    shutil.copy(migrated, tmp_path / "catalog.sqlite")
    return f"sqlite:///{tmp_path}/catalog.sqlite"


@pytest.fixture
def empty_postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a new, empty database."""
    server = os.environ.get("CLEARWAY_TEST_POSTGRES_URL")
    if not server:
        if os.environ.get("CLEARWAY_REQUIRE_SERVICES") == "1":
            pytest.fail(HOW)
        pytest.skip(HOW)
    name = f"clearway_{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def postgres(empty_postgres: str) -> str:
    """The address of a new catalog in PostgreSQL."""
    migrate(empty_postgres)
    return empty_postgres


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str:
    """The address of a new catalog, on each database."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def session(sqlite: str) -> Iterator[Session]:
    """A transaction on a new SQLite catalog."""
    with transaction(open_catalog(sqlite)) as opened:
        yield opened


@pytest.fixture
def each_session(url: str) -> Iterator[Session]:
    """A transaction on a new catalog, on each database."""
    with transaction(open_catalog(url)) as opened:
        yield opened
