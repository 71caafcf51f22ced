"""Every past decision comes out as it was recorded, whatever was recorded since."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from catalog import decisions, rights
from catalog.engine import open_catalog, transaction
from catalog.errors import NotFound
from licensing.checklist import CHECKLISTS, open_layers, question_layer
from pipelines.audit.replay import (
    Replayed,
    decisions_to_replay,
    differing,
    replay,
    replay_many,
)
from pipelines.clear import clear
from pipelines.errors import ReplayError
from pipelines.revoke import revoke
from tests.pipelines.audit.corpus import Size, make_corpus
from tests.pipelines.small_world import (
    MIT,
    NON_COMMERCIAL,
    NOW,
    add_source,
    contract,
    looking,
    make_world,
)


@pytest.fixture
def url(catalog_url):
    """The address of a new catalog, on each database."""
    return catalog_url


@pytest.fixture
def world(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "arm", [contract()])
    add_source(settings, "lab", [NON_COMMERCIAL], seed=5)
    clear("commercial", settings, now=NOW, run_id="test")
    return settings


def ids_of(settings):
    return decisions_to_replay(settings, sample=None, seed="")


def replayed(settings, ids):
    """What came of these decisions, of which none may be refused."""
    done = list(replay_many(settings, ids))
    found = [one for one in done if isinstance(one, Replayed)]
    assert len(found) == len(done)
    return found


def test_two_hundred_random_decisions_are_replayed_equal(url, tmp_path):
    settings = make_corpus(tmp_path, url, Size(sources=10, requests=4, days=5), seed=1)

    done = replayed(settings, ids_of(settings))

    assert len(done) >= 200
    assert {one.row.verdict for one in done} == {"permit", "undetermined", "deny"}
    assert not [one.line() for one in done if one.differences]


@pytest.mark.soak
def test_ten_thousand_random_decisions_are_replayed_equal(url, tmp_path):
    settings = make_corpus(tmp_path, url, Size(sources=250, requests=10, days=5), seed=2)
    wanted = decisions_to_replay(settings, sample=10_000, seed="soak")
    start = time.perf_counter()

    done = replayed(settings, wanted)

    print(f"\n{len(done):,} replayed in {time.perf_counter() - start:.1f} s")  # noqa: T201
    assert len(done) >= 10_000
    assert not [one.line() for one in done if one.differences]


def test_a_revocation_leaves_past_decisions_as_they_were(world):
    before = ids_of(world)
    revoke("arm", world, reason="void", at=NOW.date(), now=NOW + timedelta(hours=1), run_id="test")

    done = replayed(world, ids_of(world))

    assert set(before) < {one.row.decision_id for one in done}
    assert not [one for one in done if one.differences]


def test_a_fact_edited_behind_our_back_is_found_field_by_field(world):
    with looking(world) as session:
        (row,) = [one for one in decisions.decisions(session) if one.source_id == "arm"]
        (basis,) = [one for one in rights.facts_of(session, "arm") if one.kind == "basis"]
    edited = "UPDATE facts SET doc = replace(doc, '2036-01-01', '2026-11-01') WHERE fact_id = :fact"
    _edit(world, edited, fact=basis.fact_id)

    (done,) = replay(row.decision_id, world)

    told = {one.field: (one.recorded, one.recomputed) for one in done.differences}
    assert told["verdict"] == ("permit", "deny")
    assert told["reasons[0]"][0] == "GRANT"
    assert told["doc.proof.layers[0].facts.basis[0].valid[1]"] == ("2036-01-01", "2026-11-01")
    assert {"digest", "decision_id", "doc.facts_digest"} <= set(told)


def test_a_verdict_edited_behind_our_back_is_found(world):
    with looking(world) as session:
        (row,) = [one for one in decisions.decisions(session) if one.source_id == "lab"]
    edited = """UPDATE decisions SET doc = replace(doc, '"verdict":"deny"', '"verdict":"permit"')"""
    _edit(world, edited)

    (done,) = replay(row.decision_id[:10], world)

    assert {one.field for one in done.differences} >= {"verdict", "doc.verdict", "digest"}


def test_a_layer_that_is_gone_is_named(world):
    with looking(world) as session:
        (row,) = [one for one in decisions.decisions(session) if one.source_id == "lab"]
    _edit(world, "DELETE FROM facts WHERE source_id = 'lab' AND kind IN ('layer', 'basis')")

    (done,) = replay(row.decision_id, world)

    assert done.differences[0].field == "layers"
    assert done.line()["equal"] is False


def test_another_rulebook_is_said_and_no_mismatch(world):
    (name, _other) = ids_of(world)
    edited = (
        """UPDATE decisions SET doc = replace(doc, '"rulebook_digest":"', '"rulebook_digest":"0')"""
    )
    _edit(world, edited)

    with pytest.raises(ReplayError, match="was made with rulebook 0") as refused:
        replay(name, world)
    assert refused.value.code == "RULEBOOK_OTHER"
    assert all(isinstance(one, ReplayError) for one in replay_many(world, ids_of(world)))


def test_an_unknown_decision_is_named(world):
    with pytest.raises(NotFound, match="no-such") as unknown:
        replay("no-such", world)
    assert unknown.value.code == "UNKNOWN_ID"


def test_a_sample_is_that_of_its_seed(world):
    (name,) = decisions_to_replay(world, sample=1, seed="a")

    assert name in ids_of(world)
    assert decisions_to_replay(world, sample=1, seed="a") == (name,)
    assert decisions_to_replay(world, sample=9, seed="a") == ids_of(world)


def test_a_source_without_episodes_is_replayed(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "empty", [MIT], episodes=0)
    clear("commercial", settings, now=NOW, run_id="test")

    (done,) = replayed(settings, ids_of(settings))

    assert not done.differences


@pytest.mark.parametrize("modality", sorted(CHECKLISTS))
def test_a_question_is_found_by_its_id(modality):
    for layer in open_layers(modality, (), ()):
        assert question_layer(str(layer.layer_id)) == layer
    assert question_layer(f"checklist:{modality}/nothing") is None
    assert question_layer("0" * 32) is None


@pytest.mark.parametrize(
    ("recorded", "made", "fields"),
    [
        ({"a": [1, 2]}, {"a": [1, 2]}, []),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["a[1]"]),
        ({"a": [1]}, {"a": [1, 3]}, ["a"]),
        ({"a": {"b": True}}, {"a": {"b": 1}, "c": 0}, ["a.b", "c"]),
    ],
    ids=["equal", "element", "length", "type"],
)
def test_what_differs_is_named_by_its_path(recorded, made, fields):
    assert [one.field for one in differing(recorded, made)] == fields


def _edit(settings, sql, **values):
    """Write past the triggers, as somebody with the database in hand can."""
    with transaction(open_catalog(settings.catalog_url)) as session:
        query = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for name in session.execute(query).scalars().all():
            session.execute(text(f"DROP TRIGGER {name}"))
        session.execute(text(sql), values)
