"""Fixtures that more than one package's tests use."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from pipelines.settings import KNOWN
from tests.catalogs import new_catalog

GOLDEN = Path(__file__).parent / "golden"
HOW = "no PostgreSQL: set CLEARWAY_TEST_POSTGRES_URL=postgresql+psycopg://user@host:port/database"

LONG_FILES = (  # below this folder, by how their names begin, the longest first
    "end_to_end/test_story", "end_to_end/test_demo.py", "end_to_end/test_dagster_server",
    "end_to_end/test_readme", "end_to_end/", "training/test_distributed", "pipelines/test_workers",
    "pipelines/test_ingest", "pipelines/test_writers_at_once", "training/test_sharded",
    "pipelines/test_tamper", "pipelines/test_revoke_kill", "pipelines/console/test_crawl",
    "pipelines/console/api/test_described", "pipelines/console/api/test_events",
    "pipelines/defs/test_launch", "training/test_failures", "training/test_adapter_ranks",
    "pipelines/assess/", "pipelines/look/", "pipelines/audit/", "training/",
)  # fmt: skip

settings.register_profile("dev", deadline=None)  # a shared machine breaks deadlines
settings.register_profile("deep", deadline=None, max_examples=5_000)
if not os.environ.get("CI"):  # under CI Hypothesis loads its own "ci": derandomised, no deadline
    settings.load_profile("dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="rewrite the golden files")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, then folder by folder, small ones last: all workers end together.

    Files of a folder share what is made once for a package. It sorts after pytest-randomly, whose
    order of the tests in a file stays.
    """
    counts = Counter(item.path for item in items)
    folders = Counter(item.path.parent for item in items)

    def place(item: pytest.Item) -> tuple[int, int, int, str]:
        name = str(item.path.relative_to(GOLDEN.parent))
        at = next((k for k, one in enumerate(LONG_FILES) if name.startswith(one)), len(LONG_FILES))
        return at, -folders[item.path.parent], -counts[item.path], name

    items.sort(key=place)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of the shell that runs it."""
    for name in KNOWN.values():
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the file of that name under tests/golden."""

    def check(name: str, got: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--write-golden"):
            path.write_text(got, encoding="utf-8")
        assert got == path.read_text(encoding="utf-8")

    return check


@pytest.fixture(scope="session")
def postgres_server() -> str:
    """The address of a database of the PostgreSQL server that the tests may use."""
    server = os.environ.get("CLEARWAY_TEST_POSTGRES_URL")
    if not server:
        if os.environ.get("CLEARWAY_REQUIRE_SERVICES") == "1":
            pytest.fail(HOW)
        pytest.skip(HOW)
    return server


@pytest.fixture(scope="session")
def migrated_postgres(postgres_server: str) -> Iterator[str]:
    """The name of an empty catalog to copy from, of this process."""
    name = f"clearway_migrated_{os.getpid()}"
    with _database(postgres_server, name) as url:
        new_catalog(url)
        yield name


@pytest.fixture
def empty_postgres(request: pytest.FixtureRequest, postgres_server: str) -> Iterator[str]:
    """The address of a new, empty database."""
    with _database(postgres_server, _name_of(request)) as url:
        yield url


@pytest.fixture
def postgres(
    request: pytest.FixtureRequest, postgres_server: str, migrated_postgres: str
) -> Iterator[str]:
    """The address of a new catalog in PostgreSQL."""
    with _database(postgres_server, _name_of(request), template=migrated_postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new catalog, on each database."""
    if request.param == "sqlite":
        return new_catalog(f"sqlite:///{tmp_path}/catalog.sqlite")
    return str(request.getfixturevalue("postgres"))


@contextmanager
def _database(server: str, name: str, *, template: str = "template1") -> Iterator[str]:
    admin = create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    yield make_url(server).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def _name_of(request: pytest.FixtureRequest) -> str:
    """The name of the database of one test."""
    return f"clearway_{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"
