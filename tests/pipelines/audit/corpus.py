"""A corpus of decisions by chance: sources with the layers of the golden table, changed day by day.

Each day some facts end, some are added, sources are described anew, copies are found or void; then
every request is decided. After the last day all of that goes on for a while, undecided.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from catalog import clips, duplicates, files, requests, rights, sources
from catalog.engine import open_catalog, transaction
from pipelines.clear import clear
from pipelines.keys import make_keys
from pipelines.settings import Settings
from tests.builders import ALL_SETTLED
from tests.licensing.notation import layers_of, request_of
from tests.licensing.test_decide import golden_rows

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

START = datetime(2026, 6, 1, 12, tzinfo=UTC)
MODALITIES = ("video", "game", "robot", "sensor", "synthetic")
MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is decided: at least sources x requests x days decisions."""

    sources: int
    requests: int
    days: int


def make_corpus(folder: Path, url: str, size: Size, *, seed: int) -> Settings:
    """Record and decide a corpus in a catalog that is migrated; the same for the same seed."""
    settings = Settings(home=folder, catalog_url=url, lake=str(folder / "lake"))
    make_keys(settings)
    chance, rows = random.Random(seed), golden_rows()
    names = [f"source-{number:04d}" for number in range(size.sources)]
    with transaction(open_catalog(url)) as session:
        for name in names:
            _add_source(session, name, chance)
        for number, text in enumerate(chance.sample(_requests(rows), size.requests)):
            requests.save_request(session, f"use-{number}", request_of(text), now=START)
    for day in range(size.days + 1):
        now = START + timedelta(days=day)
        for _ in range(max(1, size.sources // 4)):
            with transaction(open_catalog(url)) as session:
                _change(session, names, chance, now=now)
        if day < size.days:
            for number in range(size.requests):
                clear(f"use-{number}", settings, now=now, run_id=f"clear-{day}")
    return settings


def _requests(rows: list[dict[str, str]]) -> list[str]:
    """The requests of the golden table that state no day of their own."""
    texts = {row["request"] for row in rows}
    return sorted(one for one in texts if " at=" not in one and " known=" not in one)


def _add_source(session: Session, name: str, chance: random.Random) -> None:
    _describe(session, name, chance, now=START)
    _claim(session, name, chance, now=START)
    if chance.random() < 0.5:
        rights.attach(session, name, "settled", ALL_SETTLED, now=START)
    if chance.random() < 0.1:
        return  # nothing was recorded yet: all that is said of the source decides
    sha256 = f"bytes-{chance.randrange(1_000)}"
    entry = files.FileEntry(
        source_id=name, path="a.mp4", sha256=sha256, size_bytes=1, status="ingested"
    )
    files.record_files(session, [entry], run_id="ingest", now=START)
    episode = clips.EpisodeRow(
        episode_id=f"{name}-episode",
        source_id=name,
        files=(sha256,),
        streams=({"name": "picture", "kind": "video"}, {"name": "pad", "kind": "vector"}),
        start_ns=0,
        end_ns=MINUTE_NS,
        reader="video@1",
    )
    clips.record_episodes(session, [episode], run_id="ingest", now=START)


def _change(session: Session, names: list[str], chance: random.Random, *, now: datetime) -> None:
    name = chance.choice(names)
    acts = (_describe, _claim, _end, _copy, _settle)
    chance.choice(acts)(session, name, chance, now=now)


def _describe(session: Session, name: str, chance: random.Random, *, now: datetime) -> None:
    source = sources.Source(
        source_id=name,
        uri=f"/recordings/{name}",
        modality=chance.choice(MODALITIES),
        streams={"pad": "action"} if chance.random() < 0.8 else {},
    )
    sources.register_source(session, source, now=now)


def _claim(session: Session, name: str, chance: random.Random, *, now: datetime) -> None:
    for layer in layers_of(chance.choice(golden_rows())["layers"]):
        rights.attach_layer(session, name, layer, now=now)


def _settle(session: Session, name: str, chance: random.Random, *, now: datetime) -> None:
    heading = chance.choice(sorted(ALL_SETTLED))
    rights.attach(session, name, "settled", {heading: ALL_SETTLED[heading]}, now=now)


def _end(session: Session, name: str, chance: random.Random, *, now: datetime) -> None:
    facts = rights.facts_of(session, name)
    if not facts:
        return
    fact, kind = chance.choice(facts), chance.choice(rights.ENDS)
    day = now.date() + timedelta(days=chance.randint(-30, 30))
    rights.end_fact(session, fact.fact_id, at=day, kind=kind, reason="by chance", now=now)


def _copy(session: Session, name: str, chance: random.Random, *, now: datetime) -> None:
    other = chance.choice([one.source_id for one in sources.sources(session)])
    if other == name:
        return
    one, two = (
        duplicates.Place(source_id=each, episode_id=f"{each}-episode", start_ns=0, end_ns=MINUTE_NS)
        for each in (name, other)
    )
    pair = duplicates.Pair(one=one, other=two, kind=chance.choice(duplicates.COPIES))
    duplicates.record_pairs(session, [pair], now=now)
