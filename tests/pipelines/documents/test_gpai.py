"""Evidence for the copyright chapter: what people state beside the figures of the set."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator
from typer.main import get_command

from pipelines.cli import app
from pipelines.documents.facts import RefusedSource
from pipelines.documents.gpai import CLEARED, DECIDED, REPLAYED, SHOWN, build, missing
from pipelines.errors import ExportError
from tests.pipelines.documents.answered import ANSWERS, GPAI, ODD, answered, without
from tests.pipelines.documents.sets import ARM, FILM, a_set

MEASURES = ("1.1", "1.2", "1.3", "1.4", "1.5")
SHAPE = {
    "type": "object",
    "required": ["form", "status", "about", "missing", *MEASURES],
    "additionalProperties": False,
    "properties": {
        "form": {"type": "string"},
        "status": {"enum": ["draft", "final"]},
        "about": {"type": "object", "required": ["training_set", "content_sha256"]},
        "missing": {"type": "array", "items": {"type": "string", "pattern": "^gpai\\."}},
        **{number: {"type": "object"} for number in MEASURES},
    },
    "if": {"properties": {"status": {"const": "final"}}},
    "then": {
        "properties": {
            "missing": {"maxItems": 0},
            **{number: {"required": ["statement", "owner"]} for number in MEASURES[:4]},
            "1.5": {"required": ["statement", "owner", "contact"]},
        }
    },
}
GONE = (
    RefusedSource(source_id="a", verdict="deny", reasons=("TDM_RESERVED",), hours=1.0),
    RefusedSource(
        source_id="b", verdict="deny", reasons=("TDM_RESERVED: by its holder", "EXPIRED"), hours=1.0
    ),
    RefusedSource(
        source_id="c", verdict="undetermined", reasons=("SIGNALS_NOT_CAPTURED",), hours=1.0
    ),
)


@pytest.mark.parametrize(
    ("facts", "draft"),
    [
        (a_set(), True),
        (answered(), False),
        (answered(sources=(FILM,)), False),
        (answered(answers={**ANSWERS, "gpai.1.1.statement": ODD}), False),
    ],
    ids=["draft", "final", "without persons", "odd words"],
)
def test_the_document_has_the_form(facts, draft):
    doc = _doc(facts, draft=draft)

    Draft202012Validator(SHAPE).validate(doc)
    assert doc["missing"] == list(missing(facts))


def test_a_draft_says_plainly_what_is_missing_and_invents_nothing():
    doc, page = _doc(a_set()), build(a_set())["gpai_copyright.md"].decode()

    assert set(doc["missing"]) == set(GPAI)
    assert doc["1.4"] == doc["1.5"] == {}
    for field in GPAI:
        assert f"Missing: nothing on record answers this. The field is `{field}`." in page


@pytest.mark.parametrize("field", sorted(GPAI))
def test_the_final_form_is_refused_without_any_one_answer(field):
    with pytest.raises(ExportError, match=field) as refused:
        build(without(field), draft=False)
    doc = _doc(without(field)) | {"status": "final", "missing": []}

    assert (refused.value.code, refused.value.subject) == ("DOCUMENT_FIELD_MISSING", field)
    assert not Draft202012Validator(SHAPE).is_valid(doc)


@pytest.mark.parametrize(
    ("field", "facts"),
    [
        ("name", a_set(name="")),
        ("content_digest", a_set(content_digest="")),
        ("operator.name", a_set(organisation=replace(a_set().organisation, name=""))),
        ("rulebook_digest", a_set(rulebook_digest="")),
        ("profile", a_set(profile="")),
        ("sources", a_set(sources=())),
        ("film.acquisition", a_set(sources=(replace(FILM, acquisition=""),))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_field_without_a_fact_is_refused(field, facts):
    with pytest.raises(ExportError, match=field) as refused:
        build(facts)

    assert (refused.value.code, refused.value.subject) == ("DOCUMENT_FIELD_MISSING", field)


def test_the_figures_are_those_of_the_facts():
    silent = replace(FILM, source_id="silent", acquisition="crawled", signals=())
    heard = replace(FILM, acquisition="crawled")
    doc = _doc(a_set(sources=(heard, silent, ARM), refused=GONE))

    assert (doc["1.1"]["sources_permitted"], doc["1.1"]["sources_refused"]) == (3, 3)
    assert doc["1.2"]["acquired"] == {"crawled": 2, "licensed": 1}
    assert doc["1.2"]["refused"] == {"EXPIRED": 1, "SIGNALS_NOT_CAPTURED": 1, "TDM_RESERVED": 2}
    assert (doc["1.3"]["crawled"], doc["1.3"]["crawled_without_signals"]) == (2, ["silent"])
    assert doc["1.3"]["schemes"] == {"tdmrep_file": 1}
    assert [one["signals"] for one in doc["1.3"]["signals"]] == [1, 0, 0]
    assert doc["1.3"]["refused_for_reservations"] == {"SIGNALS_NOT_CAPTURED": 1, "TDM_RESERVED": 2}


@pytest.mark.parametrize("line", [CLEARED, DECIDED, REPLAYED, SHOWN])
def test_the_commands_that_prove_it_exist(line):
    command = get_command(app)
    for word in line.split()[1:]:
        if not hasattr(command, "commands"):
            break
        command = command.commands[word]

    assert not hasattr(command, "commands")


def test_any_value_is_one_line_without_markup():
    page = build(answered(answers={**ANSWERS, "gpai.1.1.statement": ODD}))["gpai_copyright.md"]

    assert b"<b>" not in page.replace(b"\\<", b"")
    assert page.count(b"## ") == len(MEASURES)


def test_the_same_facts_are_the_same_bytes(golden):
    assert build(a_set()) == build(a_set())
    for name, content in build(a_set()).items():
        golden(f"documents/draft_{name}", content.decode())
    for name, content in build(answered(refused=GONE), draft=False).items():
        golden(f"documents/{name}", content.decode())


def _doc(facts, *, draft=True):
    return json.loads(build(facts, draft=draft)["gpai_copyright.json"])
