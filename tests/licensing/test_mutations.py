"""Every clause of the rulebook matters: drop or invert one, and a row of the golden table fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from licensing.decide import decide_case
from licensing.decide.matter import find_licence
from licensing.expression import leaves, parse
from licensing.rulebook import Clause, Rulebook, load_rulebook
from tests.licensing.notation import layers_of, request_of
from tests.licensing.test_decide import golden_rows, row_holds
from tests.licensing.test_rules_page import licence_line

BOOK = load_rulebook()
KEYS = sorted({clause.key for one in BOOK.licences.values() for clause in one.clauses})


@pytest.mark.parametrize("key", KEYS)
def test_a_clause_that_is_dropped_or_inverted_breaks_a_row(key: str):
    rows = [row for row in golden_rows() if key in clauses_of(row["id"])]
    for how, book in mutants(key):
        assert not all(row_holds(row, book) for row in rows), f"{key} {how}: no row notices"


def test_a_clause_that_one_licence_loses_changes_the_page():
    for one in BOOK.licences.values():
        for clause in one.clauses:
            poorer = tuple(other for other in one.clauses if other is not clause)
            assert licence_line(replace(one, clauses=poorer)) != licence_line(one)


def mutants(key: str) -> Iterator[tuple[str, Rulebook]]:
    """The rulebook without the clause `key`, and with each of its conditions turned round."""
    yield "dropped", _with(lambda one: () if one.key == key else (one,))
    forms = [one for lic in BOOK.licences.values() for one in lic.clauses if one.key == key]
    if forms[0].effect == "condition":
        turned = {"not": [forms[0].when]}
        yield (
            "inverted",
            _with(lambda one: (replace(one, when=turned),) if one.key == key else (one,)),
        )
    if forms[0].guard is not None:
        guarded = {"not": [forms[0].guard]}
        yield (
            "guard inverted",
            _with(lambda one: (replace(one, guard=guarded),) if one.key == key else (one,)),
        )
    for scope, everything in (("actions", ("use",)), ("ops", ()), ("layers", ())):
        if getattr(forms[0], scope) != everything:
            wide = {scope: everything}
            yield (
                f"for all {scope}",
                _with(lambda one, wide=wide: (replace(one, **wide),) if one.key == key else (one,)),
            )
    if forms[0].profiles:
        yield (
            "the same in every profile",
            _with(lambda one: (replace(one, profiles={}),) if one.key == key else (one,)),
        )


def _with(change) -> Rulebook:
    licences = {
        name: replace(one, clauses=tuple(new for clause in one.clauses for new in change(clause)))
        for name, one in BOOK.licences.items()
    }
    return replace(BOOK, licences=licences)


@cache
def clauses_of(row_id: str) -> frozenset[str]:
    """The keys of all clauses of the licences that a row rests on."""
    row = next(one for one in golden_rows() if one["id"] == row_id)
    named = [
        basis.get("id") or f"LicenseRef-{basis.get('class')}"
        for layer in layers_of(row["layers"])
        for basis in layer["basis"]
    ]
    return frozenset(clause.key for name in named for clause in _clauses(name))


def _clauses(name: str) -> Iterator[Clause]:
    found, tree = find_licence(name, BOOK), parse(name)
    named = [found] if found else [BOOK.find(one) for one in leaves(tree)] if tree else []
    for one in named:
        yield from one.clauses if one else ()


def test_a_row_says_what_it_rests_on():
    assert "nc" in clauses_of("N01")
    assert decide_case({"id": "x"}, BOOK)["verdict"] == "undetermined"
    assert request_of("train commercial=yes") == {"action": "train", "commercial": True}
