"""What an export costs: beside a bare decode-resize-encode loop, and again after a revocation."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

import av
import pytest

from catalog import rights
from catalog.parties import Party, register_party
from pipelines.cut import cut
from pipelines.export import export_set
from pipelines.ingest.station import ingest
from pipelines.keys import make_keys
from pipelines.render import RenderSpec, encode
from pipelines.revocations import publish_revocations
from tests.benchmarks.test_ingest import film, in_turns, shown
from tests.builders import ALL_SETTLED
from tests.pipelines.places import a_home, a_source
from tests.pipelines.small_world import COMMERCIAL, MIT, NOW, add_source, make_world, writing

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1_800)]
SOURCES, SECONDS = 50, 60
FILMS, FRAMES = 4, 1_500  # 200 s of pictures
SPEC = RenderSpec(width=256, height=256, fps=10)


def test_after_one_of_fifty_sources_is_revoked(tmp_path):
    world = make_world(tmp_path)
    for number in range(SOURCES):
        add_source(world, f"s{number:02}", [MIT], seconds=SECONDS, seed=number)
    first, spent = timed(world)
    with writing(world) as session:
        lost = next(one for one in rights.facts_of(session, "s07") if one.kind == "layer")
        rights.end_fact(
            session, lost.fact_id, at=date(2026, 12, 1), kind="taken_down", reason="x", now=NOW
        )
    again, spent_again = timed(world, now=NOW + timedelta(hours=1))

    print(f"\nfirst export {spent:.1f} s, {first.num_clips} clips; again {spent_again:.2f} s "  # noqa: T201
          f"({spent_again / spent:.1%}), {again.shards_reused} shards taken over")  # fmt: skip
    assert (len(first.sources), len(again.sources)) == (SOURCES, SOURCES - 1)
    assert again.shards_reused == SOURCES - 1
    assert spent_again < spent * 0.05


def timed(world, now=NOW):
    start = time.perf_counter()
    done = export_set(
        "demo", "commercial", world, spec=SPEC, at_once=0, run_id="bench", now=now
    )  # fmt: skip
    return done, time.perf_counter() - start


def test_rendering_beside_a_bare_loop_that_decodes_resizes_and_encodes(tmp_path):
    folder = tmp_path / "films"
    for number in range(FILMS):
        film(folder / f"{number}.mp4", frames=FRAMES, size=(640, 360), seed=number)
    home = brought_in(folder, tmp_path / "home")
    spec = RenderSpec(width=256, height=256, fps=30)
    clips: list[int] = []

    def ours() -> float:
        start = time.perf_counter()
        done = export_set(
            f"s{time.perf_counter_ns()}", COMMERCIAL, home, spec=spec, at_once=0, run_id="bench",
            now=datetime.now(UTC),
        )  # fmt: skip
        clips.append(done.num_frames)
        return time.perf_counter() - start

    def bare() -> float:
        start = time.perf_counter()
        for path in sorted(folder.iterdir()):
            with av.open(str(path)) as source:
                source.streams.video[0].thread_count = 1
                frames = (
                    one.reformat(256, 256, "yuv420p", interpolation="AREA", threads=1)
                    for one in source.decode(video=0)
                )
                encode(frames, spec)
        return time.perf_counter() - start

    medians = in_turns({"clearway": ours, "bare PyAV loop": bare})
    rate = (clips[-1] / medians["clearway"]) / (FILMS * FRAMES / medians["bare PyAV loop"])
    shown(medians, {})
    print(f"\n{clips[-1]} of {FILMS * FRAMES} pictures; throughput {rate:.2f} of the loop's")  # noqa: T201
    assert rate >= 0.8


def brought_in(films, home):
    settings, now = a_home(home), datetime.now(UTC)
    make_keys(settings)
    publish_revocations(settings, now=now)
    a_source(settings, films, config={})
    assert ingest("demo", settings, at_once=0, run_id="r", now=now).num_ingested == FILMS
    cut("demo", settings, run_id="r", now=now)
    with writing(settings) as session:
        rights.attach_layer(session, "demo", MIT, now=now)
        rights.attach(session, "demo", "settled", ALL_SETTLED, now=now)
        party = Party(party_id="operator", name="World Lab")
        register_party(session, party, now=now)
    return settings
