"""A walk that reaches more sources than are wanted: it counts them, and says so."""

from itertools import pairwise

from sqlalchemy.orm import Session

from catalog.clips import record_shards
from catalog.derivations import record_derivation
from catalog.lineage.graph import Key, Node, Trace
from catalog.lineage.tracing import down, up
from catalog.rights import attach
from catalog.runs import CheckpointRow, RunRow, record_checkpoint, record_run
from catalog.training_sets import record_training_set
from licensing.compose.derive import Derivation
from tests.catalog.world import NOW, a_set, add_source, revoke_source


def test_a_walk_up_ends_at_the_shards_of_more_sources_than_are_wanted(
    each_session: Session,
) -> None:
    names = _many(each_session, 30)

    trace = up(each_session, "checkpoint", widest=29)

    assert {key[0] for key in trace.nodes} == {"checkpoint", "run", "training set", "shards"}
    shards = _one(trace, "shards")
    assert (shards.label, shards.state) == ("30 shards of drive@1, 1 revoked", "revoked")
    assert trace.edges == _made(shards.key)
    assert trace.is_wide
    all_of_them = up(each_session, "checkpoint", widest=30)
    assert {one for kind, one in all_of_them.nodes if kind == "source"} == set(names)


def test_a_walk_down_counts_more_sources_than_are_wanted_and_names_their_models(
    each_session: Session,
) -> None:
    _many(each_session, 30)

    trace = down(each_session, "shared", widest=29)

    sources, shards = _one(trace, "sources"), _one(trace, "shards")
    assert sources.label == "30 sources of this lineage, 1 revoked"
    assert sources.state == "revoked"
    assert trace.edges == {
        (("instrument", "shared"), sources.key),
        (sources.key, shards.key),
        *_made(shards.key),
    }
    assert trace.is_wide
    assert not down(each_session, "shared", widest=30).is_wide


def test_what_was_made_of_more_sources_than_are_wanted_is_counted_with_them(
    session: Session,
) -> None:
    names = _many(session, 30)
    add_source(session, "made")
    record_derivation(session, Derivation(op="adaptation", inputs=names, output="made"), now=NOW)

    trace = up(session, "made", widest=29)

    (root,) = trace.roots
    assert (trace.nodes[root].label, trace.edges) == (
        "31 sources of this lineage, 1 revoked",
        frozenset(),
    )
    assert trace.is_wide


def _one(trace: Trace, kind: str) -> Node:
    (node,) = (one for one in trace.nodes.values() if one.kind == kind)
    return node


def _made(shards: Key) -> set[tuple[Key, Key]]:
    """The edges from shards to the checkpoint."""
    way: tuple[Key, ...] = (
        shards, ("training set", "drive@1"), ("run", "run"), ("checkpoint", "checkpoint")
    )  # fmt: skip
    return set(pairwise(way))


def _many(session: Session, number: int) -> tuple[str, ...]:
    """Sources with one paper, one of them revoked; a set with a shard of each, and its model."""
    names = tuple(f"s{one}" for one in range(number))
    for name in names:
        add_source(session, name)
        attach(session, name, "instrument", {"id": "shared"}, now=NOW)
    record_training_set(session, a_set(1, names), run_id="export", now=NOW)
    places = [(f"{name}-0", "", shard) for shard, name in enumerate(names)]
    record_shards(session, "drive@1", places, now=NOW)
    run = RunRow(
        run_id="run", set_id="drive@1", manifest_digest="1fedcba", config={}, record={}, seed=7,
        status="finished",
    )  # fmt: skip
    record_run(session, run, now=NOW)
    point = CheckpointRow(
        checkpoint_id="checkpoint", run_id="run", step=10, path="step-10", digest="0" * 64
    )
    record_checkpoint(session, point, now=NOW)
    revoke_source(session, "s3")
    return names
