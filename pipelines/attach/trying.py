"""The session of an act: a transaction, or for a dry run one that cannot write."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from catalog.engine import open_catalog, reading, transaction

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipelines.settings import Settings


@contextmanager
def acting(settings: Settings, *, dry_run: bool) -> Iterator[Session]:
    """Open the catalog for one act; with `dry_run` whatever would be written is refused."""
    if dry_run:
        with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
            yield session
    else:
        with transaction(open_catalog(settings.catalog_url)) as session:
            yield session
