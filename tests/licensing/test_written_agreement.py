"""From the clauses of a written agreement to bases: nothing is left out."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.agreement import contracts_of
from licensing.decide import decide
from licensing.errors import BadCase
from licensing.facts import read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook

BOOK = load_rulebook()
PAPER: dict[str, Any] = {
    "id": "a-1", "from": "studio", "to": "us", "valid": ["2026-01-01", "2030-01-01"],
    "grants": [{"clause": "2", "actions": ["train_generative"], "commercial": "both", "says": "…"}],
    "terms": [{"clause": "4", "territory": ["EU"], "valid": ["2026-03-01", "2031-01-01"]}],
    "restrictions": [{"clause": "3", "actions": ["publish_dataset"]}],
    "obligations": [{"clause": 5, "duty": "attribute", "text": "Studio"}],
    "on_end": [{"clause": "6", "survival": ["deploy_existing_model"]}],
}  # fmt: skip
ASKED = {
    "action": "train_generative", "commercial": True, "at": "2026-06-01", "territory": ["DE"],
}  # fmt: skip


def verdict(paper: dict[str, Any], **asked: Any) -> tuple[str, ...]:
    layers = read_layers([{"layer": "copyright", "basis": list(contracts_of(paper))}])
    decision = decide(layers, read_request(ASKED | asked), BOOK)
    return (decision.verdict.word, *decision.reasons)


def test_every_clause_finds_its_field():
    (basis,) = contracts_of(PAPER)

    assert basis == {
        "type": "contract", "instrument_id": "a-1", "licensor": "studio", "licensee": "us",
        "valid": [date(2026, 3, 1), date(2030, 1, 1)], "territory": ["EU"],
        "actions": ["train_generative"], "commercial": True,
        "restrictions": [{"actions": ["publish_dataset"], "clause": "3"}],
        "obligations": [{"duty": "attribute", "text": "Studio", "clause": "5"}],
        "survival": ["deploy_existing_model"],
    }  # fmt: skip
    assert verdict(PAPER) == ("permit", "GRANT")
    assert verdict(PAPER, territory=["US"]) == ("deny", "TERRITORY")
    assert verdict(PAPER, at="2026-02-01") == ("deny", "NOT_YET_VALID")


@pytest.mark.parametrize("table", ["grants", "terms", "restrictions", "obligations", "on_end"])
def test_a_term_without_a_field_makes_the_grant_unknown(table):
    clause = PAPER[table][0] | {"audit_right": "yearly"}

    (basis,) = contracts_of(PAPER | {table: [clause]})

    assert basis["unmapped"] == [f"{table} {clause['clause']}: audit_right"]
    assert verdict(PAPER | {table: [clause]}) == ("undetermined", "TERM_UNMAPPED")


def test_a_clause_that_nobody_mapped_makes_the_grant_unknown():
    told = [{"clause": "9", "says": "The parties shall confer."}]

    assert verdict(PAPER | {"terms": told}) == ("undetermined", "TERM_UNMAPPED")
    read = [told[0] | {"immaterial": "no limit on use"}]
    assert verdict(PAPER | {"terms": read}) == ("permit", "GRANT")


def test_an_agreement_without_a_grant_grants_nothing():
    assert verdict({"id": "a-1"}) == ("undetermined", "TERM_UNMAPPED")
    assert contracts_of({"grants": []})[0] == {
        "type": "contract",
        "unmapped": ["no clause of a grant has been mapped"],
    }


def test_each_grant_is_a_basis_of_its_own():
    grants = [
        {"actions": ["train_generative"], "commercial": False},
        {"actions": ["ingest"], "commercial": True},
    ]

    bases = contracts_of(PAPER | {"grants": grants})

    assert [one["actions"] for one in bases] == [["train_generative"], ["ingest"]]
    assert verdict(PAPER | {"grants": grants})[0] == "deny"


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ({"territory": ["EU"]}, {"territory": ["DE", "US"]}, ["DE"]),
        ({"territory": ["EU"]}, {"territory": ["US"]}, []),
        ({"release": ["api", "weights"]}, {"release": ["api"]}, ["api"]),
        ({"release": None}, {"release": ["api"]}, None),
        ({"commercial": True}, {"commercial": False}, False),
        ({"commercial": True}, {"commercial": "for charities"}, None),
        ({"valid": ["2026-01-01", None]}, {"valid": ["2025-01-01", "2027-01-01"]}, None),
        ({"valid": []}, {"valid": ["2025-01-01", "2027-01-01"]}, []),
        ({"valid": ["2025-01-01", "2026-01-01"]}, {"valid": ["2026-01-01", "2027-01-01"]}, []),
    ],
)
def test_two_clauses_about_one_limit_meet(first, second, both):
    grants = [{"actions": ["use"]} | second]

    (basis,) = contracts_of({"terms": [first], "grants": grants})

    assert basis[next(iter(first))] == both


@pytest.mark.parametrize(
    "paper",
    [
        {"grants": "all"},
        {"grants": ["all"]},
        {"terms": [{"valid": "2026"}], "grants": [{"valid": ["2026-01-01", "2027-01-01"]}]},
        {"terms": [{"release": 1}], "grants": [{"release": ["api"]}]},
        {"terms": [{"commercial": True}], "grants": [{"commercial": [1]}, {"sublicense": 2}]},
    ],
)
def test_a_paper_that_cannot_be_read_is_refused(paper):
    with pytest.raises(BadCase, match="expected"):
        read_layers([{"layer": "copyright", "basis": list(contracts_of(paper))}])


def test_models_to_be_destroyed_are_carried_over():
    paper = PAPER | {"on_end": [{"destroy_models": True}]}

    assert contracts_of(paper)[0]["on_end"] == "destroy_models"


@settings(max_examples=500, deadline=None)
@given(key=st.text(min_size=1, max_size=9), table=st.sampled_from(["grants", "terms", "on_end"]))
def test_no_key_is_ever_read_over(key, table):
    """Whatever a clause states is in the basis, told to people, or named as unmapped."""
    known = {"clause", "says", "immaterial", "survival", "destroy_models", "sublicense", "valid"}
    known |= {"actions", "territory", "release", "model_kind", "purpose", "streams", "commercial"}
    if key not in known:
        (basis,) = contracts_of(PAPER | {table: [PAPER[table][0] | {f"{key}": 1}]})
        assert any(one.endswith(f": {key}") for one in basis["unmapped"])
