"""A home with small real sources, as `clearway init` and `source add` leave it."""

import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime

from catalog import requests, rights
from catalog.engine import open_catalog, transaction
from catalog.parties import OPERATOR, Party, register_party
from catalog.sources import Source, register_source
from pipelines.cli.ui import environment, write_dagster_home
from pipelines.keys import make_keys
from pipelines.revocations import publish_revocations
from tests.builders import ALL_SETTLED
from tests.pipelines.places import EVENTS_CONFIG, a_home, events, film
from tests.pipelines.small_world import COMMERCIAL, MIT, NON_COMMERCIAL

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)  # before any clock that runs these tests
STREAMS = {"video": "video", "action": "action", "state": "state", "events": "event"}


def initialised(folder):
    """A home with catalog, keys, an empty revocation list and one request."""
    settings = a_home(folder)
    make_keys(settings)
    publish_revocations(settings, now=NOW)
    with writing(settings) as session:
        requests.save_request(session, "commercial", COMMERCIAL, now=NOW)
        register_party(session, Party(party_id=OPERATOR, name="World Lab"), now=NOW)
    return settings


def writing(settings):
    """A transaction on the catalog."""
    return transaction(open_catalog(settings.catalog_url))


def add_sources(settings, folder, names, *, layers=(MIT,)):
    """Register a source per name: a film, its log, and something that cannot be read.

    No two names share bytes: sources that do are cleared together.
    """
    for name in names:
        number = sum(name.encode()) % 97
        where = folder / name
        film(where / "take.mp4", seed=number, frames=60)
        events(where / "take.jsonl", rows=60, seed=number)
        (where / "broken.mp4").write_bytes(b"no film")
        described = Source(
            source_id=name, uri=str(where), modality="game", streams=STREAMS, config=EVENTS_CONFIG
        )
        with writing(settings) as session:
            register_source(session, described, now=NOW)
            for layer in layers:
                rights.attach_layer(session, name, layer, now=NOW)
            rights.attach(session, name, "settled", ALL_SETTLED, now=NOW)


def revoke(settings, source_id):
    """Put on record that a source was revoked."""
    row = rights.Revocation(
        revocation_id=f"r-{source_id}",
        subject_kind="source",
        subject_id=source_id,
        reason="breach",
        at=NOW.date(),
        recorded_at=NOW,
    )
    with writing(settings) as session:
        rights.record_revocation(session, row, now=NOW)


@contextmanager
def launched_here(settings, source_id):
    """A process that runs the job `prepare` of a source without Ray, its lines on stdout."""
    home = write_dagster_home(settings)
    command = [sys.executable, "-m", "pipelines.defs.launch", "--job", "prepare"]
    command += ["--partitions", source_id, "--config", '{"streams": {"at_once": 0}}']
    with (
        (home / "launch.log").open("wb") as log,
        subprocess.Popen(
            command, env=environment(settings), stdout=subprocess.PIPE, stderr=log, text=True
        ) as launched,
    ):
        yield launched


__all__ = [
    "MIT",
    "NON_COMMERCIAL",
    "NOW",
    "add_sources",
    "initialised",
    "launched_here",
    "revoke",
    "writing",
]
