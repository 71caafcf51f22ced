"""How fast the pages of the console are at 5,000 sources and 1 M clips; run with `-m benchmark`.

The record is made by the functions that stations use, cleared by the station, and read by the
console on SQLite. Of each page the first answer after something was recorded is timed, whose sums
are made anew, and the median of those that follow.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from statistics import median

import pytest

from catalog import clips, files, parties, quarantine, requests, rights, sources
from catalog.decisions import decisions
from catalog.engine import open_catalog, reading, transaction
from pipelines.clear import clear
from pipelines.console.app import console
from pipelines.keys import make_keys
from pipelines.settings import Settings
from tests.builders import ALL_SETTLED
from tests.catalogs import new_catalog
from tests.licensing.notation import layers_of
from tests.licensing.test_decide import golden_rows
from tests.pipelines.console.conftest import client_of
from tests.pipelines.small_world import COMMERCIAL, contract

SOURCES = int(os.environ.get("CLEARWAY_BENCH_SOURCES", "5000"))
CLIPS_EACH, PARTIES, AT_ONCE = 200, 700, 250
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SECOND = 1_000_000_000
ROUNDS = 9
BOUND_MS = 200


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    """A home with the whole corpus on record and decided."""
    home = tmp_path_factory.mktemp("bench")
    made = Settings(home=home, catalog_url=f"sqlite:///{home}/c.sqlite", lake=str(home / "lake"))
    new_catalog(made.catalog_url)
    make_keys(made)
    with transaction(open_catalog(made.catalog_url)) as session:
        requests.save_request(session, "commercial", COMMERCIAL, now=NOW)
        for number in range(PARTIES):
            party = parties.Party(party_id=f"giver-{number}", name=f"Giver {number}")
            parties.register_party(session, party, now=NOW)
    for first in range(0, SOURCES, AT_ONCE):
        with transaction(open_catalog(made.catalog_url)) as session:
            for number in range(first, min(first + AT_ONCE, SOURCES)):
                _add_source(session, number)
    clear("commercial", made, now=NOW, run_id="bench")
    return made


@pytest.mark.benchmark
@pytest.mark.timeout(3_600)
def test_no_page_takes_longer_than_it_may(settings):
    hour = NOW + timedelta(hours=1)
    client = client_of(settings, site=console(settings, clock=lambda: hour), now=hour)
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        decision = decisions(session)[SOURCES // 2].decision_id
    source = f"source-{SOURCES // 2:05d}"
    after = client.get("/sources").text.partition("sources.after=")[2].partition("#")[0]
    pages = (
        "/", "/sources", f"/sources?sources.after={after}", "/sources?verdict=deny",
        "/sources?q=source-049", "/parties", "/parties/giver-7", "/quarantine",
        f"/sources/{source}", f"/decisions/{decision}",
    )  # fmt: skip
    slow = []
    for number, address in enumerate(pages):
        _record_something(settings, number)
        first = _timed(client, address)
        spent = median(_timed(client, address) for _ in range(ROUNDS))
        print(f"  {address}: first {first:.0f} ms, then {spent:.1f} ms")  # noqa: T201
        if spent >= BOUND_MS:
            slow.append(address)
    assert not slow


def _timed(client, address):
    begun = time.perf_counter()
    answer = client.get(address)
    spent = (time.perf_counter() - begun) * 1_000
    assert answer.status_code == 200, answer.text
    return spent


def _record_something(settings, number):
    with transaction(open_catalog(settings.catalog_url)) as session:
        party = parties.Party(party_id=f"late-{number}", name="x")
        parties.register_party(session, party, now=NOW + timedelta(minutes=number + 1))


def _add_source(session, number):
    name, rows = f"source-{number:05d}", golden_rows()
    source = sources.Source(
        source_id=name, uri=f"/recordings/{name}", owner=f"giver-{number % PARTIES}",
        modality=("game", "video", "robot")[number % 3], title=f"Recordings {number}",
    )  # fmt: skip
    sources.register_source(session, source, now=NOW)
    layers = layers_of(rows[number % len(rows)]["layers"])
    if number % 50 == 0:
        layers = [*layers, contract(end=str((NOW + timedelta(days=number % 89 + 1)).date()))]
    for layer in layers:
        rights.attach_layer(session, name, layer, now=NOW)
    rights.attach(session, name, "settled", ALL_SETTLED, now=NOW)
    path = f"{name}.mp4"
    entry = files.FileEntry(
        source_id=name, path=path, sha256=f"{number:064x}", size_bytes=9, status="ingested",
        duration_ns=600 * SECOND,
    )  # fmt: skip
    files.record_files(session, [entry], run_id="bench", now=NOW)
    if number % 100 == 0:
        held = quarantine.QuarantineEntry(
            source_id=name, path=f"broken-{path}", sha256=f"{number:064x}", reason="UNREADABLE"
        )
        quarantine.record_quarantine(session, [held], run_id="bench", now=NOW)
    episode = clips.EpisodeRow(
        episode_id=f"{name}-0", source_id=name, files=(f"{number:064x}",),
        streams=({"name": "video", "kind": "video"},), start_ns=0, end_ns=600 * SECOND,
        reader="video@1",
    )  # fmt: skip
    clips.record_episodes(session, [episode], run_id="bench", now=NOW)
    windows = [
        clips.ClipRow(
            clip_id=f"{name}-{at:04d}", source_id=name, episode_id=f"{name}-0",
            start_ns=3 * at * SECOND, end_ns=(3 * at + 2) * SECOND,
        )
        for at in range(CLIPS_EACH)
    ]  # fmt: skip
    clips.record_clips(session, windows, run_id="bench", now=NOW)
