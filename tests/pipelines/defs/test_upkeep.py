"""Upkeep: each schedule's job does its deed on a home, and each is due when it says."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from catalog.decisions import decisions
from catalog.engine import open_catalog, source_lock
from catalog.versions import left_open
from pipelines import definitions
from pipelines.defs.automation import prepare
from pipelines.defs.resources import Clearway
from pipelines.defs.sources import catalog_read
from pipelines.defs.upkeep import daily_sample, daily_signing, daily_sweep, hourly_recovery
from pipelines.ingest.station import ingest
from pipelines.revocations import published_list
from tests.pipelines.defs.world import NOW, add_sources, revoke
from tests.pipelines.test_ingest_kill import killed
from tests.pipelines.test_sample import turn_a_byte


@pytest.fixture(scope="module")
def loaded():
    return definitions.defs()


def run(loaded, instance, schedule):
    """What the job of a schedule does when it is due."""
    job = loaded.resolve_job_def(schedule.job_name)
    return job.execute_in_process(instance=instance, raise_on_error=False)


def checks(result):
    return {one.check_name: one for one in result.get_asset_check_evaluations()}


def test_each_is_on_from_the_start_and_due_at_its_time(loaded):
    due = {
        one.name: (one.cron_schedule, one.execution_timezone, one.default_status.value)
        for one in loaded.schedules
    }
    assert due == {
        "daily_expiry_sweep": ("15 0 * * *", "UTC", "RUNNING"),
        "daily_revocation_list": ("30 0 * * *", "UTC", "RUNNING"),
        "daily_lake_sample": ("0 3 * * *", "UTC", "RUNNING"),
        "hourly_recovery": ("20 * * * *", "UTC", "RUNNING"),
    }


def test_the_sweep_decides_every_request_again_and_tells_of_each_source(
    loaded, settings, instance, tmp_path
):
    add_sources(settings, tmp_path, ["a", "b"])
    instance.add_dynamic_partitions("source", ["a", "b"])
    assert run(loaded, instance, daily_sweep).success
    assert instance.get_materialized_partitions(dg.AssetKey("clearance")) == {"a", "b"}
    with catalog_read(settings) as session:
        assert {one.source_id for one in decisions(session)} == {"a", "b"}


def test_the_list_is_signed_anew_and_read_back(loaded, settings, instance, tmp_path):
    add_sources(settings, tmp_path, ["a"])
    revoke(settings, "a")
    before = published_list(settings)
    assert before is not None
    assert before.fresh_until == NOW + timedelta(days=7)
    result = run(loaded, instance, daily_signing)
    assert checks(result)["list_verifies"].passed
    found = published_list(settings)
    assert found is not None
    assert found.fresh_until > datetime.now(UTC) + timedelta(days=6)
    (made,) = result.get_asset_materialization_events()
    assert made.materialization.metadata["clearway/sequence"].value == found.sequence == 1
    assert made.materialization.metadata["clearway/num_entries"].value == 1


def test_a_list_that_cannot_be_signed_fails_with_its_code(loaded, settings, instance):
    (settings.keys_dir / "signing.key").unlink()
    result = run(loaded, instance, daily_signing)
    (failure,) = [one for one in result.all_events if one.is_step_failure]
    assert "KEY_MISSING" in failure.step_failure_data.user_failure_data.description


def test_the_sample_passes_what_is_whole_and_stops_at_a_turned_byte(
    loaded, settings, instance, tmp_path
):
    add_sources(settings, tmp_path, ["a"])
    ingest("a", settings, at_once=0, run_id="r", now=NOW)
    whole = run(loaded, instance, daily_sample)
    turn_a_byte(settings, "a", (tmp_path / "a" / "take.jsonl").read_bytes()[:40])
    damaged = run(loaded, instance, daily_sample)
    assert whole.success
    assert checks(whole)["bytes_match"].passed
    found = checks(damaged)["bytes_match"]
    assert (found.passed, found.blocking) == (False, True)
    assert found.metadata["damaged"].records[0].data["subject"] == "a/media"


@pytest.fixture
def stored(tmp_path):
    """An instance that a schedule can be told of."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as it:
        yield it


def due(instance, day=1):
    at = datetime(2027, 1, day, 3, 20, tzinfo=UTC)
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=at, resources={"clearway": Clearway()}
    ) as context:
        return hourly_recovery(context)


@pytest.mark.slow
def test_a_source_that_a_kill_left_half_way_is_prepared_and_then_whole(
    loaded, settings, stored, tmp_path
):
    add_sources(settings, tmp_path, ["demo"])
    stored.add_dynamic_partitions("source", ["demo"])
    assert isinstance(due(stored), dg.SkipReason)
    assert killed(settings.home, "ledger:8")  # its fragments are noted, and not committed
    with source_lock(open_catalog(settings.catalog_url), "demo", settings.locks_dir):
        assert isinstance(due(stored), dg.SkipReason)  # somebody is at work
    (asked,) = due(stored)
    assert asked.tags["dagster/partition"] == "demo"
    assert due(stored, day=2)[0].run_key == asked.run_key  # tried once, as it stands
    without_ray = {one: {"config": {"at_once": 0}} for one in ("streams", "clips", "measures")}
    result = loaded.resolve_job_def(prepare.name).execute_in_process(
        instance=stored, tags=asked.tags, run_config={"ops": without_ray}
    )
    assert result.success
    with catalog_read(settings) as session:
        assert left_open(session) == {}
    assert isinstance(due(stored), dg.SkipReason)


def test_without_a_catalog_recovery_waits(monkeypatch, stored, tmp_path):
    monkeypatch.setenv("CLEARWAY_HOME", str(tmp_path / "nothing"))
    assert "CATALOG_MISSING" in str(due(stored).skip_message)
