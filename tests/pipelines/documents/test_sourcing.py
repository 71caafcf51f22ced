"""The sourcing table: every source once, in the weakest class that its grounds allow."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from pipelines.documents.facts import LayerFact, LicenceFact, hours_text
from pipelines.documents.sourcing import CLASSES, build, class_of
from pipelines.errors import ExportError
from tests.pipelines.documents.sets import AGREED, ARM, FILM, OPEN, a_set

CC0 = replace(OPEN, declared="CC0", concluded="CC0-1.0")
STATUTE = LicenceFact(declared="EU-CDSM-4", concluded="LicenseRef-EU-CDSM-4", kind="statute")
TERMS = replace(OPEN, concluded="LicenseRef-terms", kind="terms")
REFUSED = LayerFact(layer="voice", stream="audio", bases=(), verdict="undetermined")
ODD = 'a "quoted" | <b>name</b>\n\x07日本 \ud800 [x](y) \\'
SHAPE = {
    "type": "object",
    "required": [
        "set", "content_sha256", "developer", "day", "classes", "sources", "hours", "qualifies",
    ],
    "additionalProperties": False,
    "properties": {
        "set": {"type": "string", "minLength": 1},
        "content_sha256": {"pattern": "^[0-9a-f]{64}$"},
        "developer": {"type": "string", "minLength": 1},
        "day": {"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
        "classes": {"type": "object"},
        "qualifies": {"type": "boolean"},
        "hours": {
            "type": "object",
            "required": ["a", "b", "c", "d", "x"],
            "additionalProperties": {"$ref": "#/$defs/hours"},
        },
        "sources": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["source", "title", "class", "acquisition", "instruments", "hours"],
                "properties": {
                    "class": {"enum": ["a", "b", "c", "d", "x"]},
                    "acquisition": {
                        "enum": ["public", "licensed", "third_party", "crawled", "user",
                                 "synthetic", "own"],
                    },
                    "hours": {"$ref": "#/$defs/hours"},
                },
            },
        },
    },
    "$defs": {
        "hours": {"type": "object", "additionalProperties": {"pattern": "^[0-9]+\\.[0-9]$"}}
    },
}  # fmt: skip


def on(*licences, alternatives=(), **changes):
    """A film with one layer for each licence, and a last one on any of `alternatives`."""
    named = [(one.concluded,) for one in licences]
    named += [tuple(one.concluded for one in alternatives)] if alternatives else []
    layers = tuple(replace(FILM.layers[0], bases=bases) for bases in named)
    return replace(FILM, licences=(*licences, *alternatives), layers=layers, **changes)


NO_PAPER = replace(FILM, licences=(), layers=(replace(FILM.layers[0], bases=()),))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (ARM, "a"),
        (FILM, "b"),
        (on(CC0), "c"),
        (replace(NO_PAPER, acquisition="own"), "d"),
        (replace(NO_PAPER, acquisition="synthetic", modality="synthetic"), "d"),
        (replace(NO_PAPER, acquisition="public"), "x"),
        (on(STATUTE, acquisition="crawled"), "x"),
        (on(TERMS), "x"),
        (on(CC0, OPEN), "b"),
        (on(OPEN, AGREED), "a"),
        (on(AGREED, STATUTE), "x"),
        (on(alternatives=(OPEN, STATUTE)), "b"),
        (on(CC0, alternatives=(AGREED, STATUTE)), "a"),
        (on(OPEN, acquisition="own"), "b"),
        (replace(FILM, licences=()), "x"),
        (replace(FILM, layers=(*FILM.layers, REFUSED)), "x"),
        (replace(FILM, layers=()), "x"),
    ],
)
def test_a_source_has_the_weakest_class_of_what_it_rests_on(source, expected):
    assert class_of(source) == expected


@pytest.mark.parametrize(
    "facts",
    [
        a_set(),
        a_set(sources=(FILM,)),
        a_set(sources=(on(STATUTE, title=ODD, creator=ODD), ARM)),
        a_set(sources=(replace(FILM, hours={}),)),
    ],
    ids=["two sources", "one without persons", "odd words", "no hours yet"],
)
def test_the_document_has_the_form_and_each_source_once(facts):
    doc = _doc(facts)

    Draft202012Validator(SHAPE).validate(doc)
    assert [one["source"] for one in doc["sources"]] == [one.source_id for one in facts.sources]
    assert doc["classes"] == CLASSES
    assert doc["qualifies"] == all(class_of(one) != "x" for one in facts.sources)


def test_the_hours_are_those_of_the_facts():
    facts = a_set(sources=(replace(FILM, hours={"video": 12.34}), ARM))
    doc = _doc(facts)

    assert doc["hours"]["b"] == {"video": "12.3"}
    assert doc["hours"]["a"] == {name: hours_text(each) for name, each in sorted(ARM.hours.items())}
    assert doc["hours"]["c"] == doc["hours"]["d"] == doc["hours"]["x"] == {}


def test_the_table_holds_any_value_in_one_line():
    page = build(a_set(sources=(replace(FILM, title=ODD),)))["sourcing.md"].decode()
    rows = [line for line in page.splitlines() if line.startswith("|")]

    assert "quoted" in rows[2]
    assert len({line.replace("\\|", "").count("|") for line in rows[:3]}) == 1
    assert "<b>" not in rows[2].replace("\\<", "")


def test_what_does_not_qualify_is_named():
    page = build(a_set(sources=(on(STATUTE), ARM)))["sourcing.md"].decode()

    assert "Do not qualify: film." in page
    assert "Every source qualifies." in build(a_set())["sourcing.md"].decode()


@pytest.mark.parametrize(
    ("field", "facts"),
    [
        ("name", a_set(name="")),
        ("content_digest", a_set(content_digest="")),
        ("operator.name", a_set(organisation=replace(a_set().organisation, name=""))),
        ("sources", a_set(sources=())),
        ("film.acquisition", a_set(sources=(replace(FILM, acquisition=""),))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_without_a_fact_is_refused(field, facts):
    with pytest.raises(ExportError, match=field) as refused:
        build(facts)

    assert (refused.value.code, refused.value.subject) == ("DOCUMENT_FIELD_MISSING", field)


def test_the_same_facts_are_the_same_bytes(golden):
    written = build(a_set())

    assert written == build(a_set())
    for name, content in written.items():
        golden(f"documents/{name}", content.decode())


def _doc(facts):
    return json.loads(build(facts)["sourcing.json"])
