"""From a checkpoint back to its sources, and from a source to every checkpoint that saw it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from catalog.clips import record_shards
from catalog.decisions import record_decisions
from catalog.engine import open_catalog, transaction
from catalog.errors import NotFound
from catalog.files import FileEntry, record_files
from catalog.lineage import down, up
from catalog.pieces import Piece
from catalog.reach import BlastRadius, blast_radius, clip_ids
from catalog.runs import CheckpointRow, RunRow, record_checkpoint, record_run
from catalog.training_sets import record_training_set
from tests.catalog.world import NOW, a_decision, a_set, add_source, make_world


def test_a_checkpoint_leads_back_to_sources_papers_decisions_and_files(
    each_session: Session,
) -> None:
    make_world(each_session)

    tree = up(each_session, "checkpoint-1")

    path = ["checkpoint", "run", "training set", "shard", "source"]
    assert [one["kind"] for one in _first(tree)][:5] == path
    assert _ids(tree, "source") == {"alpha", "beta"}
    assert _ids(tree, "instrument") == {"paper-alpha", "paper-beta"}
    assert _ids(tree, "decision") == {"alpha-decision", "beta-decision"}
    assert _ids(tree, "file") == {"alpha-bytes", "beta-bytes"}
    labels = [one["label"] for one in _nodes(tree) if one["kind"] == "shard"]
    assert labels == ["shard 0, 2 clips", "shard 1, 2 clips"]


def test_a_source_leads_down_to_what_came_of_it(session: Session) -> None:
    make_world(session)

    tree = down(session, "alpha")

    assert [one["kind"] for one in _first(tree)] == [
        "source", "clips", "training set", "run", "checkpoint",
    ]  # fmt: skip
    assert _ids(tree, "checkpoint") == {"checkpoint-1"}
    assert _ids(down(session, "beta"), "checkpoint") == {"checkpoint-1", "checkpoint-2"}


@pytest.mark.parametrize("wanted", ["alpha", "alpha-0", "alpha-decision", "drive@1", "run-1"])
def test_each_thing_leads_up_to_its_source_and_down_to_its_checkpoint(
    session: Session, wanted: str
) -> None:
    make_world(session)

    assert "alpha" in _ids(up(session, wanted), "source")
    assert _ids(down(session, wanted), "checkpoint") == {"checkpoint-1"}


def test_the_sha256_of_a_file_leads_to_its_source(session: Session) -> None:
    make_world(session)

    assert up(session, "alpha-bytes")["id"] == "alpha"


def test_thousands_of_files_are_named_in_one_line(session: Session) -> None:
    add_source(session, "alpha")
    entries = [
        FileEntry(source_id="alpha", path=f"{i}", sha256=f"{i}", size_bytes=1, status="ingested")
        for i in range(1_000)
    ]
    record_files(session, entries, run_id="ingest", now=NOW)

    tree = up(session, "alpha")

    assert len(tree["children"]) == 22
    assert tree["children"][-1]["label"] == "and 981 more"


def test_an_id_that_nobody_knows_is_named(session: Session) -> None:
    make_world(session)

    with pytest.raises(NotFound, match="no-such-thing") as unknown:
        up(session, "no-such-thing")
    with pytest.raises(NotFound, match="begins 2 ids") as ambiguous:
        down(session, "checkpoint-")

    assert (unknown.value.code, ambiguous.value.code) == ("UNKNOWN_ID", "AMBIGUOUS_ID")


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


NAMES = ("alpha", "beta", "gamma", "delta")


@settings(max_examples=10)
@given(
    sets=st.lists(st.lists(st.sampled_from(NAMES), min_size=1, unique=True), min_size=1, max_size=4)
)
def test_up_and_down_are_inverse(fresh: Callable[[], str], sets: list[list[str]]) -> None:
    url = fresh()
    with transaction(open_catalog(url)) as session:
        _make(session, sets)

        points = {f"checkpoint-{number}" for number in range(1, len(sets) + 1)}
        above = {(source, one) for one in points for source in _ids(up(session, one), "source")}
        below = {(one, point) for one in NAMES for point in _ids(down(session, one), "checkpoint")}
        touched = {(one, point) for one in NAMES for point in _reach(session, one).checkpoints}

    assert above == below == touched
    assert above == {
        (source, f"checkpoint-{number}") for number, own in enumerate(sets, 1) for source in own
    }


def _reach(session: Session, source_id: str) -> BlastRadius:
    return blast_radius(session, [Piece(source_id=source_id)])


def _make(session: Session, sets: list[list[str]]) -> None:
    for name in NAMES:
        add_source(session, name)
        record_decisions(session, [a_decision(name)], run_id="clear", now=NOW)
    for number, own in enumerate(sets, 1):
        record_training_set(session, a_set(number, tuple(own)), run_id="export", now=NOW)
        places = [(f"{one}-0", "", at) for at, one in enumerate(own)]
        record_shards(session, f"drive@{number}", places, now=NOW)
        run = RunRow(
            run_id=f"run-{number}", set_id=f"drive@{number}", manifest_digest="", config={},
            record={}, seed=1, status="finished",
        )  # fmt: skip
        record_run(session, run, now=NOW)
        point = CheckpointRow(
            checkpoint_id=f"checkpoint-{number}", run_id=run.run_id, step=1, path="", digest=""
        )
        record_checkpoint(session, point, now=NOW)


def _nodes(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield tree
    for child in tree["children"]:
        yield from _nodes(child)


def _first(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield tree
    if tree["children"]:
        yield from _first(tree["children"][0])


def _ids(tree: dict[str, Any], kind: str) -> set[str]:
    return {one["id"] for one in _nodes(tree) if one["kind"] == kind}
