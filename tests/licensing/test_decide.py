"""Verdicts: our own golden table, the shared cases and the demo corpus."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from licensing.decide import decide, decide_case
from licensing.facts import Verdict, decision_digest, decision_doc, read_layers
from licensing.request import read_request
from licensing.rulebook import Rulebook, load_rulebook
from licensing.verify import verify_decision
from tests.licensing.notation import layers_of, request_of

TESTS = Path(__file__).resolve().parents[1]
SHARED = TESTS.parents[1] / "shared"
BOOK = load_rulebook()


def golden_rows() -> list[dict[str, str]]:
    with (TESTS / "golden" / "decisions.csv").open(newline="") as table:
        lines = [line for line in table if not line.startswith("#")]
    return list(csv.DictReader(lines, delimiter="|", quoting=csv.QUOTE_NONE))


def key(code: str) -> str:
    return code.partition(":")[0]


def shared_cases(name: str) -> Any:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"{name} is not beside this checkout: the shared cases were NOT run")
    return json.loads(path.read_text())


def answered(row: dict[str, str], book: Rulebook) -> dict[str, Any]:
    case = {"layers": layers_of(row["layers"]), "request": request_of(row["request"])}
    return decide_case({"id": row["id"], **case}, book)


def row_holds(row: dict[str, str], book: Rulebook) -> bool:
    answer = answered(row, book)
    duties = set(row["duties"].split(",")) - {"-"}
    owed = {one for one in duties if not one.startswith("!")}
    return (
        answer["verdict"] == row["verdict"]
        and set(row["reasons"].split(",")) <= set(answer["reasons"])
        and owed <= set(answer["obligations"])
        and not {one.removeprefix("!") for one in duties - owed} & set(answer["obligations"])
    )


@pytest.mark.parametrize("row", golden_rows(), ids=lambda row: row["id"])
def test_golden_table(row: dict[str, str]):
    assert row_holds(row, BOOK), answered(row, BOOK)


@pytest.mark.parametrize("row", golden_rows(), ids=lambda row: row["id"])
def test_every_proof_convinces_the_verifier(row: dict[str, str]):
    layers = read_layers(layers_of(row["layers"]))
    decision = decide(layers, read_request(request_of(row["request"])), BOOK)
    report = verify_decision(decision_doc(decision))
    assert report.passed, report.findings


def test_shared_golden_cases():
    wrong: list[object] = []
    for case in shared_cases("cases/golden.json"):
        asked = {name: case[name] for name in ("id", "layers", "request")}
        answer = decide_case(asked, BOOK)
        told = {key(one) for one in answer["reasons"]}
        owed = {key(one) for one in answer["obligations"]}
        if answer["verdict"] != case["expect"] or case["reason"] not in told:
            wrong.append(answer)
        if not {key(one) for one in case["obligations"]} <= owed:
            wrong.append(answer)
        for profile, verdict in case.get("other_profiles", {}).items():
            other = asked | {"request": case["request"] | {"profile": profile}}
            if decide_case(other, BOOK)["verdict"] != verdict:
                wrong.append((profile, answer))
    assert wrong == []


def test_demo_corpus():
    corpus = shared_cases("demo_data/sources.json")
    wrong = []
    for source in corpus["sources"]:
        for request in corpus["requests"]:
            asked = {
                "id": source["id"],
                "layers": source["layers"],
                "request": request["request"],
            }
            answer, due = decide_case(asked, BOOK), source["expected"][request["id"]]
            owed = {key(one) for one in answer["obligations"]}
            if answer["verdict"] != due["expect"] or due["reason"] not in answer["reasons"]:
                wrong.append(answer)
            if not {key(one) for one in due["obligations"]} <= owed:
                wrong.append(answer)
    assert wrong == []


@pytest.mark.parametrize(
    ("profile", "verdict"), [("tdm_disabled", "undetermined"), ("spec-literal", "permit")]
)
def test_profiles_differ_on_a_broken_signal(profile: str, verdict: str):
    layers = layers_of("copyright signal.tdmrep=maybe: statutory id=EU-CDSM-4 lawful_access=yes")
    request = request_of("mine commercial=yes territory=EU") | {"profile": profile}
    assert (
        decide_case({"id": "x", "layers": layers, "request": request}, BOOK)["verdict"] == verdict
    )


def test_clearable_names_what_alone_permits():
    layers = layers_of(
        "copyright item=a stream=video part=media: public_licence id=CC-BY-4.0"
        " & copyright item=b stream=audio part=assets: none"
    )
    request = request_of("train_generative commercial=yes release=api")
    answer = decide_case({"id": "x", "layers": layers, "request": request}, BOOK)
    assert answer["verdict"] == "deny"
    assert answer["clearable"] == ["item:a", "part:media", "stream:video"]


def test_a_case_that_cannot_be_read_is_undetermined():
    request = {"action": "train", "commercial": True}
    good = {"id": "x", "layers": [{"layer": "copyright", "basis": []}], "request": request}
    assert decide_case(good, BOOK)["reasons"] == ["NO_LICENCE_EVIDENCE"]
    for broken, field in (
        ("no object", "case"),
        (good | {"id": 7}, "id"),
        (good | {"layer": []}, "layer"),
        (good | {"layers": {}}, "layers"),
        (good | {"request": None}, "request"),
        (good | {"request": request | {"releese": "api"}}, "releese"),
    ):
        answer = decide_case(broken, BOOK)
        assert answer["verdict"] == "undetermined"
        assert answer["reasons"] == [f"BAD_CASE:{field}"]


def test_a_decision_has_a_digest_of_all_it_rests_on():
    layers = read_layers(layers_of("copyright: public_licence id=MIT"))
    first = decide(layers, read_request(request_of("train commercial=yes")), BOOK)
    again = decide(layers * 2, read_request(request_of("train commercial=yes")), BOOK)
    other = decide(layers, read_request(request_of("train commercial=no")), BOOK)
    assert first.verdict is Verdict.PERMIT
    assert decision_digest(first) == decision_digest(again)
    assert decision_digest(first) != decision_digest(other)


@pytest.mark.parametrize(
    "field",
    [
        {"part": "a" * 1_000_000},
        {"basis": [{"type": "public_licence", "id": "MIT " * 100_000}]},
        {"basis": [{"type": "expression", "id": "MIT OR " * 100_000 + "MIT"}]},
        {"basis": [{"type": "expression", "id": "(" * 900 + "MIT"}]},
        {"signals": [{"aipref": "train-ai=n," * 50_000}]},
        {"signals": [{"tdmrep": 10**400}]},
        {"signals": [{"plus": "\u202eDMI-ALLOWED\u0000"}]},
    ],
    ids=lambda field: next(iter(field)),
)
def test_hostile_values_never_clear(field: dict[str, Any]):
    layer = {"layer": "copyright", "basis": [{"type": "unknown"}], **field}
    case = {"id": "x", "layers": [layer], "request": {"action": "train", "commercial": True}}
    assert decide_case(case, BOOK)["verdict"] == "undetermined"
