"""The EU summary: the form's own numbers, each source once, nothing made up."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files

import pytest
from jsonschema import Draft202012Validator

from pipelines.documents.eu_summary import build, missing, size_range
from pipelines.documents.facts import LayerFact, hours_text
from pipelines.errors import ExportError
from tests.pipelines.documents.answered import ANSWERS, EU, ODD, answered, without
from tests.pipelines.documents.sets import ARM, FILM, a_set

PARTS = {
    "public": "2.1", "licensed": "2.2.1", "third_party": "2.2.2", "crawled": "2.3", "user": "2.4",
    "synthetic": "2.5", "own": "2.6",
}  # fmt: skip
CONDITIONAL = {
    "eu.1.1.representative": "A Representative (fictional), Berlin",
    "eu.1.3.linguistic": "English speech",
    "eu.2.3.crawlers": "ExampleBot (fictional)",
    "eu.2.3.purposes": "to gather films",
    "eu.2.3.behaviour": "keeps robots.txt, passes no paywall",
    "eu.2.3.top_domains": "see https://example.org/domains.csv",
    "eu.2.4.model_interactions": "no",
    "eu.2.4.other_products": "yes",
    "eu.2.4.products": "A Game (fictional)",
    "eu.2.5.generating_models": "none on the market",
    "eu.2.5.own_models": "a simulator without training",
}
EACH = tuple(
    replace(
        FILM, source_id=how.replace("_", "-"), title=how, acquisition=how, link="",
        hours={"video": 1.26, "audio": 0.5},
    )
    for how in PARTS
)  # fmt: skip
FULL = answered(
    sources=EACH,
    organisation=replace(a_set().organisation, jurisdiction="US-CA"),
    answers={**ANSWERS, **CONDITIONAL},
)


@pytest.fixture(scope="module")
def schema():
    text = (files("pipelines.documents") / "eu_summary.schema.json").read_text(encoding="utf-8")
    Draft202012Validator.check_schema(json.loads(text))
    return Draft202012Validator(json.loads(text))


CASES = {
    "draft": (a_set(), True),
    "final": (answered(), False),
    "all parts, draft": (replace(FULL, answers={}), True),
    "all parts, final": (FULL, False),
    "without persons": (answered(sources=(FILM,)), False),
    "with persons": (answered(sources=(ARM,)), False),
    "nothing rendered yet": (a_set(sources=(replace(FILM, hours={}),)), True),
    "odd words": (
        answered(
            sources=(replace(FILM, title=ODD, link=ODD, obtained=ODD),),
            answers={**ANSWERS, "eu.3.2.illegal_content": ODD},
        ),
        False,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_document_has_the_form(schema, name):
    facts, draft = CASES[name]
    doc = _doc(facts, draft=draft)

    schema.validate(doc)
    assert doc["status"] == ("draft" if draft else "final")
    assert doc["missing"] == list(missing(facts))


def test_a_draft_says_plainly_what_is_missing_and_invents_nothing():
    doc, page = _doc(a_set()), build(a_set())["eu_summary.md"].decode()

    assert "This is a draft. It describes one training set, demo@2" in page
    assert set(doc["missing"]) == set(EU)
    assert (doc["1.2"], doc["3.2"]) == ({}, {})
    for field in EU:
        assert f"Missing: nothing on record answers this. The field is `{field}`." in page


@pytest.mark.parametrize("field", sorted({**EU, **CONDITIONAL}))
def test_the_final_form_is_refused_without_any_one_answer(schema, field):
    answers = {name: said for name, said in FULL.answers.items() if name != field}
    with pytest.raises(ExportError, match=field) as refused:
        build(replace(FULL, answers=answers), draft=False)
    doc = _doc(replace(FULL, answers=answers)) | {"status": "final", "missing": []}

    assert (refused.value.code, refused.value.subject) == ("DOCUMENT_FIELD_MISSING", field)
    assert not schema.is_valid(doc)
    assert schema.is_valid(_doc(FULL) | {"status": "final"})


def test_what_a_set_does_not_hold_is_not_asked():
    assert missing(answered()) == missing(without("ab2013.2")) == ()
    assert set(missing(replace(FULL, answers={}))) == {*EU, *CONDITIONAL}


@pytest.mark.parametrize(
    ("field", "facts"),
    [
        ("name", a_set(name="")),
        ("content_digest", a_set(content_digest="")),
        ("operator.name", a_set(organisation=replace(a_set().organisation, name=""))),
        ("sources", a_set(sources=())),
        ("film.title", a_set(sources=(replace(FILM, title=""),))),
        ("film.acquisition", a_set(sources=(replace(FILM, acquisition=""),))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_without_a_fact_is_refused(field, facts):
    with pytest.raises(ExportError, match=field) as refused:
        build(facts)

    assert (refused.value.code, refused.value.subject) == ("DOCUMENT_FIELD_MISSING", field)


@pytest.mark.parametrize(
    ("seat", "known", "asked"),
    [("DE", True, False), ("FR-IDF", True, False), ("US-CA", False, True), ("", None, True)],
)
def test_a_provider_outside_the_union_or_of_unknown_seat_has_a_representative(seat, known, asked):
    facts = answered(organisation=replace(a_set().organisation, jurisdiction=seat))

    assert ("eu.1.1.representative" in missing(facts)) == asked
    assert _doc(facts)["1.1"].get("in_union") == known


def test_a_final_summary_without_any_hours_is_refused():
    with pytest.raises(ExportError, match="hours") as refused:
        build(answered(sources=(replace(FILM, hours={}),)), draft=False)

    assert refused.value.subject == "hours"


def test_each_source_stands_in_exactly_one_part():
    doc = _doc(FULL)

    assert {how: doc[number]["sources"] for how, number in PARTS.items()} == {
        how: [how.replace("_", "-")] for how in PARTS
    }
    assert all(doc[number]["used"] for number in PARTS.values())
    assert [n for n in PARTS.values() if _doc(a_set())[n]["used"]] == ["2.1", "2.2.1"]


def test_a_computed_source_that_was_licensed_is_counted_with_the_licensed_ones():
    doc = _doc(a_set(sources=(replace(ARM, modality="synthetic"), FILM)))

    assert doc["2.2.1"]["sources"] == ["arm"]
    assert (doc["2.5"]["used"], doc["2.5"]["sources"]) == (True, [])
    assert doc["2.5"]["counted_elsewhere"] == ["arm"]


def test_the_figures_are_those_of_the_facts():
    facts = FULL
    doc = _doc(facts)

    assert {one["modality"]: one["size"] for one in doc["1.3"]["modalities"]} == {
        name: hours_text(each) for name, each in facts.hours().items()
    }
    assert doc["1.3"]["latest_acquisition"] == "03/2026"
    assert doc["head"]["last_update"] == "01/05/26"
    assert {one.get("name") for one in _doc(a_set())["1.3"]["modalities"]} == {
        "actions", "states", None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (0.0, "less than 10,000 hours"),
        (9_999.9, "less than 10,000 hours"),
        (10_000, "10,000 to 1 million hours"),
        (999_999.9, "10,000 to 1 million hours"),
        (1_000_000, "more than 1 million hours"),
    ],
)
def test_hours_are_put_into_the_bins_of_the_form(hours, expected):
    assert size_range(hours) == expected


def test_large_public_datasets_are_named_and_small_ones_described():
    small = replace(FILM, source_id="small", title="Small", hours={"video": 0.029})
    large = replace(FILM, source_id="large", title="Large", hours={"video": 0.971}, link="")
    part = _doc(a_set(sources=(large, small)))["2.1"]

    assert [one["name"] for one in part["large"]] == ["Large"]
    assert part["large"][0]["description"]
    assert part["others"] == "films and other camera recordings"


def test_the_largest_tenth_of_the_crawled_domains_is_named():
    sources = tuple(
        replace(
            FILM, source_id=f"s{n}", acquisition="crawled", num_bytes=n,
            link=f"https://d{n}.example.org/x",
        )
        for n in range(1, 12)
    )  # fmt: skip
    part = _doc(a_set(sources=sources))["2.3"]

    assert part["top_domains"] == ["d11.example.org", "d10.example.org"]


def test_what_was_found_and_refused_stands_with_its_number():
    measures = _doc(a_set())["3.1"]["measures"]

    assert "tdmrep_file at 1." in measures
    assert "LICENCE_UNKNOWN: 1." in measures


def test_any_value_is_one_line_without_markup_and_licensed_sources_are_not_named():
    facts, _ = CASES["odd words"]
    page = build(facts)["eu_summary.md"].decode()

    assert "<b>" not in page.replace("\\<", "")
    assert [line for line in page.splitlines() if line.startswith("#")][1:] == [
        line for line in build(a_set())["eu_summary.md"].decode().splitlines()[1:]
        if line.startswith("#")
    ]  # fmt: skip
    assert "arm" not in build(answered(sources=(ARM,)))["eu_summary.md"].decode()


def test_persons_change_no_word_of_where_data_is_from():
    person = LayerFact(layer="likeness", stream="video", bases=("consent",), verdict="permit")
    with_person = replace(FILM, layers=(*FILM.layers, person))

    assert _doc(a_set(sources=(with_person,))) == _doc(a_set(sources=(FILM,)))


def test_the_same_facts_are_the_same_bytes(golden):
    assert build(a_set()) == build(a_set())
    for name, content in build(a_set()).items():
        golden(f"documents/draft_{name}", content.decode())
    for name, content in build(FULL, draft=False).items():
        golden(f"documents/{name}", content.decode())


def _doc(facts, *, draft=True):
    return json.loads(build(facts, draft=draft)["eu_summary.json"])
