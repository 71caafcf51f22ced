"""The twelve items of AB 2013: all of them, from facts or answers, or named as missing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipelines.documents.ab2013 import build, missing
from pipelines.documents.facts import hours_text
from pipelines.errors import ExportError
from tests.pipelines.documents.answered import AB2013, ODD, answered, without
from tests.pipelines.documents.sets import ARM, FILM, OPEN, a_set

CC0 = replace(OPEN, concluded="CC0-1.0")
FREE = replace(FILM, licences=(CC0,), layers=(replace(FILM.layers[0], bases=("CC0-1.0",)),))
COMPUTED = replace(FILM, source_id="sim", modality="synthetic", acquisition="synthetic")


@pytest.mark.parametrize("draft", [True, False])
def test_twelve_of_twelve(draft):
    doc = _doc(answered(), draft=draft)

    assert doc["status"] == ("draft" if draft else "final")
    assert [one["item"] for one in doc["items"]] == list(range(1, 13))
    assert all(one["says"] and not one["missing"] for one in doc["items"])
    assert (doc["missing"], missing(answered())) == ([], ())


def test_a_draft_says_plainly_what_is_missing_and_invents_nothing():
    written = build(a_set())
    doc, page = json.loads(written["ab2013.json"]), written["ab2013.md"].decode()

    assert "This is a draft. It describes one training set, demo@2" in page
    assert set(missing(a_set())) == set(doc["missing"]) == set(AB2013)
    assert [one["item"] for one in doc["items"] if one["missing"]] == [2, 5, 8, 10, 11]
    assert [one["says"] for one in doc["items"] if one["item"] in {2, 8, 11}] == [[], [], []]
    assert doc["system"] is None
    for field in AB2013:
        assert f"Missing: nothing on record answers this. The field is `{field}`." in page


@pytest.mark.parametrize("field", sorted(AB2013))
def test_the_final_form_is_refused_without_any_one_answer(field):
    with pytest.raises(ExportError, match=field) as refused:
        build(without(field), draft=False)

    assert (refused.value.code, refused.value.subject) == ("DOCUMENT_FIELD_MISSING", field)
    assert missing(without(field)) == (field,)


@pytest.mark.parametrize(
    ("field", "facts"),
    [
        ("name", a_set(name="")),
        ("content_digest", a_set(content_digest="")),
        ("operator.name", a_set(organisation=replace(a_set().organisation, name=""))),
        ("sources", a_set(sources=())),
        ("film.title", a_set(sources=(replace(FILM, title=""),))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_without_a_fact_is_refused(field, facts):
    with pytest.raises(ExportError, match=field) as refused:
        build(facts)

    assert (refused.value.code, refused.value.subject) == ("DOCUMENT_FIELD_MISSING", field)


def test_an_answer_that_is_neither_yes_nor_no_is_refused():
    answers = {**AB2013, "ab2013.8": "perhaps"}

    with pytest.raises(ExportError, match="expected yes or no") as refused:
        build(answered(answers=answers))

    assert (refused.value.code, refused.value.subject) == ("DOCUMENT_FIELD_INVALID", "ab2013.8")


def test_the_figures_are_those_of_the_facts():
    facts = answered(sources=(replace(FILM, hours={"video": 12.34}), ARM))
    values = {one["item"]: one["values"] for one in _doc(facts)["items"]}

    assert values[1]["sources"] == [
        {"source": one.source_id, "title": one.title, "owner": one.creator,
         "acquisition": one.acquisition}
        for one in facts.sources
    ]  # fmt: skip
    assert values[3] == {
        "clips": facts.num_clips, "rows": facts.num_rows, "frames": facts.num_frames,
        "bytes": facts.num_bytes,
        "hours": {name: hours_text(each) for name, each in facts.hours().items()},
    }  # fmt: skip
    assert values[3]["hours"]["video"] == "12.4"
    assert values[5]["licences"] == ["CC-BY-4.0", "LicenseRef-Pier-2026"]
    assert values[6] == {"licensed": True, "agreements": ["arm"], "public_licences": ["film"]}
    assert (values[10]["first"], values[10]["last"]) == ("2026-02-10", "2026-04-05")


@pytest.mark.parametrize(
    ("sources", "item", "expected"),
    [
        ((FILM,), 7, {"personal_information": False, "layers": []}),
        ((ARM,), 7, {"personal_information": True, "layers": ["personal_data"]}),
        ((FILM,), 12, {"synthetic": False, "sources": []}),
        ((COMPUTED,), 12, {"synthetic": True, "sources": ["sim"]}),
        ((FILM,), 6, {"licensed": False, "agreements": [], "public_licences": ["film"]}),
    ],
)
def test_persons_synthesis_and_licences_follow_from_the_facts(sources, item, expected):
    assert _doc(answered(sources=sources))["items"][item - 1]["values"] == expected


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (answered(sources=(FREE,)), "yes"),
        (answered(sources=(FREE, ARM)), "no"),
        (answered(sources=(FREE,), answers={**AB2013, "ab2013.5.trademark": "yes, a logo"}), "no"),
    ],
)
def test_the_public_domain_is_all_or_nothing(facts, said):
    assert _doc(facts)["items"][4]["says"][-1] == f"Entirely in the public domain: {said}"


def test_a_work_that_is_free_on_one_ground_is_free():
    either = replace(FREE, layers=(replace(FREE.layers[0], bases=("CC-BY-4.0", "CC0-1.0")),))

    assert _doc(answered(sources=(either,)))["items"][4]["values"]["copyright"] is False
    assert _doc(answered(sources=(FILM,)))["items"][4]["values"]["copyright"] is True


def test_any_value_is_one_line_without_markup():
    odd = answered(
        sources=(replace(FILM, title=ODD, creator=ODD),), answers={**AB2013, "ab2013.2": ODD}
    )
    page = build(odd)["ab2013.md"].decode()

    assert _doc(odd)["items"][1]["says"] == [ODD]
    assert "<b>" not in page.replace("\\<", "")
    assert page.count("## ") == 12


def test_the_same_facts_are_the_same_bytes(golden):
    assert build(a_set()) == build(a_set())
    for name, content in build(a_set()).items():
        golden(f"documents/draft_{name}", content.decode())
    for name, content in build(answered(), draft=False).items():
        golden(f"documents/{name}", content.decode())


def _doc(facts, *, draft=True):
    return json.loads(build(facts, draft=draft)["ab2013.json"])
