"""Kleene's tables in full, and conditions as data."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest

from licensing.errors import RulebookError
from licensing.logic import (
    Outcome,
    Truth,
    all_of,
    any_of,
    best,
    conclude,
    facts_of,
    grants,
    holds,
    inside,
    meet,
    negate,
    reached,
    truth,
)

F, U, T = Truth.F, Truth.U, Truth.T


def test_tables():
    assert [[all_of((a, b)) for b in Truth] for a in Truth] == [[F, F, F], [F, U, U], [F, U, T]]
    assert [[any_of((a, b)) for b in Truth] for a in Truth] == [[F, U, T], [U, U, T], [T, T, T]]
    assert [negate(one) for one in Truth] == [T, U, F]
    assert (all_of(()), any_of(())) == (T, F)
    assert [truth(one) for one in (False, None, True)] == [F, U, T]


def test_de_morgan():
    for a, b in itertools.product(Truth, repeat=2):
        assert negate(all_of((a, b))) is any_of((negate(a), negate(b)))


def test_conditions():
    facts = {
        "request.commercial": True,
        "request.release": None,
        "request.territory": ("FR",),
        "request.at": dt.date(2026, 1, 1),
        "licence.rung": "research",
        "basis.scope": ("train",),
    }
    commercial = ["request.commercial", "is", True]
    assert holds({"all": [commercial, ["request.release", "is", "api"]]}, facts.get) is U
    assert holds({"any": [commercial, ["request.release", "is", "api"]]}, facts.get) is T
    assert holds({"not": [commercial]}, facts.get) is F
    assert holds(["request.territory", "inside", ["EU"]], facts.get) is T
    assert holds(["request.at", "before", dt.date(2026, 1, 1)], facts.get) is F
    assert holds(["basis.scope", "covers", "train_generative"], facts.get) is U
    assert holds(["licence.rung", "is", "licence.rung"], facts.get) is T
    assert facts_of({"not": [commercial]}) == ("request.commercial",)


@pytest.mark.parametrize(
    "broken", [{"all": [], "any": []}, {"some": []}, ["a", "is"], ["a", "exec", 1]]
)
def test_a_condition_that_is_none(broken: object):
    with pytest.raises(RulebookError, match="expected"):
        facts_of(broken)  # type: ignore[arg-type]


def test_grants_inside_reached():
    assert grants(("use",), "ingest") is T
    assert grants(("mine",), "train") is U
    assert grants(("train_generative",), "train") is F
    assert inside(None, ("WORLD",)) is T
    assert inside(None, ("EU",)) is U
    assert reached(None, dt.date(2026, 1, 1)) is U
    assert reached(dt.date(2026, 1, 1), dt.date(2026, 1, 1)) is T


def test_meet_keeps_every_duty_and_both_share_alikes():
    one = Outcome(grant=T, codes=("GRANT",), duties=("attribute",), share_alike=frozenset("ab"))
    two = Outcome(
        grant=T, codes=("IRREVOCABLE", "GRANT"), duties=("review",), share_alike=frozenset("bc")
    )
    both = meet([one, two])
    assert both.grant is T
    assert both.codes == ("IRREVOCABLE", "GRANT")
    assert both.duties == ("attribute", "review")
    assert both.share_alike == frozenset("b")
    assert meet([conclude([])]).share_alike is None


def test_best_takes_the_freer_and_says_so():
    bound = Outcome(grant=T, codes=("GRANT",), share_alike=frozenset("a"))
    free = Outcome(grant=T, codes=("GRANT",), duties=("attribute",))
    assert best([bound, free]).share_alike is None
    assert best([bound, free]).codes == ("CHOICE", "GRANT")
    unknown = [Outcome(grant=U, codes=(code,)) for code in ("A", "B")]
    assert best([*unknown, Outcome(grant=F, codes=("C",))]).codes == ("A", "B")
