"""The record of processing: categories and grounds from layers, and no person in it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from pipelines.documents.art30 import LAYERS, build, missing
from pipelines.documents.facts import PERSONS, LayerFact
from pipelines.errors import ExportError
from tests.pipelines.documents.answered import ANSWERS, ART30, ODD, answered, without
from tests.pipelines.documents.sets import ARM, FILM, a_set

LETTERS = "abcdefg"
FULL = answered(
    answers={**ANSWERS, "art30.representative": "A Representative (fictional)"},
    organisation=replace(a_set().organisation, jurisdiction="US"),
)
TEXT = {"type": "string", "pattern": "\\S"}
SHAPE = {
    "type": "object",
    "required": ["form", "status", "about", "missing", *LETTERS],
    "additionalProperties": False,
    "properties": {
        "form": TEXT,
        "status": {"enum": ["draft", "final"]},
        "about": {"type": "object", "required": ["training_set", "content_sha256"]},
        "missing": {"type": "array", "items": {"type": "string", "pattern": "^art30\\."}},
        **{letter: {"type": "object"} for letter in LETTERS},
        "a": {
            "type": "object",
            "required": ["controller", "personal_data"],
            "properties": {"controller": TEXT, "personal_data": {"type": "boolean"}},
        },
    },
    "if": {
        "properties": {
            "status": {"const": "final"},
            "a": {"properties": {"personal_data": {"const": True}}},
        }
    },
    "then": {
        "properties": {
            "missing": {"maxItems": 0},
            "a": {"required": ["controller_contact", "protection_officer"]},
            "b": {"required": ["use"]},
            "c": {
                "required": ["data", "categories_of_subjects"],
                "properties": {"data": {"minItems": 1}},
            },
            "d": {"required": ["recipients"]},
            "e": {"required": ["transfers"]},
            "f": {"required": ["retention"]},
            "g": {"required": ["security"]},
        }
    },
}


@pytest.mark.parametrize(
    ("facts", "draft"),
    [
        (a_set(), True),
        (answered(), False),
        (FULL, False),
        (a_set(sources=(FILM,)), False),
        (answered(answers={**ANSWERS, "art30.security": ODD}), False),
    ],
    ids=["draft", "final", "outside the Union", "without persons", "odd words"],
)
def test_the_document_has_the_form(facts, draft):
    doc = _doc(facts, draft=draft)

    Draft202012Validator(SHAPE).validate(doc)
    assert doc["missing"] == list(missing(facts))


def test_a_draft_says_plainly_what_is_missing_and_invents_nothing():
    doc, page = _doc(a_set()), build(a_set())["art30.md"].decode()

    assert set(doc["missing"]) == set(ART30)
    assert doc["e"] == {}
    for field in ART30:
        assert f"Missing: nothing on record answers this. The field is `{field}`." in page


@pytest.mark.parametrize("field", sorted(ART30))
def test_the_final_form_is_refused_without_any_one_answer(field):
    with pytest.raises(ExportError, match=field) as refused:
        build(without(field), draft=False)
    doc = _doc(without(field)) | {"status": "final", "missing": []}

    assert (refused.value.code, refused.value.subject) == ("DOCUMENT_FIELD_MISSING", field)
    assert not Draft202012Validator(SHAPE).is_valid(doc)


def test_a_controller_outside_the_union_has_a_representative():
    assert missing(replace(FULL, answers=ANSWERS)) == ("art30.representative",)
    assert missing(FULL) == ()


@pytest.mark.parametrize(
    ("field", "facts"),
    [
        ("name", a_set(name="")),
        ("content_digest", a_set(content_digest="")),
        ("operator.name", a_set(organisation=replace(a_set().organisation, name=""))),
        ("request.action", a_set(request={})),
        ("sources", a_set(sources=())),
        (
            "arm.voice.bases",
            a_set(
                sources=(
                    replace(
                        ARM,
                        layers=(LayerFact(layer="voice", stream="", bases=(), verdict="permit"),),
                    ),
                )
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_without_a_fact_is_refused(field, facts):
    with pytest.raises(ExportError, match=field) as refused:
        build(facts)

    assert (refused.value.code, refused.value.subject) == ("DOCUMENT_FIELD_MISSING", field)


def test_a_set_without_persons_has_a_record_that_says_so():
    facts = a_set(sources=(FILM,))
    doc = _doc(facts)

    assert doc["a"] == {"controller": "World Lab (fictional)", "personal_data": False}
    assert all(doc[letter] == {} for letter in "bcdefg")
    assert missing(facts) == ()
    assert "* personal data: no" in build(facts)["art30.md"].decode()


def test_categories_grounds_and_retention_are_those_of_the_facts():
    secured = replace(ARM, duties=(*ARM.duties, "secure-copies"))
    unlimited = replace(ARM, source_id="other", duties=("attribute",), ends=None)
    doc = _doc(a_set(sources=(secured, unlimited, FILM)))

    assert doc["c"]["data"][:1] == [
        {"source": "arm", "category": "personal data in recordings", "stream": "video",
         "ground": ["consent"], "evidence": "E1", "until": None, "clips": 4}
    ]  # fmt: skip
    assert [one["source"] for one in doc["c"]["data"]] == ["arm", "other"]
    assert doc["b"]["use"]["action"] == "train_generative"
    assert doc["d"]["release"] == "api"
    assert doc["f"] == {
        "limited_by_duty": ["arm"],
        "rights_end": [{"source": "arm", "on": "2035-01-01"}],
        "clearance_ends_by": "2035-01-01",
    }
    assert doc["g"]["owed_by_duty"] == ["arm"]


def test_every_layer_about_persons_has_words():
    assert set(LAYERS) == set(PERSONS)


def test_any_value_is_one_line_without_markup():
    page = build(answered(answers={**ANSWERS, "art30.security": ODD}))["art30.md"]

    assert b"<b>" not in page.replace(b"\\<", b"")
    assert page.count(b"## ") == len(LETTERS)


def test_the_same_facts_are_the_same_bytes(golden):
    assert build(a_set()) == build(a_set())
    for name, content in build(a_set()).items():
        golden(f"documents/draft_{name}", content.decode())
    for name, content in build(FULL, draft=False).items():
        golden(f"documents/{name}", content.decode())


def _doc(facts, *, draft=True):
    return json.loads(build(facts, draft=draft)["art30.json"])
