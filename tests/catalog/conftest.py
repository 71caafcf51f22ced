"""Catalogs to test on: a new SQLite file, and a new database of a PostgreSQL server."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from catalog.engine import open_catalog, transaction
from tests.catalogs import new_catalog


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty catalog to copy from: a migration costs more than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "catalog.sqlite"
    new_catalog(f"sqlite:///{path}")
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
