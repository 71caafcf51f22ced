"""A decision freer than its own proof is found."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from licensing import verify
from licensing.decide import decide
from licensing.facts import decision_doc, read_layers
from licensing.facts.vocabulary import LAYER_KINDS
from licensing.manifest import (
    canonical,
    digest,
)
from licensing.request import read_request
from licensing.rulebook import load_rulebook

OPEN = {"layer": "copyright", "basis": [{"type": "public_licence", "id": "CC-BY-4.0"}]}
NONCOMMERCIAL = {"layer": "copyright", "basis": [{"type": "public_licence", "id": "CC-BY-NC-4.0"}]}
UNKNOWN = {"layer": "neighbouring", "basis": []}
SIGNED = {"layer": "copyright", "basis": [{"type": "contract", "grade": "E1"}]}
SOUND = {"layer": "copyright", "stream": "audio", "basis": [{"type": "contract", "grade": "E1"}]}
RELEASED = {
    "layer": "likeness",
    "basis": [{"type": "consent", "scope": ["train"], "specific": True, "commercial": True}],
}
ASKED = {"action": "train", "commercial": True, "release": "api", "at": "2026-11-24"}


def decided(*layers, **request):
    decision = decide(read_layers(layers), read_request(ASKED | request), load_rulebook())
    doc: dict[str, Any] = json.loads(canonical(decision_doc(decision)))
    return doc


def faults(doc):
    return {one.code for one in verify.verify_decision(doc).failed}


def layer_of(doc):
    return doc["proof"]["layers"][0]


@pytest.mark.parametrize(
    ("layers", "verdict"),
    [
        ((OPEN,), "permit"),
        ((NONCOMMERCIAL,), "deny"),
        ((OPEN, UNKNOWN), "undetermined"),
        ((), "undetermined"),
    ],
)
def test_what_the_engine_decides_follows_from_its_proof(layers, verdict):
    doc = decided(*layers)

    judged = verify.verify_decision(doc)

    assert doc["verdict"] == verdict
    assert judged.passed
    assert judged.findings[0].message == f"{verdict} follows from {len(layers)} layers"


def test_two_share_alike_licences_may_deny_what_each_layer_permits():
    layers = [
        {"layer": "copyright", "basis": [{"type": "public_licence", "id": licence}]}
        for licence in ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0")
    ]
    request = {"action": "publish_dataset", "commercial": False, "release": "dataset"}
    doc = decided(*layers, **request, out_licence="CC-BY-SA-4.0")

    assert "INCOMPATIBLE_SA" in doc["reasons"]
    assert verify.verify_decision(doc).passed


def _freer(doc):
    doc["verdict"] = doc["proof"]["verdict"] = "permit"


def _contradict(doc):
    doc["verdict"] = "permit"


def _unforbid(doc):
    layer_of(doc)["bases"][0]["forbids"] = "T"


def _groundless(doc):
    layer_of(doc)["facts"]["basis"][0]["grade"] = "E4"


def _claimed(doc):
    layer_of(doc)["facts"]["basis"][0]["type"] = "aggregator_claim"


def _takedown(doc):
    layer_of(doc)["facts"]["taken_down"] = True


def _unmap(doc):
    layer_of(doc)["facts"]["stream"] = "smell"


def _condition(doc):
    layer_of(doc)["bases"][0]["steps"].append({"rule": "x", "truth": "U"})


def _strict(doc):
    layer_of(doc)["facts"] |= {"layer": "voice"}
    layer_of(doc)["facts"]["basis"][0]["grade"] = "E2"


def _no_duty(doc):
    doc["obligations"] = []


def _reason(doc):
    doc["reasons"] = doc["proof"]["reasons"] = ["BECAUSE"]


def _no_reason(doc):
    doc["reasons"] = doc["proof"]["reasons"] = []


def _request(doc):
    doc["proof"]["request"]["commercial"] = False


def _hide(doc):
    doc["proof"]["out_of_scope"].append(doc["proof"]["layers"].pop()["facts"])


def _hide_tool(doc):
    doc["proof"]["out_of_scope"].append({"layer": "tool", "basis": []})


def _term(**terms):
    def change(doc):
        layer_of(doc)["facts"]["basis"][0] |= terms

    return change


def _say_why(doc):
    doc["reasons"] = ["GRANT", "CHOICE"]


TAMPERED = [
    ((NONCOMMERCIAL,), _freer, {"PROOF_LEAST"}),
    ((NONCOMMERCIAL,), _contradict, {"PROOF_LEAST", "PROOF_VERDICT"}),
    ((OPEN,), _unforbid, {"PROOF_FORBIDDEN"}),
    ((OPEN,), _groundless, {"PROOF_GROUNDLESS"}),
    ((OPEN,), _claimed, {"PROOF_GROUNDLESS"}),
    ((OPEN,), _strict, {"PROOF_GROUNDLESS"}),
    ((OPEN,), _takedown, {"PROOF_TAKEN_DOWN"}),
    ((OPEN,), _unmap, {"PROOF_UNMAPPED"}),
    ((OPEN,), _condition, {"PROOF_STEP"}),
    ((OPEN,), _no_duty, {"PROOF_DUTY"}),
    ((OPEN,), _reason, {"PROOF_REASON"}),
    ((OPEN,), _no_reason, {"PROOF_REASON"}),
    ((OPEN,), _say_why, {"PROOF_REASON", "PROOF_VERDICT"}),
    ((OPEN,), _request, {"PROOF_REQUEST"}),
    ((OPEN, SOUND), _hide, {"PROOF_SCOPE"}),
    ((OPEN,), _hide_tool, {"PROOF_SCOPE"}),
    ((SIGNED,), _term(valid=["2020-01-01", "2021-01-01"]), {"PROOF_GROUNDLESS"}),
    ((SIGNED,), _term(valid=["2027-01-01", "2028-01-01"]), {"PROOF_GROUNDLESS"}),
    ((SIGNED,), _term(valid=[]), {"PROOF_GROUNDLESS"}),
    ((SIGNED,), _term(actions=["ingest"]), {"PROOF_GROUNDLESS"}),
    ((SIGNED,), _term(commercial=False), {"PROOF_GROUNDLESS"}),
    ((RELEASED,), _term(scope=["evaluate"]), {"PROOF_GROUNDLESS"}),
    ((SIGNED,), _term(valid=["2020-01-01", "2030-01-01"]), set()),
]


def _sealed_again(doc):
    """Whoever forges a proof can put a matching digest beside it."""
    facts = [*(one["facts"] for one in doc["proof"]["layers"]), *doc["proof"]["out_of_scope"]]
    facts.sort(key=lambda one: (LAYER_KINDS.index(one["layer"]), canonical(one)))
    doc["facts_digest"] = digest(facts)


@pytest.mark.parametrize(("layers", "harm", "expected"), TAMPERED)
def test_a_decision_freer_than_its_proof_is_found(layers, harm, expected):
    doc = decided(*layers)
    harm(doc)
    _sealed_again(doc)

    assert faults(doc) - {"PROOF_DUTY"} == expected - {"PROOF_DUTY"}
    assert expected <= faults(doc)


def test_a_fact_that_was_left_out_of_the_proof_is_missed():
    doc = decided(OPEN, SOUND)
    doc["proof"]["layers"].pop()

    assert faults(doc) == {"PROOF_FACTS"}


def test_what_was_not_asked_stands_beside_the_proof():
    tool = {"layer": "tool", "basis": [], "covers_output": False}
    doc = decided(OPEN, {**SOUND, "basis": []}, tool, streams=["video"])

    assert doc["verdict"] == "permit"
    assert [one["layer"] for one in doc["proof"]["out_of_scope"]] == ["copyright", "tool"]
    assert not faults(doc)


def test_an_old_view_and_a_surviving_model_convince_the_checker():
    ended = {"type": "contract", "grade": "E1", "valid": ["2024-01-01", "2025-01-01"]}
    seen = {"layer": "copyright", "basis": [ended | {"recorded": "2026-11-01"}]}
    lived = {"layer": "copyright", "basis": [ended | {"survival": ["deploy_existing_model"]}]}

    before = decided(seen, at="2025-06-01", known="2026-10-01")
    after = decided(lived, action="deploy_existing_model", trained_at="2024-06-01")

    assert [before["verdict"], after["verdict"]] == ["permit", "permit"]
    assert not faults(before) | faults(after)


@pytest.mark.parametrize(
    "doc",
    [{}, {"proof": None}, {"proof": {"request": {}, "layers": [{}]}}, {"proof": []}],
)
def test_a_proof_that_cannot_be_read_is_no_proof(doc):
    whole = {"request_digest": digest({}), "verdict": "permit", "reasons": []} | doc

    assert faults(whole) == {"PROOF_MALFORMED"}


def test_the_checker_never_imports_the_engine():
    folder = Path(verify.__file__).parent
    imported = {
        node.module or ""
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    }

    assert not [name for name in imported if "decide" in name]
