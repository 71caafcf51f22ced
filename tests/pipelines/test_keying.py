"""Episodes are split where layers begin and end, and every claimant of the bytes is heard."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog import clips, duplicates, files, parts, rights, sources
from catalog.audit import verify_log
from catalog.clips import ClipRow
from catalog.duplicates import Pair, Place
from catalog.parts import PartRow
from pipelines.clear import clear
from pipelines.clear.claims import Applying
from pipelines.clear.keying import key_of, key_sources, split
from pipelines.clear.overlap import keys_under
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

SPANS = st.none() | st.tuples(st.integers(-5, 30), st.integers(1, 20)).map(
    lambda one: (one[0], one[0] + one[1])
)
LAYERS = st.lists(SPANS, max_size=6).map(
    lambda spans: [Applying(layer_id=str(at), span=one) for at, one in enumerate(spans)]
)


@pytest.fixture
def world(tmp_path, catalog_url):
    """A home with its catalog on each database."""
    return make_world(tmp_path, catalog_url=catalog_url)


def key(world, now=NOW):
    with writing(world) as session:
        key_sources(session, parts.unkeyed(session), run_id="test", now=now)


def parts_in(world, source_id):
    """The parts of a source as (start s, end s, ids of the layers), by episode and time."""
    with looking(world) as session:
        rows = parts.parts_of(session, source_id)
        named = parts.layers_under(session, (one.rights_key for one in rows))
        assert verify_log(session).broken == ()
    return [(one.start_ns / SECOND, one.end_ns / SECOND, named[one.rights_key]) for one in rows]


def ids_of(world, source_id):
    with looking(world) as session:
        layers = rights.layers_of(session, source_id, known=None)
    return tuple(str(one["layer_id"]) for one in layers)


def also_holds(world, source_id, episode, path="copy.mp4"):
    """Record that a source holds the bytes of an episode, too."""
    entry = files.FileEntry(
        source_id=source_id, path=path, sha256=episode.files[0], size_bytes=1, status="found"
    )
    with writing(world) as session:
        files.record_files(session, [entry], run_id="test", now=NOW)


def test_an_episode_under_the_same_layers_is_one_part(world):
    add_source(world, "open", [MIT], episodes=2)
    key(world)
    assert parts_in(world, "open") == [(0.0, 6.0, ids_of(world, "open"))] * 2


def test_a_layer_of_one_file_applies_to_its_episode(world):
    first, second = add_source(
        world, "open", [MIT, {**NON_COMMERCIAL, "item": "take_1.mp4"}], episodes=2
    )
    key(world)
    whole, item = ids_of(world, "open")
    found = {one.episode_id: one.rights_key for one in parts_of(world, "open")}
    assert found == {first.episode_id: key_of([whole]), second.episode_id: key_of([whole, item])}


@pytest.mark.parametrize("then", ["replaced", "vanished"])
def test_a_layer_of_a_file_stays_with_its_bytes(then, world):
    add_source(world, "open", [MIT, {**NON_COMMERCIAL, "item": "take_0.mp4"}])
    assert verdict(world, "open").verdict == "deny"
    with writing(world) as session:
        (entry,) = files.files_of(session, "open")
        after = {
            "replaced": replace(entry, sha256="other"),
            "vanished": replace(entry, status=files.VANISHED),
        }
        files.record_files(session, [after[then]], run_id="test", now=NOW)
    assert verdict(world, "open").verdict == "deny"


def test_a_layer_applies_to_every_path_of_equal_bytes(world):
    (episode,) = add_source(world, "open", [MIT, {**NON_COMMERCIAL, "item": "take_0.mp4"}])
    also_holds(world, "open", episode)
    key(world)
    assert parts_in(world, "open") == [(0.0, 6.0, tuple(sorted(ids_of(world, "open"))))]


def test_an_episode_is_split_at_the_borders_of_a_span(world):
    song = {**NON_COMMERCIAL, "stream": "audio", "span": [2 * SECOND, 4 * SECOND]}
    past = {**NON_COMMERCIAL, "part": "end", "span": [5 * SECOND, 99 * SECOND]}
    add_source(world, "open", [MIT, song, past])
    key(world)
    whole, sung, last = ids_of(world, "open")
    assert parts_in(world, "open") == [
        (0.0, 2.0, (whole,)),
        (2.0, 4.0, tuple(sorted([whole, sung]))),
        (4.0, 5.0, (whole,)),
        (5.0, 6.0, tuple(sorted([whole, last]))),
    ]


def test_a_span_counts_from_the_start_of_its_episode(world):
    add_source(world, "open", [{**MIT, "span": [0, SECOND]}])
    with writing(world) as session:
        (row,) = clips.episodes_of(session, "open")
        moved = clips.EpisodeRow(
            **{name: getattr(row, name) for name in row.__dataclass_fields__}
            | {"start_ns": 7 * SECOND, "end_ns": 9 * SECOND}
        )
        clips.record_episodes(session, [moved], run_id="test", now=NOW)
    key(world)
    assert parts_in(world, "open") == [(7.0, 8.0, ids_of(world, "open")), (8.0, 9.0, ())]


def test_a_stricter_twin_in_another_source_blocks(world):
    (episode,) = add_source(world, "open", [MIT])
    add_source(world, "claimant", [NON_COMMERCIAL], episodes=0)
    assert verdict(world, "open").verdict == "permit"
    also_holds(world, "claimant", episode)
    row = verdict(world, "open")
    assert (row.verdict, row.num_clips) == ("deny", 0)
    assert parts_in(world, "open") == [
        (0.0, 6.0, tuple(sorted(ids_of(world, "open") + ids_of(world, "claimant"))))
    ]


def test_of_a_twin_the_layers_of_that_path_and_of_the_whole_source_apply(world):
    (episode,) = add_source(world, "open", [MIT])
    layers = [{**NON_COMMERCIAL, "item": one} for one in ("copy.mp4", "else.mp4")]
    add_source(world, "claimant", layers, episodes=0)
    also_holds(world, "claimant", episode)
    key(world)
    (_, _, ids) = parts_in(world, "open")[0]
    assert set(ids) == {*ids_of(world, "open"), ids_of(world, "claimant")[0]}


def test_the_span_of_a_twin_is_on_another_clock_and_covers_the_whole_episode(world):
    (episode,) = add_source(world, "open", [MIT])
    add_source(world, "claimant", [{**NON_COMMERCIAL, "span": [0, SECOND]}], episodes=0)
    also_holds(world, "claimant", episode)
    key(world)
    assert [(start, end) for start, end, _ in parts_in(world, "open")] == [(0.0, 6.0)]


def test_a_claimant_that_replaced_its_copy_still_claims_what_it_held(world):
    (episode,) = add_source(world, "open", [MIT])
    add_source(world, "claimant", [NON_COMMERCIAL], episodes=0)
    also_holds(world, "claimant", episode)
    assert verdict(world, "open").verdict == "deny"
    entry = files.FileEntry(
        source_id="claimant", path="copy.mp4", sha256="other", size_bytes=1, status="ingested"
    )
    with writing(world) as session:
        files.record_files(session, [entry], run_id="test", now=NOW)
    assert verdict(world, "open").verdict == "deny"


def shown_too(world, one, other, kind="near"):
    """Record that two episodes show the same."""
    places = (
        Place(source_id=each.source_id, episode_id=each.episode_id, start_ns=0, end_ns=SECOND)
        for each in (one, other)
    )
    with writing(world) as session:
        pair = Pair(one=next(places), other=next(places), kind=kind, distance=0.03)
        duplicates.record_pairs(session, [pair], now=NOW)


def void_pairs(world, source_id):
    with writing(world) as session:
        told = rights.facts_of(session, source_id)
        for fact_id in (one.fact_id for one in told if one.kind == duplicates.KIND):
            rights.end_fact(session, fact_id, at=NOW.date(), kind="void", reason="seen", now=NOW)


@pytest.mark.parametrize("kind", duplicates.COPIES)
def test_a_copy_under_stricter_terms_blocks_until_the_pair_is_voided(world, kind):
    one, free = add_source(world, "open", [MIT], episodes=2, seed=2)
    (other,) = add_source(world, "claimant", [NON_COMMERCIAL], seed=5)
    assert verdict(world, "open").verdict == "permit"

    shown_too(world, one, other, kind)
    blocked = verdict(world, "open")
    void_pairs(world, "open")
    half = verdict(world, "open")
    void_pairs(world, "claimant")
    freed = verdict(world, "open")

    assert (blocked.verdict, half.verdict, freed.verdict) == ("deny", "deny", "permit")
    assert "NC" in blocked.reasons
    assert (blocked.num_clips, freed.num_clips) == (3, 6)  # those of the other episode stay
    assert verdict(world, "claimant").verdict == "deny"
    assert free.episode_id != one.episode_id


def test_a_suspect_claims_nothing(world):
    (one,) = add_source(world, "open", [MIT], seed=2)
    (other,) = add_source(world, "claimant", [NON_COMMERCIAL], seed=5)
    shown_too(world, one, other, "suspect")
    assert verdict(world, "open").verdict == "permit"


def test_a_claim_reaches_every_member_of_the_group(world):
    (first,) = add_source(world, "open", [MIT], seed=2)
    (middle,) = add_source(world, "between", [MIT], seed=4)
    (last,) = add_source(world, "claimant", [MIT], seed=6)
    add_source(world, "holder", [MIT], episodes=0)
    also_holds(world, "holder", last)
    shown_too(world, first, middle)
    shown_too(world, middle, last, "decoded")
    assert verdict(world, "open").verdict == "permit"

    with writing(world) as session:
        rights.attach_layer(session, "holder", {**NON_COMMERCIAL, "part": "music"}, now=NOW)

    assert {verdict(world, name).verdict for name in ("open", "between", "claimant")} == {"deny"}
    assert len(parts_in(world, "open")[0][2]) == 5  # each source's own, and what holds the bytes


def test_a_layer_of_one_file_reaches_its_copy_in_the_same_source_only(world):
    layers = [MIT, {**NON_COMMERCIAL, "item": "take_0.mp4"}]
    one, other, _third = add_source(world, "open", layers, episodes=3, seed=2)
    assert verdict(world, "open").num_clips == 6
    shown_too(world, one, other)
    assert verdict(world, "open").num_clips == 3


def test_a_fact_about_the_twin_keys_the_source_again(world):
    (episode,) = add_source(world, "open", [MIT])
    add_source(world, "claimant", [MIT], episodes=0)
    also_holds(world, "claimant", episode)
    assert verdict(world, "open").verdict == "permit"
    with writing(world) as session:
        rights.attach_layer(session, "claimant", {**NON_COMMERCIAL, "part": "music"}, now=NOW)
    assert verdict(world, "open").verdict == "deny"


def test_an_unmapped_stream_is_in_the_key_of_its_own_episode(world):
    add_source(world, "open", [MIT], streams={"video": "video"})
    key(world)
    assert parts_in(world, "open") == [(0.0, 6.0, (*ids_of(world, "open"), "unmapped:pad"))]
    source = sources.Source(source_id="open", uri="/x", modality="game", streams={"pad": "action"})
    with writing(world) as session:
        sources.register_source(session, source, now=NOW)
    key(world)
    assert parts_in(world, "open") == [(0.0, 6.0, ids_of(world, "open"))]


def test_nothing_changed_writes_nothing(world):
    add_source(world, "open", [MIT])
    add_source(world, "lab", [NON_COMMERCIAL], seed=2)
    key(world)
    with looking(world) as session:
        before = verify_log(session).size
    key(world, now=NOW + timedelta(days=1))
    clear("commercial", world, now=NOW, run_id="test", record=False)
    with looking(world) as session:
        assert verify_log(session).size == before


def test_a_changed_fact_keys_its_source_and_no_other(world):
    add_source(world, "open", [MIT])
    add_source(world, "lab", [NON_COMMERCIAL], seed=2)
    key(world)
    with looking(world) as session:
        before = parts.keyings(session)
    with writing(world) as session:
        rights.attach_layer(session, "lab", {**MIT, "stream": "video"}, now=NOW)
    key(world)
    with looking(world) as session:
        after = parts.keyings(session)
    assert after["open"] == before["open"]
    assert after["lab"].parts_leaf != before["lab"].parts_leaf
    assert len(parts_in(world, "lab")[0][2]) == 2


def test_clips_are_counted_under_the_keys_that_they_touch(world):
    add_source(world, "open", [MIT, {**NON_COMMERCIAL, "span": [3 * SECOND, 4 * SECOND]}])
    key(world)
    with looking(world) as session:
        (keying,) = parts.keyings(session).values()
        free, bound = (one.rights_key for one in parts.parts_of(session, "open")[:2])
    assert {one.keys: (one.count, one.span_ns / SECOND) for one in keying.clips} == {
        (free,): (2, 4.0),
        tuple(sorted([free, bound])): (1, 2.0),
    }


@given(start=st.integers(0, 5), length=st.integers(0, 20), layers=LAYERS)
def test_parts_tile_the_episode_and_each_instant_has_its_layers(start, length, layers):
    found = split(start, start + length, layers)
    borders = [start, *(end for _, end, _ in found)]
    assert [first for first, _, _ in found] == borders[:-1]
    assert borders[-1] == start + length
    assert all(one[2] != two[2] for one, two in pairwise(found))
    for first, end, ids in found:
        for instant in range(first, end):
            assert set(ids) == {
                one.layer_id
                for one in layers
                if one.span is None or one.span[0] <= instant < one.span[1]
            }


def test_an_episode_without_length_is_one_part_under_everything():
    spans = [Applying(layer_id="a", span=(0, 5)), Applying(layer_id="b")]
    assert split(3, 3, spans) == [(3, 3, ("a", "b"))]


@given(
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    windows=st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=5),
)
def test_a_clip_has_the_keys_of_all_that_it_overlaps(cuts, windows):
    spans, at = [], 3
    for number, length in enumerate(cuts):
        spans.append(
            PartRow(episode_id="e", start_ns=at, end_ns=at + length, rights_key=f"{number % 3}")
        )
        at += length
    rows = [
        ClipRow(
            clip_id=f"{number}", source_id="s", episode_id="e", start_ns=start, end_ns=start + size
        )
        for number, (start, size) in enumerate(windows)
    ]
    stray = ClipRow(clip_id="stray", source_id="s", episode_id="other", start_ns=0, end_ns=9)
    found = keys_under([*rows, stray], reversed(spans))
    assert found.pop("stray") == ()
    assert found == {
        clip.clip_id: tuple(
            sorted(
                {
                    one.rights_key
                    for one in spans
                    if one.start_ns < clip.end_ns and one.end_ns > clip.start_ns
                }
            )
        )
        for clip in rows
    }


def parts_of(world, source_id):
    with looking(world) as session:
        return parts.parts_of(session, source_id)


def verdict(world, source_id):
    done = clear("commercial", world, now=NOW, run_id="test")
    return next(one for one in done.rows if one.source == source_id)
