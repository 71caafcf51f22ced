"""The sensor on folders: one run for what is there, none for what is not ready or not its own."""

import json

import dagster as dg
import pytest

from pipelines.defs.arrivals import files_arrived
from pipelines.defs.automation import RANGE_END, RANGE_START
from pipelines.defs.resources import Clearway
from pipelines.scan.station import scan
from tests.pipelines.defs.world import NOW, add_sources, revoke
from tests.pipelines.places import events

SOURCES = ["a", "b", "c"]


@pytest.fixture
def scanned(settings, instance, tmp_path):
    """Three sources that were scanned; the folder in which theirs lie."""
    add_sources(settings, tmp_path, SOURCES)
    instance.add_dynamic_partitions("source", SOURCES)
    for one in SOURCES:
        scan(one, settings, now=NOW, run_id="r")
    return tmp_path


def tick(instance, cursor=None):
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"clearway": Clearway()}
    ) as context:
        return files_arrived(context)


def ticks(instance, number):
    """Tick several times while nothing changes, and return what the last one says."""
    result = tick(instance)
    for _ in range(number - 1):
        result = tick(instance, result.cursor)
    return result


def keys_of(result):
    return [one.tags["dagster/partition"] for one in result.run_requests]


@pytest.mark.usefixtures("scanned")
def test_where_nothing_arrived_nothing_starts(instance):
    result = ticks(instance, 2)
    assert not result.run_requests
    assert json.loads(result.cursor) == {}
    assert result.skip_reason.skip_message == "nothing arrived in 3 places"


def test_what_arrived_is_taken_up_at_the_second_tick(scanned, instance):
    events(scanned / "b" / "new.jsonl")
    first = tick(instance)
    assert not first.run_requests
    assert "in b" in first.skip_reason.skip_message
    second = tick(instance, first.cursor)
    assert keys_of(second) == ["b"]
    again = tick(instance, second.cursor)  # the run has not begun
    assert [one.run_key for one in again.run_requests] == [second.run_requests[0].run_key]


def test_ticks_that_were_missed_and_a_cursor_that_was_lost_lose_nothing(
    scanned, settings, instance
):
    events(scanned / "b" / "new.jsonl")
    assert keys_of(ticks(instance, 2)) == ["b"]
    scan("b", settings, now=NOW, run_id="r")
    assert not ticks(instance, 2).run_requests
    events(scanned / "b" / "newer.jsonl")
    assert keys_of(ticks(instance, 2)) == ["b"]


def test_a_file_that_is_being_written_holds_its_source_alone(scanned, instance):
    events(scanned / "a" / "done.jsonl")
    growing = events(scanned / "c" / "growing.jsonl")
    first = tick(instance)
    with growing.open("a", encoding="utf-8") as recorder:
        recorder.write("more\n")
    assert keys_of(tick(instance, first.cursor)) == ["a"]


def test_neighbours_share_a_run(scanned, instance):
    for one in ("a", "b"):
        events(scanned / one / "new.jsonl")
    (run,) = ticks(instance, 2).run_requests
    assert (run.tags[RANGE_START], run.tags[RANGE_END]) == ("a", "b")


@pytest.mark.parametrize("tags", [{"dagster/partition": "b"}, {RANGE_START: "a", RANGE_END: "c"}])
def test_a_source_that_a_run_is_at_work_on_is_left_to_it(scanned, instance, tags):
    events(scanned / "b" / "new.jsonl")

    @dg.op
    def nothing() -> None: ...

    @dg.job
    def empty() -> None:
        nothing()

    run = instance.create_run_for_job(empty, status=dg.DagsterRunStatus.STARTED, tags=tags)
    assert not ticks(instance, 2).run_requests
    instance.report_run_canceled(run)
    assert keys_of(ticks(instance, 2)) == ["b"]


def test_a_source_of_which_something_was_revoked_is_left_to_people(scanned, settings, instance):
    revoke(settings, "b")
    events(scanned / "b" / "new.jsonl")
    assert not ticks(instance, 2).run_requests


def test_a_source_that_nobody_scanned_yet_is_new_and_one_without_a_folder_is_named(
    scanned, settings, instance
):
    add_sources(settings, scanned, ["d"])
    instance.add_dynamic_partitions("source", ["d"])
    (scanned / "a").rename(scanned / "elsewhere")
    assert keys_of(ticks(instance, 2)) == ["d"]
    scan("d", settings, now=NOW, run_id="r")
    assert "not there: a" in ticks(instance, 2).skip_reason.skip_message


def test_without_a_catalog_it_waits(monkeypatch, instance, tmp_path):
    monkeypatch.setenv("CLEARWAY_HOME", str(tmp_path / "nothing"))
    assert "CATALOG_MISSING" in str(tick(instance).skip_message)
