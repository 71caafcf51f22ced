"""A new catalog for each test of a document."""

import pytest

from catalog.engine import open_catalog, transaction
from tests.catalogs import new_catalog


@pytest.fixture
def session(tmp_path):
    """A transaction on a new SQLite catalog."""
    url = f"sqlite:///{tmp_path}/catalog.sqlite"
    new_catalog(url)
    with transaction(open_catalog(url)) as opened:
        yield opened
