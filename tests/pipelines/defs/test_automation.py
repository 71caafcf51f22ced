"""Sensors read the catalog: what they start, and what they do not start twice."""

import dagster as dg

from catalog import rights
from pipelines.clear import clear
from pipelines.defs.automation import (
    PARTITION,
    RANGE_END,
    RANGE_START,
    rights_changed,
    rights_revoked,
    source_registered,
)
from pipelines.defs.resources import Clearway
from pipelines.defs.upkeep import expiry_sweep
from tests.pipelines.defs.world import NON_COMMERCIAL, add_sources, revoke, writing


def tick(sensor, instance, cursor=None):
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, resources={"clearway": Clearway()}
    ) as context:
        return sensor(context)


def test_new_sources_become_partitions_and_share_one_run(settings, instance, tmp_path):
    add_sources(settings, tmp_path, ["a", "b", "c"])
    result = tick(source_registered, instance)
    (run,) = result.run_requests
    assert (run.tags[RANGE_START], run.tags[RANGE_END]) == ("a", "c")
    (added,) = result.dynamic_partitions_requests
    assert list(added.partition_keys) == ["a", "b", "c"]


def test_the_same_sources_start_nothing_twice(settings, instance, tmp_path):
    add_sources(settings, tmp_path, ["a", "b"])
    instance.add_dynamic_partitions("source", ["a", "b"])
    assert isinstance(tick(source_registered, instance), dg.SkipReason)
    add_sources(settings, tmp_path, ["d"])
    (run,) = tick(source_registered, instance).run_requests
    assert run.tags["dagster/partition"] == "d"


def test_two_ticks_before_the_partitions_are_written_ask_for_one_run(settings, instance, tmp_path):
    add_sources(settings, tmp_path, ["a"])
    keys = {tick(source_registered, instance).run_requests[0].run_key for _ in range(2)}
    assert len(keys) == 1


def test_without_a_catalog_the_sensors_wait(monkeypatch, instance, tmp_path):
    monkeypatch.setenv("CLEARWAY_HOME", str(tmp_path / "nothing"))
    for sensor in (source_registered, rights_revoked, rights_changed):
        skipped = tick(sensor, instance)
        assert isinstance(skipped, dg.SkipReason)
        assert "CATALOG_MISSING" in str(skipped.skip_message)


def test_each_revocation_is_followed_once_also_after_a_gap(settings, instance, tmp_path):
    add_sources(settings, tmp_path, ["a", "b", "c"])
    instance.add_dynamic_partitions("source", ["a", "b", "c"])
    assert tick(rights_revoked, instance).cursor == "0"
    revoke(settings, "b")
    first = tick(rights_revoked, instance, "0")
    assert [(one.partition_key, one.run_key) for one in first.run_requests] == [
        ("b", "revocation-1-b")
    ]
    assert not tick(rights_revoked, instance, first.cursor).run_requests
    revoke(settings, "a")
    revoke(settings, "c")
    late = tick(rights_revoked, instance, first.cursor)
    assert [one.run_key for one in late.run_requests] == ["revocation-2-a", "revocation-3-c"]
    assert late.cursor == "3"


def decided(settings):
    clear("commercial", settings, now=Clearway().now, run_id="r")


def attached(settings, source_id):
    with writing(settings) as session:
        rights.attach_layer(session, source_id, NON_COMMERCIAL, now=Clearway().now)


def asked(result):
    return [one.run_key.split("-")[1] for one in result.run_requests]


def test_rights_that_changed_are_decided_once_also_after_a_gap(settings, instance, tmp_path):
    add_sources(settings, tmp_path, ["a", "b", "c"])
    instance.add_dynamic_partitions("source", ["a", "b", "c"])
    decided(settings)
    first = tick(rights_changed, instance)
    assert asked(first) == []
    attached(settings, "b")
    second = tick(rights_changed, instance, first.cursor)
    assert [one.tags["dagster/partition"] for one in second.run_requests] == ["b"]
    assert asked(tick(rights_changed, instance, second.cursor)) == []
    attached(settings, "a")
    attached(settings, "c")
    late = tick(rights_changed, instance, first.cursor)  # nothing is lost with a cursor
    assert asked(late) == ["a"]
    (run,) = late.run_requests
    assert (run.tags[RANGE_START], run.tags[RANGE_END]) == ("a", "c")
    decided(settings)
    assert asked(tick(rights_changed, instance, first.cursor)) == []


def test_what_a_run_is_at_work_on_is_looked_at_again(settings, instance, tmp_path):
    add_sources(settings, tmp_path, ["a", "b"])
    instance.add_dynamic_partitions("source", ["a", "b"])
    run = instance.create_run_for_job(
        expiry_sweep, status=dg.DagsterRunStatus.STARTED, tags={PARTITION: "a"}
    )
    first = tick(rights_changed, instance)
    assert asked(first) == ["b"]
    instance.report_run_canceled(run)
    assert set(asked(tick(rights_changed, instance, first.cursor))) == {"a"}
