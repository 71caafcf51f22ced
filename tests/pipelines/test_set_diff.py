"""From one version of a training set to the next: what came, what went, and why."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from catalog import clips, rights
from catalog.errors import NotFound
from pipelines.export import export_set
from pipelines.export.comparing import compare_sets
from pipelines.render import RenderSpec
from tests.pipelines.small_world import MIT, NON_COMMERCIAL, NOW, add_source, make_world, writing

SPEC = RenderSpec(width=32, height=32, fps=10)


@pytest.fixture
def world(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "open", [MIT], seed=2)
    add_source(settings, "ends", [MIT], seed=4)
    add_source(settings, "lab", [NON_COMMERCIAL], seed=6)
    return settings


def export(world, hours=0, **how):
    spec = how.get("spec", SPEC)
    now = NOW + timedelta(hours=hours)
    return export_set("demo", "commercial", world, spec=spec, at_once=0, run_id="t", now=now)


def told(world, before="demo@1", now="demo@2"):
    return {
        (one.source, one.change): (one.clips, one.why)
        for one in compare_sets(world, before, now).changes
    }


def test_each_clip_is_counted_once_with_its_reason(world):
    export(world)
    with writing(world) as session:
        lost = next(one for one in rights.facts_of(session, "ends") if one.kind == "layer")
        rights.end_fact(
            session, lost.fact_id, at=date(2026, 12, 1), kind="taken_down", reason="x", now=NOW
        )
        gone = clips.clips_of(session, "open")[0]
        clips.record_clips(
            session, [clip_filtered(gone)], run_id="t", now=NOW + timedelta(minutes=1)
        )
    add_source(world, "more", [MIT], seed=8, now=NOW + timedelta(minutes=2))
    export(world, hours=1)
    assert told(world) == {
        ("ends", "went"): (3, "undetermined: TAKEDOWN_SIGNAL"),
        ("more", "came"): (3, "not on record when it was made"),
        ("open", "stayed"): (2, ""),
        ("open", "went"): (1, "filtered: black"),
    }
    assert told(world, "demo@2", "demo@1")["ends", "came"] == (3, "undetermined: TAKEDOWN_SIGNAL")
    assert (
        "3 clips came, 4 clips went, 2 clips stayed"
        in compare_sets(world, "demo@1", "demo@2").summary()
    )


def test_other_settings_are_named_with_both_values(world):
    export(world)
    export(world, spec=RenderSpec(width=48, height=32, fps=10))
    found = compare_sets(world, "demo@1", "demo@2")
    assert set(found.settings) == {"render"}
    assert [one["width"] for one in found.settings["render"]] == [32, 48]
    assert {one.change for one in found.changes} == {"stayed"}


def test_a_set_that_is_not_on_record_is_refused(world):
    export(world)
    with pytest.raises(NotFound) as refused:
        compare_sets(world, "demo@1", "demo@7")
    assert refused.value.code == "UNKNOWN_ID"


def clip_filtered(clip):
    return clips.ClipRow(
        clip_id=clip.clip_id, source_id=clip.source_id, episode_id=clip.episode_id,
        start_ns=clip.start_ns, end_ns=clip.end_ns, status="filtered", reason="black",
    )  # fmt: skip
