"""Splits never leak: what shares a file, a session or pictures lies on one side of them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from catalog import duplicates, sources
from catalog.clips import EpisodeRow
from catalog.duplicates import Pair, Place
from pipelines.export import export_set
from pipelines.export.lineage_groups import SELECTION, lineage_groups, settle
from pipelines.export.splits import SPLITS
from pipelines.lake.measures import add_columns, merge_columns
from pipelines.lake.reading import scan_columns
from pipelines.records import CLIPS
from pipelines.render import RenderSpec
from tests.pipelines.small_world import MIT, NOW, add_source, make_world, writing

SPEC = RenderSpec(width=32, height=32, fps=10)
HELD_OUT = ("val", "test")
NUMBERS = st.integers(0, 9)
KINDS = st.sampled_from(["bytes", "decoded", "near", "suspect"])
BEFORE = st.dictionaries(NUMBERS.map(lambda one: f"e{one}"), st.sampled_from(SPLITS))


def an_episode(number, *, files=(), source_id="one"):
    return EpisodeRow(
        episode_id=f"e{number}",
        source_id=source_id,
        files=tuple(f"sha{one}" for one in files),
        streams=(),
        start_ns=0,
        end_ns=1,
        reader="test@1",
    )


def a_pair(one, other, kind="near"):
    places = (
        Place(source_id="one", episode_id=f"e{number}", start_ns=0, end_ns=1)
        for number in (one, other)
    )
    return Pair(one=next(places), other=next(places), kind=kind)


@given(
    files=st.lists(st.lists(st.integers(0, 7), max_size=2), min_size=10, max_size=10),
    sessions=st.dictionaries(NUMBERS, st.integers(0, 3)),
    pairs=st.lists(st.tuples(NUMBERS, NUMBERS, KINDS), max_size=6),
    before=BEFORE,
    salt=st.none() | st.just("demo/3/"),
)
def test_no_two_episodes_that_share_anything_lie_on_two_sides(files, sessions, pairs, before, salt):
    episodes = [an_episode(number, files=own) for number, own in enumerate(files)]
    named = {f"e{number}": str(one) for number, one in sessions.items()}
    groups = lineage_groups(episodes, named, [a_pair(*one) for one in pairs])

    done = settle("demo", {one.episode_id: 3 for one in episodes}, groups=groups, before=before,
                  salt=salt)  # fmt: skip

    split = done.by_episode
    for one in episodes:
        for other in episodes:
            if set(one.files) & set(other.files):
                assert split[one.episode_id] == split[other.episode_id]
            if named.get(one.episode_id, "none") == named.get(other.episode_id, ""):
                assert split[one.episode_id] == split[other.episode_id]
    for one, other, _ in pairs:
        assert split[f"e{one}"] == split[f"e{other}"]
    for episode_id, side in before.items():
        assert SPLITS.index(split[episode_id]) >= SPLITS.index(side)  # never back to training
    assert {(one.episode_id, one.before, one.now) for one in done.moved} == {
        (one, side, split[one]) for one, side in before.items() if split[one] != side
    }


@given(
    files=st.lists(st.lists(st.integers(0, 20), max_size=2), min_size=10, max_size=10),
    pairs=st.lists(st.tuples(NUMBERS, NUMBERS, KINDS), max_size=4),
    random=st.randoms(),
)
def test_groups_do_not_depend_on_the_order_in_which_episodes_came(files, pairs, random):
    episodes = [an_episode(number, files=own) for number, own in enumerate(files)]
    told = [a_pair(*one) for one in pairs]

    assert lineage_groups(episodes, {}, told) == lineage_groups(
        random.sample(episodes, len(episodes)), {}, random.sample(told, len(told))
    )


def test_what_shares_nothing_is_a_group_of_its_own():
    episodes = [an_episode(number, files=[number]) for number in range(3)]

    assert lineage_groups(episodes, {}, ()) == {"e0": "e0", "e1": "e1", "e2": "e2"}


def test_one_session_name_in_two_sources_is_two_sessions():
    episodes = [an_episode(1, source_id="one"), an_episode(2, source_id="two")]

    assert lineage_groups(episodes, {"e1": "anna", "e2": "anna"}, ()) == {"e1": "e1", "e2": "e2"}


def test_where_a_new_episode_joins_two_groups_the_held_out_side_wins_and_the_move_is_told():
    episodes = [an_episode(1), an_episode(2), an_episode(3)]
    before = {"e1": "train", "e2": "test"}
    groups = lineage_groups(episodes, {}, [a_pair(1, 3), a_pair(2, 3, "suspect")])

    done = settle("demo", {"e1": 5, "e2": 1, "e3": 1}, groups=groups, before=before, salt="demo/0/")

    assert set(done.by_episode.values()) == {"test"}
    assert [(one.episode_id, one.before, one.now) for one in done.moved] == [
        ("e1", "train", "test")
    ]


def test_a_set_that_grows_keeps_the_splits_of_what_it_held():
    episodes = [an_episode(number) for number in range(40)]
    few = settle("demo", {f"e{n}": 1 for n in range(20)},
                 groups=lineage_groups(episodes, {}, ()), before={}, salt=None)  # fmt: skip

    more = settle("demo", {f"e{n}": 1 for n in range(40)}, groups=lineage_groups(episodes, {}, ()),
                  before=few.by_episode, salt=few.salt)  # fmt: skip

    assert {one: more.by_episode[one] for one in few.by_episode} == few.by_episode
    assert more.moved == ()
    assert set(Counter(more.by_episode.values())) == set(SPLITS)


def export(world, **how):
    return export_set("demo", "commercial", world, spec=SPEC, at_once=0, run_id="test", now=NOW,
                      **how)  # fmt: skip


def splits_of(done):
    table = scan_columns(f"{done.uri}/data.lance", ["episode_id", "split"])
    return dict(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))


def record(world, *pairs):
    with writing(world) as session:
        duplicates.record_pairs(session, pairs, now=NOW)


def test_an_exported_set_holds_out_what_a_suspect_joins_to_a_held_out_episode(tmp_path):
    world = make_world(tmp_path)
    add_source(world, "open", [MIT], episodes=6, seconds=2, seed=2)
    first = export(world)
    before = splits_of(first)
    trained = next(one for one, side in before.items() if side == "train")
    held = next(one for one, side in before.items() if side in HELD_OUT)
    places = (
        Place(source_id="open", episode_id=one, start_ns=0, end_ns=2 * 10**9)
        for one in (trained, held)
    )
    record(world, Pair(one=next(places), other=next(places), kind="suspect"))

    second = export(world)

    after = splits_of(second)
    assert after == before | {trained: before[held]}
    assert (first.moved, second.moved) == (0, 1)
    assert "episodes held out from now on: 1" in second.summary()
    with open(f"{second.uri}/{SELECTION}", encoding="utf-8") as file:  # noqa: PTH123
        assert json.load(file)["moved"] == [
            {"episode_id": trained, "before": "train", "now": before[held]}
        ]


def test_an_exported_set_keeps_a_session_on_one_side_and_unknown_ones_together(tmp_path):
    world = make_world(tmp_path)
    episodes = add_source(world, "open", [MIT], episodes=6, seconds=2, seed=2)
    with writing(world) as session:
        source = sources.source(session, "open")
        sources.register_source(session, replace(source, clips={"session": "field:who"}), now=NOW)
    uri = f"{world.lake}/open/clips.lance"
    add_columns(uri, CLIPS)
    table = scan_columns(uri, ["clip_id", "episode_id"])
    named = {one.episode_id: "field:who=anna" for one in episodes[:3]}
    told = [named.get(one) for one in table["episode_id"].to_pylist()]
    merge_columns(uri, "clip_id", table.drop(["episode_id"]).append_column("session", [told]))

    after = splits_of(export(world))

    for some in (episodes[:3], episodes[3:]):
        assert len({after[one.episode_id] for one in some}) == 1
