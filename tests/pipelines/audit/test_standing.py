"""Whether a decision still stands, by what was recorded after it, is told apart from it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import clips, decisions, rights
from catalog.engine import open_catalog, transaction
from licensing.request import read_request
from pipelines.audit.differences import between
from pipelines.audit.replay import Replayed, replay_many
from pipelines.audit.standing import DEFEATED, ENDED, STANDS, standings
from pipelines.audit.tracing import trace_of
from pipelines.clear import clear
from pipelines.clear.deciding import decide_sources
from pipelines.cli import listing
from pipelines.revoke import revoke
from tests.pipelines.audit.corpus import Size, make_corpus
from tests.pipelines.small_world import (
    COMMERCIAL,
    MIT,
    NON_COMMERCIAL,
    NOW,
    SECOND,
    add_source,
    contract,
    looking,
    make_world,
    writing,
)

DECIDED = NOW + timedelta(minutes=1)
LATER = NOW + timedelta(hours=1)
NEXT_YEAR = date(2027, 1, 1)


@pytest.fixture
def url(catalog_url):
    """The address of a new catalog, on each database."""
    return catalog_url


@pytest.fixture
def world(tmp_path, url):
    """Two sources that are permitted and one that is not, all decided."""
    settings = make_world(tmp_path, catalog_url=url)
    add_source(settings, "arm", [contract()], episodes=2)
    add_source(settings, "film", [contract()], seed=9)
    add_source(settings, "lab", [NON_COMMERCIAL], seed=5)
    clear("commercial", settings, now=NOW, run_id="test")
    return settings


def stand(made, *, known=None):
    """How the decision about each source stands, the first one."""
    with looking(made) as session:
        rows = decisions.decisions(session, known=DECIDED)
        found = standings(session, rows, known=known)
    return {row.source_id: one for row, one in zip(rows, found, strict=True)}


def end(made, name, reason, *, at=None, now=LATER, of="source"):
    revoke(name, made, reason=reason, at=at or NOW.date(), now=now, run_id="test", of=of)


def test_a_decision_stands_until_something_is_recorded(world):
    assert {one.words() for one in stand(world).values()} == {"stands"}


def test_a_termination_ends_it_from_its_day_on_and_only_that_one(world):
    end(world, "arm", "ended", at=NEXT_YEAR)

    found = stand(world)

    assert found["arm"].words() == "ended from 2027-01-01 on (ended)"
    assert (found["arm"].state, found["arm"].since) == (ENDED, NEXT_YEAR)
    assert found["arm"].recorded_at >= LATER
    assert {found[one].state for one in ("film", "lab")} == {STANDS}


def test_what_was_void_from_the_start_defeats_it(world):
    end(world, "arm", "void")

    found = stand(world)

    assert found["arm"].words() == "defeated (void)"
    assert (found["arm"].state, found["arm"].since) == (DEFEATED, None)
    assert found["film"].state == STANDS


def test_an_end_that_was_backdated_ends_it_from_then_on(world):
    end(world, "arm", "breach", at=date(2026, 11, 1))

    assert stand(world)["arm"].words() == "ended from 2026-11-01 on (breach)"


@pytest.mark.parametrize("reason", ["breach", "void"])
def test_before_the_recording_it_stood(world, reason):
    end(world, "arm", reason)

    assert stand(world, known=LATER - timedelta(seconds=1))["arm"].state == STANDS
    assert stand(world, known=LATER + timedelta(minutes=1))["arm"].state != STANDS


def test_decisions_are_listed_as_they_stood_at_an_instant(world):
    end(world, "arm", "void")
    clear("commercial", world, now=LATER, run_id="test")

    with looking(world) as session:
        none, then, now = (
            {(one["source"], one["verdict"]): one["standing"] for one in decisions_at(session, at)}
            for at in (NOW - timedelta(days=1), DECIDED, None)
        )

    assert none == {}
    permitted = {("arm", "permit"): "stands", ("film", "permit"): "stands"}
    assert then == {**permitted, ("lab", "deny"): "stands"}
    assert now == {**then, ("arm", "permit"): "defeated (void)", ("arm", "deny"): "stands"}


def decisions_at(session, known):
    return listing.decisions(session, known=known)


def test_the_decision_itself_is_replayed_as_it_was(world):
    with looking(world) as session:
        before = decisions.decisions(session)
    end(world, "arm", "void")

    with looking(world) as session:
        assert decisions.decisions(session)[: len(before)] == before
    (done,) = (
        one
        for one in replay_many(world, [row.decision_id for row in before])
        if isinstance(one, Replayed) and one.row.source_id == "arm"
    )
    assert (done.differences, done.standing.state) == ((), DEFEATED)
    assert done.line()["standing"] == "defeated (void)"
    assert done.line()["verdict"] == "permit"


def test_a_denial_stands_whatever_ends(world):
    end(world, "lab", "void")

    assert stand(world)["lab"].state == STANDS


def test_what_another_ground_carries_stands(tmp_path):
    settings = make_world(tmp_path)
    both = {**MIT, "basis": [*MIT["basis"], *contract()["basis"]]}
    add_source(settings, "arm", [both])
    clear("commercial", settings, now=NOW, run_id="test")
    with writing(settings) as session:
        (fact,) = (one for one in rights.facts_of(session, "arm") if one.doc.get("grade") == "E1")
        rights.end_fact(
            session, fact.fact_id, at=NOW.date(), kind="ended", reason="ended", now=LATER
        )

    assert stand(settings)["arm"].state == STANDS


def test_an_order_over_a_source_ends_what_it_permits(world):
    end(world, "arm", "ordered")

    assert stand(world)["arm"].words() == f"ended from {NOW.date()} on (ordered)"


def test_an_end_of_one_of_its_recordings_ends_it_in_part(world):
    end(world, "arm/take_0.mp4", "taken_down", of="file")

    found = stand(world)["arm"]

    assert found.words() == f"ended in part from {NOW.date()} on (taken_down)"
    assert found.partly

    end(world, "arm/take_1.mp4", "taken_down", of="file", now=LATER + timedelta(hours=1))
    assert stand(world)["arm"].words() == f"ended from {NOW.date()} on (taken_down)"
    assert stand(world)["film"].state == STANDS


def test_spans_that_overlap_count_once(world):
    with looking(world) as session:
        (episode, _) = clips.episodes_of(session, "arm")
    for number, span in enumerate([(0, 4 * SECOND), (2 * SECOND, 6 * SECOND)]):
        assert stand(world)["arm"].partly == (number > 0)
        revoke(episode.episode_id, world, reason="taken_down", at=NOW.date(), of="span", span=span,
               now=LATER + timedelta(hours=number), run_id="test")  # fmt: skip

    assert stand(world)["arm"].partly  # the other episode is left
    end(world, "arm/take_1.mp4", "taken_down", of="file", now=LATER + timedelta(hours=3))
    assert not stand(world)["arm"].partly


def test_a_decision_that_was_made_with_the_end_stands(world):
    end(world, "arm", "ended", at=NEXT_YEAR)  # the revocation decides anew

    with looking(world) as session:
        rows = [one for one in decisions.decisions(session) if one.source_id == "arm"]
        found = standings(session, rows)

    assert len(rows) == 2
    assert [one.state for one in found] == [ENDED, STANDS]


def test_a_difference_names_the_decisions_that_stand_otherwise(world):
    end(world, "arm", "ended", at=NEXT_YEAR)

    found = between(DECIDED, LATER + timedelta(minutes=1), world, day=NOW.date())

    (moved,) = found.moved
    assert (moved.row.source_id, moved.before.state, moved.after.state) == ("arm", STANDS, ENDED)
    assert moved.line()["to"] == "ended from 2027-01-01 on (ended)"
    assert found.turned == ()  # on that day nothing is decided otherwise
    assert between(LATER + timedelta(minutes=1), LATER + timedelta(minutes=2), world,
                   day=NOW.date()).moved == ()  # fmt: skip


def test_a_trace_says_how_its_decisions_stand(world):
    end(world, "arm", "void")

    with looking(world) as session:
        nodes = trace_of(session, "arm", downward=True).nodes.values()

    notes = {(one.note, one.state) for one in nodes if one.kind == "decision"}
    assert ("defeated (void)", "revoked") in notes


ENDINGS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(rights.ENDS), st.integers(-40, 40)), max_size=4
)


@settings(max_examples=8)
@given(endings=ENDINGS, one_ground=st.booleans())
def test_the_engine_agrees_with_every_standing(tmp_path_factory, endings, one_ground):
    """On each side of the day, what is known now is decided as the standing says."""
    world = a_small_world(tmp_path_factory.mktemp("standing"), one_ground=one_ground)
    with writing(world) as session:
        bases = [one for one in rights.facts_of(session, "arm") if one.kind == "basis"]
        for number, (which, kind, days) in enumerate(endings):
            fact, day = bases[which % len(bases)], NOW.date() + timedelta(days=days)
            now = LATER + timedelta(minutes=number)
            rights.end_fact(session, fact.fact_id, at=day, kind=kind, reason=kind, now=now)
    known = [None, *(LATER + timedelta(minutes=number + 0.5) for number in range(len(endings)))]

    for then in known:
        found = stand(world, known=then)["arm"]
        today = is_permitted(world, NOW.date(), known=then)
        if found.state == STANDS:
            assert all(is_permitted(world, NOW.date() + timedelta(days=n), known=then)
                       for n in (0, 20, 45))  # fmt: skip
        elif found.state == DEFEATED:
            assert not today
        else:
            assert not is_permitted(world, max(found.since, NOW.date()), known=then)
            before = found.since - timedelta(days=1)
            assert found.since <= NOW.date() or is_permitted(world, before, known=then)


def a_small_world(folder, *, one_ground):
    """One decided source, with one ground or two, one of them without an end."""
    made = make_world(folder)
    bases = contract()["basis"] if one_ground else [*MIT["basis"], *contract()["basis"]]
    add_source(made, "arm", [{**MIT, "basis": bases}], video=False)
    clear("commercial", made, now=NOW, run_id="test")
    return made


def is_permitted(world, day, *, known):
    """Whether the source would be permitted on a day, with what is known then."""
    with looking(world) as session:
        (row,) = decide_sources(session, replace(read_request(COMMERCIAL), at=day), known=known)
    return all(one.verdict == "permit" for one in row.parts)


def test_a_standing_never_gets_better_as_more_is_known(url, tmp_path):
    made = make_corpus(tmp_path, url, Size(sources=6, requests=2, days=4), seed=3)
    rank = {STANDS: 0, ENDED: 1, DEFEATED: 2}

    with looking(made) as session:
        rows = decisions.decisions(session)
        instants = sorted({row.known for row in rows})
        ranks = [[rank[one.state] for one in standings(session, rows, known=k)] for k in instants]

    for before, after in pairwise(ranks):
        assert all(one <= other for one, other in zip(before, after, strict=True))


@pytest.mark.soak
def test_ten_thousand_decisions_are_judged_in_seconds(url, tmp_path):
    made = make_corpus(tmp_path, url, Size(sources=250, requests=10, days=5), seed=2)
    with transaction(open_catalog(url)) as session:
        rows = decisions.decisions(session)
        begun = time.perf_counter()
        found = standings(session, rows)
        took = time.perf_counter() - begun

    assert len(found) >= 10_000
    print(f"{len(found)} decisions judged in {took:.1f} s, {made.catalog_url}")  # noqa: T201
