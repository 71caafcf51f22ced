"""Fixtures that more than one package's tests use."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

GOLDEN = Path(__file__).parent / "golden"

settings.register_profile("dev", deadline=None)  # a shared machine breaks deadlines
settings.register_profile("deep", deadline=None, max_examples=5_000)
if not os.environ.get("CI"):  # under CI Hypothesis loads its own "ci": derandomised, no deadline
    settings.load_profile("dev")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="rewrite the golden files")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the settings of the shell that runs it."""
    for name in ("CLEARWAY_HOME", "CLEARWAY_CATALOG_URL", "CLEARWAY_LAKE", "RAY_ADDRESS"):
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
