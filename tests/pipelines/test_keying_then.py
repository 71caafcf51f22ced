"""What is asked about an instant that is past knows nothing of what was recorded since."""

from __future__ import annotations

from datetime import timedelta

import pytest

from catalog import clips, duplicates, files, log, parts, rights, sources
from catalog.clips import ClipRow
from catalog.duplicates import Pair, Place
from pipelines.clear import clear
from pipelines.clear.keying import key_sources
from tests.builders import ALL_SETTLED
from tests.pipelines.small_world import (
    MIT,
    NON_COMMERCIAL,
    NOW,
    SECOND,
    add_source,
    looking,
    make_world,
    writing,
)

LATER = NOW + timedelta(hours=2)


@pytest.fixture
def world(tmp_path, catalog_url):
    """A home with its catalog on each database, and two sources under different terms."""
    settings = make_world(tmp_path, catalog_url=catalog_url)
    add_source(settings, "open", [MIT])
    add_source(settings, "lab", [NON_COMMERCIAL], seed=5)
    return settings


def said(world, **how):
    """What is decided about each source: verdict, keys, clips."""
    done = clear("commercial", world, now=LATER, run_id="test", **how)
    return {
        one.source: (one.verdict, sorted(part.rights_key for part in one.parts), one.num_clips)
        for one in done.rows
    }


def same_recording(session, kind="near"):
    places = (
        Place(source_id=name, episode_id=episode, start_ns=0, end_ns=SECOND)
        for name in ("open", "lab")
        for episode in [clips.episodes_of(session, name)[0].episode_id]
    )
    pair = Pair(one=next(places), other=next(places), kind=kind)
    duplicates.record_pairs(session, [pair], now=LATER)


def same_bytes(session):
    (episode,) = clips.episodes_of(session, "open")
    entry = files.FileEntry(
        source_id="lab", path="b.mp4", sha256=episode.files[0], size_bytes=1, status="found"
    )
    files.record_files(session, [entry], run_id="scan", now=LATER)


def another_clip(session):
    (episode,) = clips.episodes_of(session, "open")
    clip = ClipRow(
        clip_id="later", source_id="open", episode_id=episode.episode_id, start_ns=0, end_ns=SECOND
    )
    clips.record_clips(session, [clip], run_id="cut", now=LATER)


def another_modality(session):
    source = sources.Source(source_id="open", uri="/elsewhere", modality="robot")
    sources.register_source(session, source, now=LATER)


def another_layer(session):
    rights.attach_layer(session, "open", {**NON_COMMERCIAL, "part": "music"}, now=LATER)


CHANGES = [same_recording, same_bytes, another_clip, another_modality, another_layer]


@pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("keyed", [True, False], ids=["keyed", "unkeyed"])
def test_what_was_recorded_since_changes_nothing_then(world, change, keyed):
    if keyed:  # else nobody asked before it came, and what was keyed then is worked out now
        said(world)
    with looking(world) as session:
        known = NOW + timedelta(hours=1)
        size = log.size_at(session, known)
    with writing(world) as session:
        change(session)

    then, now = said(world, known=known), said(world)

    assert size
    assert then["open"][0] == "permit"
    assert now != then
    assert said(world, known=known) == then


def test_a_copy_that_was_voided_since_is_one_then(world):
    with writing(world) as session:
        same_recording(session)
        key_sources(session, parts.unkeyed(session), run_id="test", now=LATER)
        known = log.instant(session, LATER)
    with writing(world) as session:
        for fact in [one for name in ("open", "lab") for one in rights.facts_of(session, name)]:
            if fact.kind == duplicates.KIND:
                rights.end_fact(
                    session, fact.fact_id, at=NOW.date(), kind="void", reason="seen", now=LATER
                )

    assert said(world, known=known)["open"][0] == "deny"
    assert said(world)["open"][0] == "permit"


def test_a_source_that_was_registered_since_is_not_there_then(world):
    add_source(world, "late", [MIT], seed=9, now=LATER)

    assert "late" in said(world)
    assert "late" not in said(world, known=NOW + timedelta(hours=1))


def test_the_log_knows_how_long_it_was(world):
    with writing(world) as session:
        first = log.instant(session, LATER)
        rights.attach(session, "open", "settled", {**ALL_SETTLED, "weather": "dry"}, now=LATER)
        rights.attach(session, "lab", "settled", {**ALL_SETTLED, "weather": "dry"}, now=LATER)
    with looking(world) as session:
        whole = log.size_at(session, first)
        before = log.size_at(session, first - log.TICK)
        assert log.size_at(session, NOW - timedelta(days=1)) == 0
        assert log.size_at(session, None) is None
    assert before is not None
    assert whole == before + 2
