"""Agreements: chains of sublicences, what they bar, what they demand, whose consent it is."""

from __future__ import annotations

from typing import Any

import pytest

from licensing.decide import decide, decide_case
from licensing.errors import BadCase
from licensing.facts import Decision, layer_doc, read_layers
from licensing.request import read_request
from licensing.rulebook import load_rulebook

BOOK = load_rulebook()
ASKED = {
    "action": "train_generative", "commercial": True, "release": "weights", "at": "2026-06-01",
    "territory": ["DE"], "purpose": "games", "model_kind": "world_model", "streams": ["video"],
}  # fmt: skip
DIGEST = "ab" * 32


def decided(*bases: dict[str, Any], layer: dict[str, Any] | None = None, **asked: Any) -> Decision:
    doc = {"layer": "copyright", "basis": list(bases)} | (layer or {})
    return decide(read_layers([doc]), read_request(ASKED | asked), BOOK)


def told(*bases: dict[str, Any], layer: dict[str, Any] | None = None, **asked: Any) -> str:
    decision = decided(*bases, layer=layer, **asked)
    return f"{decision.verdict.word} {','.join(decision.reasons)}"


def contract(**terms: Any) -> dict[str, Any]:
    return {"type": "contract", "grade": "E1", **terms}


def link(licensor: str | None, licensee: str | None, **terms: Any) -> dict[str, Any]:
    return {"licensor": licensor, "licensee": licensee, "sublicense": True, **terms}


HELD = {"holder": "studio"}
WHOLE = [link("studio", "agency"), link("agency", "broker")]


def test_a_sublicence_with_an_unbroken_chain_permits():
    assert told(contract(licensor="broker", chain=WHOLE), layer=HELD) == "permit GRANT"


@pytest.mark.parametrize(
    ("chain", "licensor", "expected"),
    [
        ([], "broker", "undetermined CHAIN_BROKEN"),
        ([], None, "undetermined CHAIN_BROKEN"),
        (WHOLE[1:], "broker", "undetermined CHAIN_BROKEN"),
        (WHOLE[:1], "broker", "undetermined CHAIN_BROKEN"),
        ([WHOLE[0], link("agency", None)], "broker", "undetermined CHAIN_BROKEN"),
        (WHOLE, None, "undetermined CHAIN_BROKEN"),
        ([*WHOLE, link("broker", "studio")], "studio", "undetermined CHAIN_CYCLIC"),
        ([], "studio", "permit GRANT"),
    ],
)
def test_a_gap_or_a_circle_in_the_chain_is_not_cleared(chain, licensor, expected):
    assert told(contract(licensor=licensor, chain=chain), layer=HELD) == expected


def test_a_chain_whose_holder_nobody_knows_is_not_cleared():
    assert told(contract(licensor="broker", chain=WHOLE)) == "undetermined CHAIN_BROKEN"


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"sublicense": False}, "deny NO_SUBLICENCE"),
        ({"sublicense": None}, "undetermined NO_SUBLICENCE"),
        ({"valid": ["2020-01-01", "2026-01-01"]}, "deny EXPIRED"),
        ({"valid": ["2026-07-01", "2027-01-01"]}, "deny NOT_YET_VALID"),
        ({"actions": ["ingest"]}, "deny ACTION_NOT_GRANTED"),
        ({"actions": ["train"]}, "undetermined ACTION_NOT_NAMED"),
        ({"commercial": False}, "deny NC"),
        ({"territory": ["US"]}, "deny TERRITORY"),
        ({"territory": None}, "undetermined TERRITORY_UNKNOWN"),
        ({"unmapped": ["most favoured party"]}, "undetermined TERM_UNMAPPED"),
        ({"grade": "E3"}, "undetermined EVIDENCE_GRADE"),
    ],
)
def test_a_sublicence_is_no_wider_than_an_agreement_above_it(terms, expected):
    chain = [WHOLE[0] | terms, WHOLE[1]]

    assert told(contract(licensor="broker", chain=chain), layer=HELD) == expected


def test_an_agreement_above_that_orders_models_destroyed_forbids_them():
    ended = {"valid": ["2020-01-01", "2026-01-01"], "on_end": "destroy_models"}
    chain = [WHOLE[0] | ended, WHOLE[1]]

    answer = told(
        contract(licensor="broker", chain=chain), layer=HELD, action="deploy_existing_model"
    )

    assert answer == "deny POST_TERM_DESTROY"


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ({"actions": ["train"]}, "deny RESTRICTED"),
        ({"actions": ["share"]}, "permit GRANT"),
        ({"purpose": ["surveillance"]}, "permit GRANT"),
        ({"purpose": ["games"]}, "deny RESTRICTED"),
        ({"release": ["weights"], "territory": ["DE-BE"]}, "deny RESTRICTED"),
        ({"release": ["weights"], "territory": ["US"]}, "permit GRANT"),
        ({"territory": ["EU"]}, "deny RESTRICTED"),
        ({"model_kind": ["llm"]}, "permit GRANT"),
        ({"commercial": True}, "deny RESTRICTED"),
        ({"commercial": False}, "permit GRANT"),
        ({"streams": ["audio"]}, "permit GRANT"),
        ({"streams": ["video"], "clause": "3"}, "deny RESTRICTED"),
        ({}, "deny RESTRICTED"),
    ],
)
def test_what_an_agreement_bars_is_denied(bar, expected):
    assert told(contract(restrictions=[bar])) == expected


@pytest.mark.parametrize("open_", ["purpose", "territory", "release", "model_kind", "commercial"])
def test_a_request_that_may_be_barred_is_not_cleared(open_):
    bars = {"purpose": ["games"], "territory": ["DE"], "release": ["weights"]}
    bars |= {"model_kind": ["world_model"]}
    bar = {"commercial": True} if open_ == "commercial" else {open_: bars[open_]}

    answer = told(contract(restrictions=[bar]), **{open_: None})

    assert answer == "undetermined RESTRICTION_UNKNOWN"


def test_a_bar_on_one_stream_reaches_layers_of_that_stream_only():
    bar = contract(restrictions=[{"streams": ["video"]}])

    assert told(bar, layer={"stream": "action"}, streams=None) == "permit GRANT"
    assert told(bar, layer={"stream": "video"}, streams=None) == "deny RESTRICTED"


@pytest.mark.parametrize(
    ("duty", "expected"),
    [
        ({"state": "met", "precedent": True}, "permit GRANT"),
        ({"state": "due", "precedent": True}, "deny CONDITION_PRECEDENT"),
        ({"precedent": True}, "undetermined CONDITION_PRECEDENT"),
        ({"state": "breached"}, "undetermined OBLIGATION_BREACHED"),
        ({"state": "due", "deadline": "2026-05-31"}, "undetermined OBLIGATION_OVERDUE"),
        ({"state": "due", "deadline": "2026-06-02"}, "permit GRANT"),
        ({"state": "dormant", "deadline": "2026-05-31"}, "permit GRANT"),
        ({}, "permit GRANT"),
    ],
)
def test_duties_that_are_broken_or_come_first_keep_the_grant_open(duty, expected):
    assert told(contract(obligations=[{"duty": "pay", **duty}])) == expected


def test_a_deadline_without_a_day_of_asking_is_open():
    duty = {"duty": "pay", "state": "due", "deadline": "2026-05-31"}

    assert told(contract(obligations=[duty]), at=None) == "undetermined TIME_UNKNOWN"


def test_bars_and_duties_that_were_not_read_leave_the_agreement_open():
    assert told(contract(restrictions=None)) == "undetermined RESTRICTION_UNKNOWN"
    assert told(contract(obligations=None)) == "undetermined OBLIGATION_UNKNOWN"


@pytest.mark.parametrize(
    ("capacity", "minor", "expected"),
    [
        ("self", False, "permit GRANT"),
        ("self", True, "undetermined MINOR_CONSENT"),
        ("parent", True, "permit GRANT"),
        ("guardian", True, "permit GRANT"),
        (None, True, "undetermined MINOR_CONSENT"),
        ("incapable", False, "undetermined CAPACITY"),
    ],
)
def test_who_consents_must_be_able_to(capacity, minor, expected):
    given = {"type": "consent", "scope": ["use"], "commercial": True, "specific": True}

    answer = told(given | {"capacity": capacity}, layer={"layer": "likeness", "minor": minor})

    assert answer == expected


def test_the_proof_leads_to_the_evidence():
    paper = {"digest": DIGEST, "clause": "2", "url": "https://example.org", "grade": "E1"}
    paper |= {"observed": "2026-01-02", "found": "the signed copy"}

    decision = decided(contract(evidence=[paper], licensor="studio"), layer=HELD)

    (layer,) = decision.proof["layers"]
    assert layer["facts"]["basis"][0]["evidence"] == [paper]
    assert layer["bases"][0]["evidence"] == [DIGEST]


def test_everything_that_an_agreement_states_is_written_back():
    link_doc = link("studio", "broker", territory=None, actions=["train"])
    doc = {
        "layer": "copyright", "holder": "studio", "region": "0,0,0.5,0.5",
        "basis": [contract(
            licensor="broker", chain=[link_doc],
            restrictions=[{"actions": ["share"], "clause": "3"}],
            obligations=[{"duty": "pay", "deadline": "2027-01-01", "precedent": True}],
            evidence=[{"digest": DIGEST}],
        )],
    }  # fmt: skip

    (layer,) = read_layers([doc])

    assert read_layers([layer_doc(layer)]) == (layer,)
    assert layer_doc(layer) == doc


@pytest.mark.parametrize(
    ("basis", "field"),
    [
        (contract(chain=[{"chain": []}]), "chain"),
        (contract(chain="studio"), "chain"),
        (contract(evidence=[{"digest": "12"}]), "digest"),
        (contract(restrictions=[{"actions": None}]), "actions"),
        (contract(restrictions=[{"actions": []}]), "actions"),
        (contract(obligations=[{"state": "due"}]), "duty"),
        (contract(obligations=[{"duty": "pay", "state": "paid"}]), "state"),
        ({"type": "consent", "capacity": "friend"}, "capacity"),
        ({"type": "consent", "licensor": "x"}, "licensor"),
    ],
)
def test_an_agreement_that_cannot_be_read_is_no_agreement(basis, field):
    layers = [{"layer": "copyright", "basis": [basis]}]

    with pytest.raises(BadCase, match=field):
        read_layers(layers)
    case = {"id": "x", "layers": layers, "request": ASKED}
    assert decide_case(case, BOOK)["reasons"] == [f"BAD_CASE:{field}"]


def test_a_masked_region_frees_the_rest_of_the_picture():
    poster = {"layer": "copyright", "region": "poster", "basis": [{"type": "none"}]}
    layers = read_layers([poster, {"layer": "copyright", "basis": [contract()]}])

    decision = decide(layers, read_request(ASKED), BOOK)

    assert decision.verdict.word == "deny"
    assert decision.clearable == ("without-region:poster",)
