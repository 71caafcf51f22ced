"""The events of a trace: valid against the specification, and no edge that is not in the trace."""

from __future__ import annotations

from itertools import chain, product

import pytest

from catalog.lineage.times import recorded_at
from catalog.lineage.tracing import down, up
from catalog.runs import RunRow, record_run
from pipelines.documents.openlineage import PAPERS, events
from tests.catalog.world import NOW, make_world
from tests.pipelines.documents.lineage_schemas import lineage_validators
from tests.pipelines.documents.traces import many, traces


@pytest.fixture(scope="module")
def validators():
    return lineage_validators()


@pytest.fixture
def told(session):
    make_world(session)
    return {
        name: list(events(trace, recorded_at(session, trace)))
        for name, trace in traces(session).items()
    }


def test_every_event_and_facet_is_valid_against_the_specification(validators, told):
    assert all(told.values())
    for event in chain.from_iterable(told.values()):
        validators["event"].validate(event)
        for dataset in (*event["inputs"], *event["outputs"]):
            for name, facet in dataset["facets"].items():
                validators[name].validate(facet)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda event: event.pop("run"),
        lambda event: event["run"].update(runId="no-uuid"),
        lambda event: event.update(eventTime="yesterday"),
        lambda event: event["inputs"][0]["facets"]["clearway_rights"].pop("_schemaURL"),
        lambda event: event["inputs"][0].pop("name"),
    ],
)
def test_the_validation_sees_what_is_wrong(validators, told, spoil):
    event = told["up"][-1]
    assert validators["event"].is_valid(event)

    spoil(event)

    assert not validators["event"].is_valid(event)


def test_the_events_join_what_the_trace_joins_and_nothing_else(session):
    make_world(session)
    for trace in traces(session).values():
        joined = set()
        for event in events(trace, recorded_at(session, trace)):
            sides = ([one["name"] for one in event[side]] for side in ("inputs", "outputs"))
            joined |= set(product(*sides))

        assert joined == _through_runs(trace)


def test_a_run_starts_and_ends_once_and_the_same_one_has_the_same_id(session, told):
    again = traces(session)["up"]

    for own in told.values():
        for number in {event["run"]["runId"] for event in own}:
            kinds = [event["eventType"] for event in own if event["run"]["runId"] == number]
            assert kinds == ["START", "COMPLETE"]
    assert list(events(again, recorded_at(session, again))) == told["up"]


def test_a_run_that_was_stopped_failed(session):
    make_world(session)
    stopped = RunRow(
        run_id="run-9", set_id="drive@2", manifest_digest="", config={}, record={}, seed=1,
        status="REVOKED",
    )  # fmt: skip
    record_run(session, stopped, now=NOW)
    trace = down(session, "drive@2")

    told = list(events(trace, recorded_at(session, trace)))

    ended = [(one["job"]["name"], one["eventType"]) for one in told if not one["outputs"]]
    assert ended == [
        ("train", "START"), ("train", "START"), ("train", "FAIL"), ("release", "START"),
    ]  # fmt: skip


def test_thousands_are_one_data_set_of_one_run(session, validators):
    trace = many(session)

    told = list(events(trace, recorded_at(session, trace)))

    assert [event["job"]["name"] for event in told if event["eventType"] == "COMPLETE"] == [
        "scan", "ingest", "ingest", "cut", "export", "export",
    ]  # fmt: skip
    assert all(validators["event"].is_valid(event) for event in told)


def test_what_cleared_a_shard_stands_in_its_facet(session):
    make_world(session)
    trace = up(session, "drive@1")

    shards = [
        one["facets"]["clearway_rights"]
        for event in events(trace, recorded_at(session, trace))
        for one in event["outputs"]
        if one["name"].startswith("shard/")
    ]

    assert [[each["id"] for each in one["papers"]] for one in shards] == [
        ["alpha-decision"], ["beta-decision"],
    ]  # fmt: skip


def _through_runs(trace):
    """The edges between data, those through a run as one."""
    name = {key: "/".join((key[0].replace(" ", "_"), key[1])) for key in trace.nodes}
    edges = {(one, other) for one, other in trace.edges if one[0] not in PAPERS | {"run"}}
    edges = {(one, other) for one, other in edges if other[0] not in PAPERS}
    found = {(name[one], name[other]) for one, other in edges if other[0] != "run"}
    for one, run in edges:
        if run[0] == "run":
            found |= {(name[one], name[other]) for begun, other in trace.edges if begun == run}
    return found
