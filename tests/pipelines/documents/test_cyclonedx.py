"""The bill of materials: valid against 1.7 and 1.6, and what it says is what the facts say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion

from pipelines.documents.cyclonedx import build
from pipelines.errors import ExportError
from tests.pipelines.documents.sets import AGREED, ARM, FILM, OPEN, a_set
from tests.pipelines.documents.validators import bill_validator

ODD = 'a "quoted" | <b>name</b>\n\x07\u202e日本 \U0001f600 \\'


@pytest.fixture(scope="module")
def validators():
    return {
        "1.7": bill_validator(),
        "1.6": bill_validator(SchemaVersion.V1_6),
    }


SETS = {
    "two sources": a_set(),
    "one without persons": a_set(sources=(FILM,)),
    "odd words": a_set(
        name=ODD,
        sources=(
            replace(FILM, source_id=ODD, title=ODD, creator=ODD, credit=ODD, link=ODD),
            replace(ARM, obtained=ODD, licences=(replace(AGREED, licensor=ODD, url=ODD),)),
        ),
    ),
    "an expression": a_set(
        sources=(replace(FILM, licences=(replace(OPEN, concluded="MIT OR Apache-2.0"),)),)
    ),
    "nothing supplied": a_set(
        sources=(replace(FILM, creator="", credit="", link="", licences=(), hours={}),)
    ),
}


@pytest.mark.parametrize("name", SETS)
def test_the_document_is_valid(validators, name):
    text = build(SETS[name])["cyclonedx.json"].decode()

    assert validators["1.7"].validate_str(text) is None
    older = text.replace('"specVersion": "1.7"', '"specVersion": "1.6"')
    assert older != text
    assert validators["1.6"].validate_str(older.replace("bom-1.7", "bom-1.6")) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda doc: doc.pop("specVersion"),
        lambda doc: doc.pop("bomFormat"),
        lambda doc: doc["components"][0].pop("name"),
        lambda doc: doc["components"][0].pop("type"),
        lambda doc: doc["components"][0]["licenses"][0]["license"].pop("name"),
        lambda doc: doc["components"][0]["data"][0].pop("type"),
        lambda doc: doc["dependencies"][0].pop("ref"),
        lambda doc: doc["metadata"].update(timestamp="yesterday"),
        lambda doc: doc["metadata"]["component"]["hashes"][0].update(content="short"),
    ],
)
def test_the_validator_sees_what_is_wrong(validators, spoil):
    doc = _doc(a_set())
    spoil(doc)

    assert validators["1.7"].validate_str(json.dumps(doc)) is not None


@pytest.mark.parametrize(
    ("field", "facts"),
    [
        ("name", a_set(name="")),
        ("content_digest", a_set(content_digest="")),
        ("operator.name", a_set(organisation=replace(a_set().organisation, name=""))),
        ("producer", a_set(producer="")),
        ("sources", a_set(sources=())),
        ("film.title", a_set(sources=(replace(FILM, title=""),))),
        ("film.layers", a_set(sources=(replace(FILM, layers=()),))),
        (
            "film.licences",
            a_set(sources=(replace(FILM, licences=(replace(OPEN, declared=""),)),)),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_without_a_fact_is_refused(field, facts):
    with pytest.raises(ExportError, match=field) as refused:
        build(facts)

    assert (refused.value.code, refused.value.subject) == ("DOCUMENT_FIELD_MISSING", field)
    assert refused.value.way_out


@pytest.mark.parametrize(
    ("address", "is_iri"),
    [
        ("https://b\u00fccher.example/", True),
        ("a/b#c", True),
        ("https://a b.example", False),
        ("https://[", False),
        ("a\\b", False),
    ],
)
def test_the_validator_asks_that_addresses_are_iris(validators, address, is_iri):
    """It passes over a format that no package of this process knows."""
    doc = _doc(a_set())
    doc["externalReferences"] = [{"type": "website", "url": address}]

    assert (validators["1.7"].validate_str(json.dumps(doc)) is None) == is_iri


def test_no_grammar_of_iris_is_installed():
    """Every process that imports jsonschema, as each of a Ray does, would build it for a second."""
    pinned = (Path(__file__).parents[3] / "constraints.txt").read_text(encoding="utf-8")

    assert "rfc3987" not in pinned


def test_the_same_facts_are_the_same_bytes(golden):
    written = build(a_set())

    assert written == build(a_set())
    assert list(written) == ["cyclonedx.json"]
    golden("documents/cyclonedx.json", written["cyclonedx.json"].decode())


def test_declared_is_not_concluded():
    film = _components(a_set())["film"]

    assert [_said(one) for one in film["licenses"]] == [
        ("CC BY 4.0", "declared"), ("CC-BY-4.0", "concluded"),
    ]  # fmt: skip
    assert film["licenses"][1]["license"]["id"] == "CC-BY-4.0"


def test_two_licences_have_no_single_one():
    facts = a_set()
    whole = _doc(facts)["metadata"]["component"]["licenses"]
    concluded = [name for name, how in map(_said, whole) if how == "concluded"]

    assert concluded == [one.concluded for one in facts.licences]
    assert len(concluded) == 2
    assert not [one for one in whole if "expression" in one]


def test_an_agreement_is_a_name_with_its_number_and_its_end():
    arm = _components(a_set())["arm"]
    concluded = arm["licenses"][1]["license"]

    assert concluded["name"] == "LicenseRef-Pier-2026"
    assert concluded["licensing"] == {
        "altIds": ["P-26-1"],
        "licensor": {"organization": {"name": "Pier Robotics (fictional)"}},
        "licensee": {"organization": {"name": "World Lab (fictional)"}},
        "expiration": "2035-01-01T00:00:00Z",
    }
    silent = a_set(sources=(replace(ARM, licences=(replace(AGREED, licensor=""),)),))
    said = _components(silent)["arm"]["licenses"][1]["license"]["licensing"]
    assert "licensor" not in said


def test_the_figures_are_those_of_the_facts():
    facts = a_set()
    doc = _doc(facts)
    whole = doc["metadata"]["component"]

    assert whole["data"][0]["description"] == (
        "10 clips, 14 rows, 150900 bytes, 0.0 h action, 0.0 h state, 0.0 h video"
    )
    assert whole["data"][0]["sensitiveData"] == ["personal_data"]
    assert (
        "sensitiveData" not in _doc(SETS["one without persons"])["metadata"]["component"]["data"][0]
    )
    for own, source in zip(doc["components"], facts.sources, strict=True):
        said = {one["name"]: one["value"] for one in own["data"][0]["contents"]["properties"]}
        assert said["clearway:clips"] == str(source.num_clips)
        assert said["clearway:bytes"] == str(source.num_bytes)


def test_the_set_depends_on_each_source_once():
    doc = _doc(a_set())
    refs = [one["bom-ref"] for one in doc["components"]]
    first, *others = doc["dependencies"]

    assert first == {"ref": doc["metadata"]["component"]["bom-ref"], "dependsOn": refs}
    assert others == [{"ref": ref, "dependsOn": []} for ref in refs]
    assert len({first["ref"], *refs}) == 3


def _doc(facts):
    return json.loads(build(facts)["cyclonedx.json"])


def _components(facts):
    return {one["data"][0]["name"]: one for one in _doc(facts)["components"]}


def _said(one):
    paper = one["license"]
    return paper.get("id") or paper["name"], paper["acknowledgement"]
