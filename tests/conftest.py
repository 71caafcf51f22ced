"""Fixtures that more than one package's tests use."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from pipelines.settings import KNOWN

GOLDEN = Path(__file__).parent / "golden"
HOW = "no PostgreSQL: set CLEARWAY_TEST_POSTGRES_URL=postgresql+psycopg://user@host:port/database"

settings.register_profile("dev", deadline=None)  # a shared machine breaks deadlines
settings.register_profile("deep", deadline=None, max_examples=5_000)
if not os.environ.get("CI"):  # under CI Hypothesis loads its own "ci": derandomised, no deadline
    settings.load_profile("dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="rewrite the golden files")


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


@pytest.fixture(params=["sqlite", "postgres"])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a catalog that is not there yet, on each database; `migrate` makes it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/catalog.sqlite"
    return str(request.getfixturevalue("empty_postgres"))
