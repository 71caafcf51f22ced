"""Blast radius at scale: its cost follows what is affected, not what is stored.

1 M clips (10 M with CLEARWAY_BENCH_CLIPS=10000000), 5 k sources, 700 instruments, 4 k shards, 120
runs, 2,400 checkpoints, written straight into the tables, without a log.
"""

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from statistics import median
from typing import Any

import pytest
from sqlalchemy import Table, insert, text
from sqlalchemy.orm import Session

from catalog import schema
from catalog.coverage import cover_of
from catalog.engine import open_catalog, reading, transaction
from catalog.log import document
from catalog.pieces import Piece
from catalog.reach import blast_radius, clip_ids
from tests.catalog.world import NOW

CLIPS = int(os.environ.get("CLEARWAY_BENCH_CLIPS", "1000000"))
SOURCES, PAPERS, SETS, RUNS, POINTS = 5_000, 700, 40, 120, 2_400
SHARDS = 4_000  # one source each: 100 of every set
EACH = CLIPS // SOURCES
STAMP = "2026-11-24T12:00:00.000000Z"
ROUNDS = 9


@pytest.fixture
def url(catalog_url: str) -> str:
    """The address of a new catalog, on each database."""
    return catalog_url


@pytest.mark.benchmark
@pytest.mark.timeout(3_600)
def test_a_loss_is_found_by_what_it_reaches(url: str) -> None:
    begun = time.perf_counter()
    _fill(url)
    found = [f"{CLIPS:,} clips made in {time.perf_counter() - begun:.0f} s"]
    bound = 50 if CLIPS <= 1_000_000 else 100
    with reading(open_catalog(url, read_only=True)) as session:
        for kind, name in (("source", "s7"), ("instrument", "paper-7"), ("party", "giver-7")):
            cover_of(session, kind, name, at=NOW.date())  # the first use of a connection
            covered = _timed(partial(cover_of, session, kind, name, at=NOW.date()))
            pieces = cover_of(session, kind, name, at=NOW.date()).pieces
            spent = _timed(partial(blast_radius, session, pieces))
            reach = blast_radius(session, pieces)
            found.append(
                f"{kind}: resolved {covered:.1f} ms, radius {spent:.1f} ms ({len(pieces)} sources, "
                f"{len(reach.shards)} shards, {len(reach.runs)} runs, {len(reach.points)} "
                "checkpoints)"
            )
            assert reach.points
            assert spent < bound
        half = [Piece(source_id=f"s{number}") for number in range(SOURCES // 2)]
        spent = _timed(lambda: blast_radius(session, half))
        found.append(f"half of all: radius {spent:.1f} ms")
        assert spent < 100  # 2,500 sources with all runs and checkpoints
        wanted = half[: 500_000 // EACH]
        listed = _timed(lambda: clip_ids(session, wanted), rounds=3)
        found.append(f"{len(clip_ids(session, wanted)):,} clip ids listed in {listed:.0f} ms")
        assert listed < 1_000
    print(f"\n{url.split(':')[0]}: " + "; ".join(found))  # noqa: T201


def _timed(act: Callable[[], object], rounds: int = ROUNDS) -> float:
    spent = []
    for _ in range(rounds):
        begun = time.perf_counter()
        act()
        spent.append((time.perf_counter() - begun) * 1_000)
    return median(spent)


def _fill(url: str) -> None:
    with transaction(open_catalog(url)) as session:
        _add(session, schema.sources, _sources())
        _add(session, schema.parties, _parties())
        _add(session, schema.facts, _facts())
        _add(session, schema.ops_mentions, _mentions())
        _add(session, schema.clips, _clips())
        _add(session, schema.shards, _shards())
        _add(session, schema.runs, _runs())
        _add(session, schema.checkpoints, _points())
    engine = open_catalog(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    engine.dispose()


def _add(session: Session, table: Table, rows: Iterator[dict[str, Any]]) -> None:
    while some := list(islice(rows, 20_000)):
        session.execute(insert(table), some)


def _row(seq: int, doc: dict[str, Any], *names: str) -> dict[str, Any]:
    own = {name: doc[name] for name in names}
    return {"seq": seq, **own, "doc": document(doc).decode(), "recorded_at": STAMP}


def _sources() -> Iterator[dict[str, Any]]:
    for number in range(SOURCES):
        doc = {"source_id": f"s{number}", "uri": "x", "modality": "game", "config": {},
               "reader": "auto", "owner": "", "title": "", "attribution": "", "fictional": True,
               "streams": {}}  # fmt: skip
        yield _row(number, doc, "source_id")


def _parties() -> Iterator[dict[str, Any]]:
    for number in range(PAPERS):
        doc = {"party_id": f"giver-{number}", "name": "", "kind": "organisation",
               "jurisdiction": "", "fictional": True}  # fmt: skip
        yield _row(number, doc, "party_id")


def _facts() -> Iterator[dict[str, Any]]:
    for number in range(SOURCES):
        paper = number % PAPERS
        layer = {"layer": "copyright", "signals_captured": True}
        basis = {"type": "contract", "layer_id": f"layer-{number}",
                 "instrument_id": f"paper-{paper}", "licensor": f"giver-{paper}"}  # fmt: skip
        for at, (kind, said) in enumerate((
            ("instrument", {"id": f"paper-{paper}"}), ("layer", layer), ("basis", basis),
        )):  # fmt: skip
            doc = {"fact_id": f"{kind}-{number}", "source_id": f"s{number}", "kind": kind,
                   "valid_from": None, "valid_to": None, "said": said}  # fmt: skip
            names = ("fact_id", "source_id", "kind", "valid_from", "valid_to")
            yield _row(3 * number + at, doc, *names)


def _mentions() -> Iterator[dict[str, Any]]:
    for number in range(SOURCES):
        paper = number % PAPERS
        for role, name, kind in (
            ("instrument", f"paper-{paper}", "instrument"),
            ("instrument", f"paper-{paper}", "basis"),
            ("party", f"giver-{paper}", "basis"),
        ):
            yield {"role": role, "name": name, "subject": f"{kind}-{number}",
                   "source_id": f"s{number}"}  # fmt: skip


def _clips() -> Iterator[dict[str, Any]]:
    for number in range(CLIPS):
        source = number // EACH
        yield {"leaf": source, "clip_id": f"{number:032x}", "source_id": f"s{source}",
               "episode_id": f"{number // 100:032x}", "start_ns": number % 100,
               "end_ns": number % 100 + 1, "status": "kept", "reason": ""}  # fmt: skip


def _shards() -> Iterator[dict[str, Any]]:
    for number in range(SHARDS):
        yield {"leaf": number, "set_id": f"set@{number % SETS}", "shard": number // SETS,
               "source_id": f"s{number}", "num_clips": EACH}  # fmt: skip


def _runs() -> Iterator[dict[str, Any]]:
    for number in range(RUNS):
        doc = {"run_id": f"run-{number}", "set_id": f"set@{number % SETS}",
               "manifest_digest": "", "config": {}, "record": {}, "seed": 0,
               "status": "done"}  # fmt: skip
        yield _row(number, doc, "run_id", "set_id")


def _points() -> Iterator[dict[str, Any]]:
    for number in range(POINTS):
        doc = {"checkpoint_id": f"{number:032x}", "run_id": f"run-{number % RUNS}",
               "step": number // RUNS, "path": "", "digest": "", "metrics": {}}  # fmt: skip
        yield _row(number, doc, "checkpoint_id", "run_id", "step")
