"""What several documents say of one set is the same in all of them, and what the facts say."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import chain

import pytest

from pipelines.documents import (
    ab2013,
    art30,
    cyclonedx,
    eu_summary,
    gpai,
    set_lineage,
    sourcing,
)
from pipelines.documents.facts import hours_text
from tests.pipelines.documents.answered import answered
from tests.pipelines.documents.sets import ARM, FILM
from tests.pipelines.documents.test_eu_summary import FULL, PARTS

BUILDERS = (ab2013, art30, cyclonedx, eu_summary, gpai, set_lineage, sourcing)
SETS = {
    "two sources": answered(),
    "one was revoked": answered(sources=(FILM,), version=3),
    "long ones": answered(sources=(replace(FILM, hours={"video": 12_345.67}), ARM)),
    "computed": answered(sources=(replace(ARM, modality="synthetic"), FILM)),
    "all ways": FULL,
}


@pytest.fixture(params=SETS, name="facts")
def _facts(request):
    return SETS[request.param]


def test_clips_rows_and_bytes_agree(facts):
    docs = _docs(facts)
    data = docs["cyclonedx.json"]["metadata"]["component"]["data"][0]
    told = {one["name"]: one["value"] for one in data["contents"]["properties"]}
    item = docs["ab2013.json"]["items"][2]["values"]
    written = [
        one["outputFacets"]["outputStatistics"]
        for event in docs["openlineage.jsonl"]
        for one in event["outputs"]
        if "outputFacets" in one
    ]

    assert {item["clips"], int(told["clearway:clips"])} == {facts.num_clips}
    assert {item["rows"], int(told["clearway:rows"]), sum(one["rowCount"] for one in written)} == {
        facts.num_rows
    }
    assert {item["bytes"], int(told["clearway:bytes"])} == {facts.num_bytes}
    assert [one["size"] for one in written] == [one.num_bytes for one in facts.sources]


def test_hours_agree(facts):
    docs = _docs(facts)
    hours = {name: hours_text(each) for name, each in facts.hours().items()}
    described = docs["cyclonedx.json"]["metadata"]["component"]["data"][0]["description"]

    assert docs["ab2013.json"]["items"][2]["values"]["hours"] == hours
    assert [one["size"] for one in docs["eu_summary.json"]["1.3"]["modalities"]] == [
        *hours.values()
    ]
    assert all(f"{each} h {name}" in described for name, each in hours.items())


def test_licences_agree(facts):
    docs = _docs(facts)
    papers = [one["license"] for one in docs["cyclonedx.json"]["metadata"]["component"]["licenses"]]
    named = [
        one.get("id") or one["name"] for one in papers if one["acknowledgement"] == "concluded"
    ]
    instruments = chain.from_iterable(
        one["instruments"] for one in docs["sourcing.json"]["sources"]
    )

    assert named == docs["ab2013.json"]["items"][4]["values"]["licences"]
    assert set(named) == {one["name"] for one in instruments}


def test_how_each_source_was_come_by_agrees(facts):
    docs = _docs(facts)
    said = {one.source_id: one.acquisition for one in facts.sources}
    parts = {
        source: how
        for how, number in PARTS.items()
        for source in docs["eu_summary.json"][number]["sources"]
    }
    rows = docs["ab2013.json"]["items"][0]["values"]["sources"]

    assert parts == said
    assert sum(len(docs["eu_summary.json"][number]["sources"]) for number in PARTS.values()) == len(
        said
    )
    assert {one["source"]: one["acquisition"] for one in rows} == said
    assert {one["source"]: one["acquisition"] for one in docs["sourcing.json"]["sources"]} == said
    assert sum(docs["gpai_copyright.json"]["1.2"]["acquired"].values()) == len(said)


def test_days_agree(facts):
    docs = _docs(facts)
    item = docs["ab2013.json"]["items"][9]["values"]
    first, last = facts.acquired

    assert (item["first"], item["last"]) == (first.isoformat(), last.isoformat())
    assert docs["eu_summary.json"]["1.3"]["latest_acquisition"] == f"{last:%m/%Y}"


def test_persons_and_synthesis_agree(facts):
    docs = _docs(facts)
    data = docs["cyclonedx.json"]["metadata"]["component"]["data"][0]
    told = {one["name"]: one["value"] for one in data["contents"]["properties"]}
    items = [one["values"] for one in docs["ab2013.json"]["items"]]
    personal = any(one.personal for one in facts.sources)
    computed = any(one.is_synthetic for one in facts.sources)

    assert (
        items[6]["personal_information"]
        == ("sensitiveData" in data)
        == docs["art30.json"]["a"]["personal_data"]
        == personal
    )
    assert (
        items[11]["synthetic"]
        == (told["clearway:synthetic"] == "yes")
        == docs["eu_summary.json"]["2.5"]["used"]
        == computed
    )


def test_duties_agree(facts):
    docs = _docs(facts)
    owed = {duty for one in facts.sources for duty in one.duties}
    whole = docs["openlineage.jsonl"][-1]["outputs"][0]["facets"]["clearway_rights"]
    each = [
        one["value"].split(", ")
        for component in docs["cyclonedx.json"]["components"]
        for one in component["data"][0]["contents"]["properties"]
        if one["name"] == "clearway:duties"
    ]

    assert set(whole["obligations"]) == {*chain.from_iterable(each)} == owed


def test_a_source_that_was_revoked_is_gone_from_all_documents():
    before = b"".join(_written(SETS["two sources"]).values())
    after = b"".join(_written(SETS["one was revoked"]).values())

    assert b"An arm sorts blocks" in before
    for word in (b'"arm"', b"An arm sorts blocks", b"P-26-1", b"Pier", b"contract-duties"):
        assert word not in after


def test_the_order_in_which_people_answered_changes_nothing(facts):
    again = replace(facts, answers=dict(reversed(facts.answers.items())))

    assert _written(facts) == _written(again)


def _written(facts):
    return {name: raw for one in BUILDERS for name, raw in one.build(facts).items()}


def _docs(facts):
    found = {}
    for name, raw in _written(facts).items():
        if name.endswith(".json"):
            found[name] = json.loads(raw)
        elif name.endswith(".jsonl"):
            found[name] = [json.loads(line) for line in raw.splitlines()]
    return found
