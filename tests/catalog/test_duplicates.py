"""Duplicates: dated facts of both sources; groups are the components, in whatever order."""

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from catalog import rights
from catalog.audit import verify_log
from catalog.duplicates import Pair, Place, groups, joined, pairs, record_pairs
from tests.catalog.world import NOW


def place(source_id: str, episode_id: str) -> Place:
    return Place(source_id=source_id, episode_id=episode_id, start_ns=5, end_ns=2**62)


def a_pair(one: str, other: str, kind: str = "near") -> Pair:
    return Pair(
        one=place("a", one), other=place("b", other), kind=kind, distance=0.0312, is_mirrored=True
    )


def test_a_pair_is_a_fact_of_both_sources_and_the_same_again_is_none(each_session: Session) -> None:
    pair = a_pair("e1", "e2")

    counts = [record_pairs(each_session, [pair], now=NOW) for _turn in range(2)]

    assert counts == [2, 0]
    assert pairs(each_session) == (pair,)
    for source_id in ("a", "b"):
        (fact,) = rights.facts_of(each_session, source_id)
        assert fact.kind == "duplicate"
    assert rights.layers_of(each_session, "a", known=None) == []
    assert verify_log(each_session).broken == ()


def test_what_was_not_known_yet_is_not_read(session: Session) -> None:
    record_pairs(session, [a_pair("e1", "e2")], now=NOW)

    assert pairs(session, known=NOW - timedelta(seconds=1)) == ()


def test_the_latest_words_about_two_episodes_count(session: Session) -> None:
    first = a_pair("e1", "e2", "suspect")
    record_pairs(session, [first], now=NOW)
    record_pairs(session, [replace(first, kind="near")], now=NOW)

    assert [one.kind for one in pairs(session)] == ["near"]


def test_a_pair_that_somebody_voided_is_left_out_and_one_that_ended_is_not(
    session: Session,
) -> None:
    record_pairs(session, [a_pair("e1", "e2"), a_pair("e3", "e4")], now=NOW)
    for fact in rights.facts_of(session, "a") + rights.facts_of(session, "b"):
        kind = "void" if fact.doc["episode"] in {"e1", "e2"} else "taken_down"
        rights.end_fact(
            session, fact.fact_id, at=date(2026, 1, 1), kind=kind, reason="seen", now=NOW
        )

    assert [one.episodes for one in pairs(session)] == [("e3", "e4")]


def test_suspects_are_in_no_group_of_copies() -> None:
    found = groups([a_pair("e1", "e2"), a_pair("e1", "e3", "suspect")])

    assert found == (frozenset({("a", "e1"), ("b", "e2")}),)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12))), st.randoms())
def test_components_do_not_depend_on_the_order_of_edges(edges, random):
    shuffled = [tuple(random.sample(edge, 2)) for edge in random.sample(edges, len(edges))]

    one, other = joined(edges), joined(shuffled)

    assert one.keys() == other.keys()
    for first in one:
        for second in one:
            assert (one[first] == one[second]) == (other[first] == other[second])
    for left, right in edges:
        assert one[left] == one[right]
