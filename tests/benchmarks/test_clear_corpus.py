"""How fast a corpus of 1,000,000 parts under 1,000 rights keys is cleared; run with `-m benchmark`.

1,000 sources with the layers of `tests/golden/decisions.csv` in turn; each holds 1,000 episodes of
a minute, one part each, with a clip in each. Seconds are printed, for SQLite and for PostgreSQL.
What is asserted is a ratio: clearing by key against deciding a sample part by part.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from catalog import clips, parts, rights, sources
from catalog.decisions import decisions
from catalog.engine import open_catalog, reading, transaction
from licensing.decide import decide
from licensing.facts import decision_doc, read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook
from pipelines.clear import clear, keying, worklist
from pipelines.clear.deciding import decide_sources
from pipelines.keys import make_keys
from pipelines.settings import Settings
from tests.builders import ALL_SETTLED
from tests.licensing.notation import layers_of, request_of
from tests.licensing.test_decide import golden_rows

SOURCES, EPISODES, SAMPLE = 1_000, 1_000, 1_000
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
REQUEST = request_of("train_generative commercial=yes release=api territory=WORLD")
SECOND = 1_000_000_000


@pytest.fixture
def settings(tmp_path, catalog_url):
    """A catalog with the whole corpus on record, not keyed yet."""
    url = catalog_url
    for number in range(SOURCES):
        with transaction(open_catalog(url)) as session:
            _add_source(session, number)
    settings = Settings(home=tmp_path, catalog_url=url, lake=str(tmp_path / "lake"))
    make_keys(settings)  # `clear` signs the head of the log
    return settings


@pytest.mark.benchmark
@pytest.mark.timeout(3_600)
def test_a_million_parts_are_cleared(settings, request):
    print(f"\n{request.node.callspec.id}: {SOURCES:,} keys, {SOURCES * EPISODES:,} parts")  # noqa: T201
    with _timed("keying, once"), transaction(open_catalog(settings.catalog_url)) as session:
        keying.key_sources(session, parts.unkeyed(session), run_id="bench", now=NOW)
    with _timed("clear") as whole:
        done = clear(REQUEST, settings, now=NOW, run_id="bench")
    with _timed("clear again, nothing new"):
        clear(REQUEST, settings, now=NOW, run_id="bench")
    with _timed("worklist"):
        assert worklist(done)
    assert sum(part.num_parts for part in done.parts) == SOURCES * EPISODES
    assert len({part.rights_key for part in done.parts}) == SOURCES
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        assert len(decisions(session)) == SOURCES
        with _timed("  of it: is every source keyed?"):
            assert not parts.unkeyed(session)
        with _timed("  of it: read the keys"):
            keys = {key for one in parts.keyings(session).values() for key in one.keys}
            parts.layers_under(session, keys)
        with _timed("  of it: read the facts"):
            rights.asked_by_source(session, known=None)
        with _timed("  of it: read and decide"):
            decide_sources(session, read_request(done.parts[0].doc["proof"]["request"]), known=None)
    one_by_one = _decide_each(done.parts[:SAMPLE]) * SOURCES * EPISODES / SAMPLE
    print(f"  part by part {one_by_one:.0f} s, {one_by_one / whole[0]:.0f} times as long")  # noqa: T201
    assert one_by_one / whole[0] > 10


def _add_source(session, number):
    name = f"source-{number:04d}"
    rows = golden_rows()
    source = sources.Source(source_id=name, uri=f"/recordings/{name}", modality="game")
    sources.register_source(session, source, now=NOW)
    for layer in layers_of(rows[number % len(rows)]["layers"]):
        rights.attach_layer(session, name, layer, now=NOW)
    rights.attach(session, name, "settled", ALL_SETTLED, now=NOW)
    episodes = [
        clips.EpisodeRow(
            episode_id=f"{name}-{at:04d}",
            source_id=name,
            files=(f"{name}-bytes",),
            streams=({"name": "video", "kind": "video"},),
            start_ns=0,
            end_ns=60 * SECOND,
            reader="video@1",
        )
        for at in range(EPISODES)
    ]
    clips.record_episodes(session, episodes, run_id="bench", now=NOW)
    windows = [
        clips.ClipRow(
            clip_id=f"{one.episode_id}-0",
            source_id=name,
            episode_id=one.episode_id,
            start_ns=0,
            end_ns=2 * SECOND,
        )
        for one in episodes
    ]
    clips.record_clips(session, windows, run_id="bench", now=NOW)


def _decide_each(sample):
    book = load_rulebook()
    proofs = [part.doc["proof"] for part in sample]
    start = time.perf_counter()
    for proof in proofs:
        layers = read_layers([layer["facts"] for layer in proof["layers"]])
        decision_doc(decide(layers, read_request(proof["request"]), book))
    return time.perf_counter() - start


@contextmanager
def _timed(what: str) -> Iterator[list[float]]:
    spent: list[float] = []
    start = time.perf_counter()
    yield spent
    spent.append(time.perf_counter() - start)
    print(f"  {what}: {spent[0]:.3f} s")  # noqa: T201
