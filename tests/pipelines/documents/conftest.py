"""A new catalog for each test of a document."""

import pytest

from catalog.engine import migrate, open_catalog, transaction


@pytest.fixture
def session(tmp_path):
    """A transaction on a new SQLite catalog."""
    url = f"sqlite:///{tmp_path}/catalog.sqlite"
    migrate(url)
    with transaction(open_catalog(url)) as opened:
        yield opened
