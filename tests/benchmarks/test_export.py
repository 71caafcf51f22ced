"""What an export costs: beside a bare decode-resize-encode loop, and again after a revocation."""

from __future__ import annotations

import time
from datetime import date, timedelta

import pytest

from catalog import rights
from pipelines.export import export_set
from pipelines.render import RenderSpec
from tests.pipelines.small_world import MIT, NOW, add_source, make_world, writing

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1_800)]
SOURCES, SECONDS = 50, 60
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
