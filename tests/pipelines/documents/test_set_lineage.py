"""The lineage of an export: valid events, and each source joined with its own shard alone."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product

import pytest

from pipelines.documents.set_lineage import build
from pipelines.errors import ExportError
from tests.pipelines.documents.lineage_schemas import lineage_validators
from tests.pipelines.documents.sets import ARM, FILM, a_set

ODD = 'a "quoted" | <b>name</b>\n\x07\u2028日本 \ud800 \\'


@pytest.fixture(scope="module")
def validators():
    return lineage_validators()


@pytest.mark.parametrize(
    "facts",
    [
        a_set(),
        a_set(sources=(FILM,)),
        a_set(
            sources=(
                replace(FILM, source_id=ODD.replace("\ud800", ""), title=ODD, duties=(ODD,)),
                ARM,
            )
        ),
    ],
    ids=["two sources", "one without persons", "odd words"],
)
def test_every_event_and_facet_is_valid_against_the_specification(validators, facts):
    told = _events(facts)

    assert len(told) == 2 * len(facts.sources) + 2
    for event in told:
        validators["event"].validate(event)
        for dataset in (*event["inputs"], *event["outputs"]):
            for name, facet in (dataset["facets"] | dataset.get("outputFacets", {})).items():
                validators[name].validate(facet)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda event: event.pop("run"),
        lambda event: event["run"].update(runId="no-uuid"),
        lambda event: event.update(eventTime="yesterday"),
        lambda event: event["outputs"][0]["facets"]["schema"].pop("_schemaURL"),
        lambda event: event["outputs"][0].pop("name"),
        lambda event: event.pop("producer"),
        lambda event: event.pop("job"),
    ],
)
def test_the_validation_sees_what_is_wrong(validators, spoil):
    event = _events(a_set())[1]
    assert validators["event"].is_valid(event)

    spoil(event)

    assert not validators["event"].is_valid(event)


def test_each_source_goes_into_its_own_shard_and_the_shards_into_the_set():
    joined = set()
    for event in _events(a_set()):
        joined |= set(
            product(*([one["name"] for one in event[side]] for side in ("inputs", "outputs")))
        )

    assert joined == {
        ("source/film", "shard/demo@2/0"),
        ("source/arm", "shard/demo@2/1"),
        ("shard/demo@2/0", "training_set/demo@2"),
        ("shard/demo@2/1", "training_set/demo@2"),
    }


def test_a_run_starts_and_ends_once():
    told = _events(a_set())
    runs = [event["run"]["runId"] for event in told]

    assert len(set(runs)) == 3
    for number in set(runs):
        kinds = [event["eventType"] for event in told if event["run"]["runId"] == number]
        assert kinds == ["START", "COMPLETE"]


def test_a_shard_says_its_amounts_its_columns_and_what_clears_it():
    facts = a_set()
    shards = {
        one["name"]: one
        for event in _events(facts)
        for one in event["outputs"]
        if one["name"].startswith("shard/")
    }

    for source in facts.sources:
        own = shards[f"shard/demo@2/{source.shard}"]
        amounts = own["outputFacets"]["outputStatistics"]
        rights = own["facets"]["clearway_rights"]
        assert (amounts["rowCount"], amounts["size"]) == (source.num_rows, source.num_bytes)
        assert amounts["fileCount"] == 1
        assert rights["obligations"] == list(source.duties)
        assert [one["says"] for one in rights["papers"]] == [
            *("permit" for _ in source.decisions), *(one.concluded for one in source.licences),
        ]  # fmt: skip
        assert [one["name"] for one in own["facets"]["schema"]["fields"]] == ["clip_id", "action"]


@pytest.mark.parametrize(
    ("field", "facts"),
    [
        ("name", a_set(name="")),
        ("content_digest", a_set(content_digest="")),
        ("producer", a_set(producer="")),
        ("sources", a_set(sources=())),
        ("columns", a_set(columns=())),
        ("film.decisions", a_set(sources=(replace(FILM, decisions=()),))),
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
    golden("documents/openlineage.jsonl", written["openlineage.jsonl"].decode())


def _events(facts):
    return [json.loads(line) for line in build(facts)["openlineage.jsonl"].split(b"\n") if line]
