"""Sources and training sets as partitions, and what of them the catalog says."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

SOURCES = dg.DynamicPartitionsDefinition(name="source")
TRAINING_SETS = dg.DynamicPartitionsDefinition(name="training_set")

rights_register = dg.AssetSpec(
    "rights_register",
    group_name="rights",
    kinds={"sql"},
    owners=["team:legal"],
    description="Parties, sources, agreements, consents and signals on record in the catalog."
    " People write it with `clearway source add` and `clearway rights attach`.",
)


@contextmanager
def catalog_read(settings: Settings) -> "Iterator[Session]":
    """A session that cannot write, for sensors and checks."""
    from catalog.engine import open_catalog, reading

    engine = open_catalog(settings.catalog_url, read_only=True)
    try:
        with reading(engine) as session:
            yield session
    finally:
        engine.dispose()


def source_ids(settings: Settings) -> tuple[str, ...]:
    """Every registered source."""
    from catalog.sources import sources

    with catalog_read(settings) as session:
        return tuple(one.source_id for one in sources(session))


def watched_places(settings: Settings) -> dict[str, str]:
    """The folder or bucket of every source that is taken up by itself when files arrive in it.

    Not those of which something was revoked: a person decides there.
    """
    from catalog.covered import pieces_of
    from catalog.rights import revocations
    from catalog.sources import sources

    with catalog_read(settings) as session:
        ended = {piece.source_id for one in revocations(session) for piece in pieces_of(one)}
        every = {one.source_id: one.uri for one in sources(session)}
    return {key: uri for key, uri in every.items() if key not in ended}


def left_half_way(settings: Settings) -> dict[str, str]:
    """The sources that a killed run left half-way and nobody holds now, with how they stand."""
    from catalog.engine import is_locked, open_catalog
    from catalog.versions import left_open

    with catalog_read(settings) as session:
        found = left_open(session)
    watched, engine = watched_places(settings), open_catalog(settings.catalog_url)
    return {
        key: how
        for key, how in found.items()
        if key in watched and not is_locked(engine, key, settings.locks_dir)
    }


def without_facts(source_ids: list[str], settings: Settings, *, known: datetime) -> list[str]:
    """Those of `source_ids` about whose rights nothing is on record."""
    from catalog.rights import layers_of

    with catalog_read(settings) as session:
        return [one for one in source_ids if not layers_of(session, one, known=known)]
