"""What operations do to the layers of what they work on."""

from __future__ import annotations

from typing import Any

import pytest

from licensing.compose import Derivation, derivation_doc, derive, duties, read_derivation
from licensing.decide import decide
from licensing.errors import BadCase
from licensing.facts import layer_doc, read_layers
from licensing.facts.vocabulary import OPS
from licensing.request import read_request
from licensing.rulebook import load_rulebook

BOOK = load_rulebook()
FILM = {"layer": "copyright", "basis": [{"type": "public_licence", "id": "CC-BY-4.0"}]}
FACE = {"layer": "likeness", "stream": "video", "basis": [{"type": "none"}]}
LOGS = {"layer": "contract", "basis": [{"type": "contract"}]}
ASKED = read_request({"action": "train_generative", "commercial": True, "release": "api"})


def made(op: str, *layers: dict[str, Any], tool: tuple[Any, ...] = (), **said: Any) -> list[Any]:
    derivation = Derivation(op=op, inputs=("a",), output="b", **said)
    found = derive(derivation, {"a": read_layers(layers)}, tool_terms=read_layers(tool))
    return [layer_doc(one) for one in found]


def verdict(docs: list[Any]) -> str:
    return decide(read_layers(docs), ASKED, BOOK).verdict.word


@pytest.mark.parametrize("op", sorted(OPS - {"collection", "anonymise", "fact_extraction"}))
def test_no_operation_sheds_a_layer(op):
    assert made(op, FILM, FACE, LOGS) == [FILM, FACE, LOGS]


def test_a_collection_keeps_its_items_apart():
    named = FILM | {"item": "x"}

    assert made("collection", FILM, named) == [FILM | {"item": "a"}, named]


def test_extracting_facts_sheds_copyright_by_a_signed_rule_only():
    assert FILM in made("fact_extraction", FILM, LOGS)
    assert made("fact_extraction", FILM, LOGS, copyright_ends="counsel 12") == [LOGS]


def test_extracting_facts_from_a_person_asks_about_biometrics():
    asked = {
        "layer": "biometric", "stream": "video", "part": "extracted", "basis": [{"type": "unknown"}]
    }  # fmt: skip

    assert made("fact_extraction", FACE) == [FACE, asked]
    assert made("fact_extraction", FACE, biometric=False) == [FACE]


@pytest.mark.parametrize(
    ("verified", "expected"), [(True, "permit"), (None, "undetermined"), (False, "deny")]
)
def test_anonymity_closes_a_person_s_layer_as_far_as_it_is_shown(verified, expected):
    face = {"layer": "personal_data", "basis": [{"type": "unknown"}]}

    assert verdict(made("anonymise", FILM, face, verified=verified)) == expected


def test_what_a_generator_makes_carries_its_terms_too():
    terms = {"layer": "tos", "basis": [{"type": "public_licence", "id": "LicenseRef-OpenAI-Terms"}]}

    assert verdict(made("synthesise", FILM)) == "permit"
    assert verdict(made("synthesise", FILM, tool=(terms,))) == "deny"


def test_inputs_that_share_a_layer_lay_it_on_the_output_once():
    derivation = Derivation(op="adaptation", inputs=("a", "b"), output="c")
    layers = read_layers([FILM])

    assert derive(derivation, {"a": layers, "b": layers}) == layers


def test_an_input_without_layers_is_no_input_without_rights():
    derivation = Derivation(op="adaptation", inputs=("a", "b"), output="c")

    with pytest.raises(BadCase, match="the layers of 'b' are not given"):
        derive(derivation, {"a": read_layers([FILM])})


def test_a_derivation_is_read_as_it_was_written():
    doc = {"op": "train", "inputs": ["a", "b"], "output": "c", "tool": "x", "code_version": "1"}

    assert derivation_doc(read_derivation(doc)) == doc


@pytest.mark.parametrize(
    ("doc", "field"),
    [
        ({"op": "copy", "inputs": [], "output": "c"}, "inputs"),
        ({"op": "copy", "output": "c"}, "inputs"),
        ({"op": "copy", "inputs": ["c"], "output": "c"}, "output"),
        ({"op": "steal", "inputs": ["a"], "output": "c"}, "op"),
        ({"op": "copy", "inputs": ["a"], "output": "c", "by": "me"}, "by"),
        ([], "derivation"),
    ],
)
def test_a_derivation_that_cannot_be_read_is_refused(doc, field):
    with pytest.raises(BadCase, match=field):
        read_derivation(doc)


def test_of_one_duty_with_several_limits_the_shortest_is_owed():
    owed = ["erase:P1M", "erase:P2W", "erase:P40D", "delete-data:P1Y", "attribute", "pay:fee"]

    assert duties(owed, ASKED) == ("attribute", "delete-data:P1Y", "erase:P2W", "pay:fee")
