"""From a checkpoint back to its sources, and from a source to every checkpoint that saw it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from catalog.clips import ClipRow, EpisodeRow, record_clips, record_episodes, record_shards
from catalog.decisions import record_decisions
from catalog.derivations import record_derivation, void_derivation
from catalog.engine import open_catalog, transaction
from catalog.errors import NotFound
from catalog.files import FileEntry, record_files
from catalog.lineage.graph import Key, Node, Trace, trees
from catalog.lineage.tracing import down, up
from catalog.pieces import Piece
from catalog.reach import BlastRadius, blast_radius, clip_ids
from catalog.releases import ReleaseRow, record_release
from catalog.runs import CheckpointRow, RunRow, record_checkpoint, record_run
from catalog.sources import Source, register_source
from catalog.training_sets import record_training_set
from licensing.compose.derive import Derivation
from tests.catalog.world import NOW, a_decision, a_set, add_source, make_world, revoke_source

CHAIN = ["instrument", "source", "file", "episode", "stream", "clip", "shard", "training set",
         "run", "checkpoint", "release"]  # fmt: skip


def test_a_checkpoint_leads_back_to_sources_papers_decisions_and_files(
    each_session: Session,
) -> None:
    make_world(each_session)

    trace = up(each_session, "checkpoint-1")

    assert _ids(trace, "source") == {"alpha", "beta"}
    assert _ids(trace, "instrument") == {"paper-alpha", "paper-beta"}
    assert _ids(trace, "decision") == {"alpha-decision", "beta-decision"}
    assert _ids(trace, "file") == {"alpha-bytes", "beta-bytes"}
    assert _labels(trace, "shard") == {"shard 0, 2 clips", "shard 1, 2 clips"}
    assert _path(trace, ("instrument", "paper-alpha"), ("checkpoint", "checkpoint-1")) == [
        "instrument", "source", "file", "episode", "clip", "shard", "training set", "run",
        "checkpoint",
    ]  # fmt: skip


def test_what_was_made_from_a_source_comes_of_it(each_session: Session) -> None:
    make_world(each_session)
    add_source(each_session, "gamma")
    for output, origin in (("alpha", "gamma"), ("beta", "alpha")):
        made = Derivation(op="adaptation", inputs=(origin,), output=output)
        record_derivation(each_session, made, now=NOW)

    assert _ids(up(each_session, "checkpoint-2"), "source") == {"alpha", "beta", "gamma"}
    assert _ids(down(each_session, "gamma"), "checkpoint") == {"checkpoint-1", "checkpoint-2"}
    path = _path(up(each_session, "beta"), ("instrument", "paper-gamma"), ("source", "beta"))
    assert path == ["instrument", "source", "source", "source"]

    void_derivation(each_session, "beta", ["alpha"], now=NOW)

    assert _ids(up(each_session, "beta"), "source") == {"beta"}
    assert _ids(down(each_session, "gamma"), "checkpoint") == {"checkpoint-1"}


def test_a_release_comes_of_its_checkpoint(each_session: Session) -> None:
    make_world(each_session)

    for name in ("model@1", "model"):  # a bare name is the version recorded last
        trace = up(each_session, name)
        point = {"model@1": "checkpoint-1", "model": "checkpoint-2"}[name]
        assert _ids(trace, "checkpoint") == {point}
        assert _path(trace, ("run", f"run-{point[-1]}"), trace.roots[0]) == [
            "run", "checkpoint", "release",
        ]  # fmt: skip
    assert _ids(down(each_session, "alpha"), "release") == {"model@1"}
    assert _ids(up(each_session, "model@1"), "source") == {"alpha", "beta"}
    assert [one.release_id for one in _reach(each_session, "alpha").releases] == ["model@1"]


def test_a_source_leads_down_to_what_came_of_it(session: Session) -> None:
    make_world(session)

    trace = down(session, "alpha")

    assert _ids(trace, "checkpoint") == {"checkpoint-1"}
    assert _ids(trace, "clip") == {"alpha-0", "alpha-1", "alpha-2"}
    assert _ids(trace, "decision") == {"alpha-decision"}
    assert _ids(down(session, "beta"), "checkpoint") == {"checkpoint-1", "checkpoint-2"}


@pytest.mark.parametrize(
    "wanted",
    ["paper-alpha", "alpha", "alpha/a.mp4", "alpha-bytes", "alpha-episode", "alpha-0",
     "alpha-decision", "drive@1/0", "drive@1", "run-1"],
)  # fmt: skip
def test_each_thing_leads_up_to_its_source_and_down_to_its_checkpoint(
    each_session: Session, wanted: str
) -> None:
    make_world(each_session)

    assert "alpha" in _ids(up(each_session, wanted), "source") or wanted == "paper-alpha"
    assert _ids(down(each_session, wanted), "checkpoint") == {"checkpoint-1"}


def test_a_stream_lies_between_its_episode_and_the_clips(each_session: Session) -> None:
    _add_episode(each_session, "e1", files=("s1",), streams=("video", "/imu"))
    _add_episode(each_session, "e2", files=("s2",))

    trace = up(each_session, "e1-0")

    assert _ids(trace, "stream") == {"e1/video", "e1//imu"}
    assert _ids(down(each_session, "e1//imu"), "clip") == {"e1-0", "e1-1"}
    assert _ids(up(each_session, "e1//imu"), "episode") == {"e1"}
    assert _ids(down(each_session, "e2"), "stream") == set()
    assert _path(trace, ("episode", "alpha/e1"), ("clip", "alpha/e1-0")) == [
        "episode", "stream", "clip",
    ]  # fmt: skip


def test_a_clip_leads_up_to_the_files_of_its_episode_only(session: Session) -> None:
    _add_episode(session, "e1", files=("s1", "s2"))
    _add_episode(session, "e2", files=("s3",))

    assert _ids(up(session, "e1-0"), "file") == {"s1", "s2"}
    assert _ids(down(session, "s3"), "clip") == {"e2-0", "e2-1"}


def test_equal_bytes_of_two_sources_are_two_files_and_one_question(session: Session) -> None:
    _add_episode(session, "e1", source_id="alpha", files=("same",))
    _add_episode(session, "e2", source_id="beta", files=("same",))

    trace = down(session, "same")

    assert trace.roots == (("file", "alpha/same"), ("file", "beta/same"))
    assert _ids(trace, "episode") == {"e1", "e2"}
    assert _ids(up(session, "e1"), "source") == {"alpha"}
    assert [one["id"] for one in trees(trace)] == ["same", "same"]


def test_a_run_that_went_on_from_a_checkpoint_comes_of_it(each_session: Session) -> None:
    make_world(each_session)
    _add_run(each_session, 3, parent="checkpoint-1", on="drive@2")

    assert _ids(down(each_session, "alpha"), "checkpoint") == {"checkpoint-1", "checkpoint-3"}
    assert _ids(up(each_session, "checkpoint-3"), "source") == {"alpha", "beta"}
    trace = down(each_session, "run-1")
    assert _path(trace, ("run", "run-1"), ("checkpoint", "checkpoint-3")) == [
        "run", "checkpoint", "run", "checkpoint",
    ]  # fmt: skip


def test_a_run_that_resumed_from_its_own_checkpoint_is_no_child_of_itself(
    session: Session,
) -> None:
    make_world(session)
    _add_run(session, 3, parent="checkpoint-3", on="drive@1")

    assert _ids(up(session, "run-3"), "checkpoint") == set()
    assert _ids(down(session, "checkpoint-3"), "run") == set()


def test_the_decisions_about_a_shard_are_those_about_its_source(session: Session) -> None:
    make_world(session)

    assert _ids(up(session, "drive@1/1"), "decision") == {"beta-decision"}
    assert _ids(down(session, "alpha-decision"), "shard") == {"drive@1/0"}


def test_thousands_are_one_node_with_a_count_and_lead_on_all_the_same(
    each_session: Session,
) -> None:
    session = each_session
    add_source(session, "alpha")
    entries = [
        FileEntry(source_id="alpha", path=f"{i}", sha256=f"{i}", size_bytes=1, status="ingested")
        for i in range(1_000)
    ]
    record_files(session, entries, run_id="ingest", now=NOW)
    for number in range(50):
        _add_episode(session, f"e{number}", files=(str(number),), streams=("video",))
    record_training_set(session, a_set(1, ("alpha",)), run_id="export", now=NOW)
    record_shards(session, "drive@1", [(f"e{i}-0", "", i) for i in range(50)], now=NOW)

    above, below = up(session, "drive@1"), down(session, "alpha")

    assert _labels(below, "files") == {"1001 files of alpha"}
    assert _labels(below, "episodes") == {"51 episodes of alpha"}
    assert _labels(below, "clips") == {"clips of alpha: 1 filtered, 102 kept"}
    assert _ids(below, "training set") == {"drive@1"}
    assert _labels(above, "clips") == {"clips of alpha: 50 kept"}
    assert _labels(above, "streams") == {"50 streams of alpha"}
    assert _labels(above, "shards") == {"50 shards of drive@1/alpha"}
    assert _path(above, ("source", "alpha"), ("training set", "drive@1")) == [
        "source", "files", "episodes", "streams", "clips", "shards", "training set",
    ]  # fmt: skip


def test_what_a_revocation_reaches_is_marked_and_nothing_else(session: Session) -> None:
    make_world(session)
    revoke_source(session, "alpha")

    states = {one.node_id: one.state for one in down(session, "alpha").nodes.values()}
    others = {one.node_id: one.state for one in down(session, "beta").nodes.values()}

    assert {states[one] for one in ("alpha", "alpha-0", "drive@1", "checkpoint-1")} == {"revoked"}
    assert (others["drive@2"], others["checkpoint-2"], others["beta"]) == ("cleared", "cleared", "")
    assert down(session, "alpha").nodes["source", "alpha"].note == (
        "revoked from 2026-11-24 on (breach)"
    )


def test_a_trace_with_many_ways_is_told_once_however_many_ways_there_are(
    session: Session,
) -> None:
    make_world(session)
    for number in range(3, 23):
        _add_run(session, number, parent=f"checkpoint-{number - 1}", on="drive@1")

    trace = up(session, "checkpoint-22")
    (tree,) = trees(trace)

    assert _count(tree) == len(trace.edges) + 1
    assert repr(tree).count("'id': 'drive@1'") == 20  # under each run on it
    assert repr(tree).count("'id': 'drive@1/0'") == 1


def test_an_id_that_nobody_knows_is_named(session: Session) -> None:
    make_world(session)

    for wanted in ("no-such-thing", "alpha/no-such-path", "drive@1/7", "/"):
        with pytest.raises(NotFound, match=wanted) as unknown:
            up(session, wanted)
        assert unknown.value.code == "UNKNOWN_ID"
    with pytest.raises(NotFound, match="begins 2 ids") as ambiguous:
        down(session, "checkpoint-")
    assert ambiguous.value.code == "AMBIGUOUS_ID"


def test_a_loss_reaches_sets_shards_runs_and_checkpoints_of_that_source_only(
    each_session: Session,
) -> None:
    make_world(each_session)

    alpha, beta = (_reach(each_session, one) for one in ("alpha", "beta"))

    clips = clip_ids(each_session, [Piece(source_id="alpha")])
    assert clips == ("alpha-0", "alpha-1", "alpha-2")
    assert (alpha.shards, alpha.training_sets) == ((("drive@1", 0),), ("drive@1",))
    assert (alpha.runs, alpha.checkpoints) == (("run-1",), ("checkpoint-1",))
    assert (alpha.last_clean_checkpoint, beta.last_clean_checkpoint) == ("checkpoint-2", None)
    assert beta.shards == (("drive@1", 1), ("drive@2", 0))


NAMES = ("alpha", "beta", "gamma")
SETS = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, unique=True), min_size=1, max_size=4)
FILES = st.lists(
    st.tuples(
        st.sets(st.sampled_from(["s0", "s1", "s2"]), max_size=2),
        st.sets(st.sampled_from(["video", "pad"]), max_size=2),
    ),
    max_size=2,
)


@settings(max_examples=5)
@given(sets=SETS, made=FILES, parents=st.lists(st.integers(0, 4), min_size=4, max_size=4))
def test_up_names_what_down_names_for_everything_on_record(
    fresh: Callable[[], str],
    sets: list[list[str]],
    made: list[tuple[set[str], set[str]]],
    parents: list[int],
) -> None:
    with transaction(open_catalog(fresh())) as session:
        _make(session, sets, parents)
        for number, (own, streams) in enumerate(made):
            for source_id in NAMES[: number + 1]:
                _add_episode(
                    session, f"{source_id}-e{number}", source_id=source_id,
                    files=tuple(sorted(own)), streams=tuple(sorted(streams)),
                )  # fmt: skip

        known = _everything(session)
        above = {(one, key) for one, id_ in known.items() for key in _reached(up(session, id_))}
        below = {(key, one) for one, id_ in known.items() for key in _reached(down(session, id_))}

        assert sorted(above ^ below) == []
        assert {kind for kind, _ in known} <= set(CHAIN) | {"decision"}


@settings(max_examples=10)
@given(sets=SETS)
def test_lineage_and_blast_radius_name_the_same_checkpoints(
    fresh: Callable[[], str], sets: list[list[str]]
) -> None:
    with transaction(open_catalog(fresh())) as session:
        _make(session, sets, [0] * 4)

        below = {(one, point) for one in NAMES for point in _ids(down(session, one), "checkpoint")}
        touched = {(one, point) for one in NAMES for point in _reach(session, one).checkpoints}

    assert below == touched
    assert below == {
        (source, f"checkpoint-{number}") for number, own in enumerate(sets, 1) for source in own
    }


def _everything(session: Session) -> dict[Key, str]:
    """All nodes there are: what leads up and down from sources and checkpoints, and their ids."""
    nodes = dict[Key, Node]()
    for name in NAMES:
        nodes |= down(session, name).nodes
        nodes |= up(session, name).nodes
    return {  # the sha256 of a file asks about every copy, this about one
        key: f"{node.source_id}/{node.node_id}" if node.kind == "file" else node.node_id
        for key, node in nodes.items()
    }


def _reached(trace: Trace) -> set[Key]:
    return set(trace.nodes)


def _reach(session: Session, source_id: str) -> BlastRadius:
    return blast_radius(session, [Piece(source_id=source_id)])


def _make(session: Session, sets: list[list[str]], parents: list[int]) -> None:
    for name in NAMES:
        add_source(session, name)
        record_decisions(session, [a_decision(name)], run_id="clear", now=NOW)
    for number, own in enumerate(sets, 1):
        row = replace(a_set(number, tuple(own)), decisions=tuple(f"{one}-decision" for one in own))
        record_training_set(session, row, run_id="export", now=NOW)
        places = [(f"{one}-0", "", at) for at, one in enumerate(own)]
        record_shards(session, f"drive@{number}", places, now=NOW)
        parent = parents[number - 1]
        _add_run(
            session, number, on=f"drive@{number}",
            parent=f"checkpoint-{parent}" if 0 < parent < number else "",
        )  # fmt: skip


def _add_run(session: Session, number: int, *, on: str, parent: str) -> None:
    run = RunRow(
        run_id=f"run-{number}", set_id=on, manifest_digest="", config={},
        record={"parent": parent} if parent else {}, seed=1, status="finished",
    )  # fmt: skip
    record_run(session, run, now=NOW)
    point = CheckpointRow(
        checkpoint_id=f"checkpoint-{number}", run_id=run.run_id, step=1, path="", digest=""
    )
    record_checkpoint(session, point, now=NOW)
    if number % 2:
        release = ReleaseRow(
            release_id=f"model-{number}@1", name=f"model-{number}", version="1",
            checkpoint_id=point.checkpoint_id, run_id=run.run_id, digest="", release="api",
            out_licence="proprietary",
        )  # fmt: skip
        record_release(session, release, now=NOW)


def _add_episode(
    session: Session,
    episode_id: str,
    *,
    files: tuple[str, ...],
    streams: tuple[str, ...] = (),
    source_id: str = "alpha",
) -> None:
    source = Source(source_id=source_id, uri=f"s3://x/{source_id}", modality="video", title="Film")
    register_source(session, source, now=NOW)
    entries = [
        FileEntry(source_id=source_id, path=one, sha256=one, size_bytes=1, status="ingested")
        for one in files
    ]
    record_files(session, entries, run_id="ingest", now=NOW)
    row = EpisodeRow(
        episode_id=episode_id, source_id=source_id, files=files, start_ns=0, end_ns=2,
        streams=tuple({"name": one} for one in streams), reader="video@1",
    )  # fmt: skip
    record_episodes(session, [row], run_id="ingest", now=NOW)
    cut = [
        ClipRow(
            clip_id=f"{episode_id}-{at}", source_id=source_id, episode_id=episode_id,
            start_ns=at, end_ns=at + 1,
        )
        for at in range(2)
    ]  # fmt: skip
    record_clips(session, cut, run_id="cut", now=NOW)


def _ids(trace: Trace, kind: str) -> set[str]:
    return {one.node_id for one in trace.nodes.values() if one.kind == kind}


def _labels(trace: Trace, kind: str) -> set[str]:
    return {one.label for one in trace.nodes.values() if one.kind == kind}


def _path(trace: Trace, above: Key, below: Key) -> list[str]:
    """The kinds along one way, not through a decision, from a thing to what came of it."""
    after: dict[Key, list[Key]] = {}
    for one, other in sorted(trace.edges):
        after.setdefault(one, []).append(other)
    ahead, seen = [[above]], {above}
    while ahead:
        way = ahead.pop(0)
        if way[-1] == below:
            return [kind for kind, _ in way]
        new = [key for key in after.get(way[-1], ()) if key not in seen and key[0] != "decision"]
        seen |= set(new)
        ahead += [[*way, key] for key in new]
    return []


def _count(tree: dict[str, object]) -> int:
    children = tree["children"]
    assert isinstance(children, list)
    return 1 + sum(_count(one) for one in children)
