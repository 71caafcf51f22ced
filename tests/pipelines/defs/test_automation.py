"""Sensors read the catalog: what they start, and what they do not start twice."""

import dagster as dg

from pipelines.defs.automation import (
    RANGE_END,
    RANGE_START,
    rights_revoked,
    source_registered,
)
from pipelines.defs.resources import Clearway
from tests.pipelines.defs.world import add_sources, revoke


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
    for sensor in (source_registered, rights_revoked):
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
