"""Decisions by the log: which sources changed since, and were not decided after it."""

from sqlalchemy.orm import Session

from catalog.decisions import changed_since, record_decisions
from catalog.rights import attach, end_fact, facts_of
from catalog.tree import size
from tests.catalog.world import NOW, a_decision, add_source


def test_a_source_is_changed_until_it_is_decided_and_again_when_a_fact_ends(
    each_session: Session,
) -> None:
    for name in ("a", "b"):
        add_source(each_session, name)
        attach(each_session, name, "evidence", {"sha256": name * 64}, now=NOW)
    before = changed_since(each_session, 0)
    record_decisions(each_session, (a_decision("a"),), run_id="r", now=NOW)
    after, end = changed_since(each_session, 0), size(each_session)
    (fact, *_) = (one for one in facts_of(each_session, "a") if one.kind == "evidence")
    end_fact(each_session, fact.fact_id, at=NOW.date(), kind="void", reason="wrong", now=NOW)

    assert before.keys() == {"a", "b"}
    assert after.keys() == {"b"}
    assert changed_since(each_session, end) == {"a": end}
    assert changed_since(each_session, end + 1) == {}
