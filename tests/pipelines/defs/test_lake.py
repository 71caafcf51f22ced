"""One run takes several sources from files to clearance, with real stations and without Ray."""

import json

import dagster as dg
import pytest

from catalog.quarantine import quarantined
from pipelines import definitions
from pipelines.defs.automation import RANGE_END, RANGE_START
from pipelines.defs.sources import catalog_read
from tests.pipelines.defs.world import NON_COMMERCIAL, add_sources
from tests.pipelines.places import film

STEPS = ["files", "streams", "clips", "measures", "clearance"]
WITHOUT_RAY = {one: {"config": {"at_once": 0}} for one in ("streams", "clips", "measures")}


def ingested(instance, key, **options):
    """Run the first two steps only, with options of the second."""
    return prepare(instance, [key], steps=STEPS[:2], **options)


def prepare(instance, keys, *, steps=STEPS, **options):
    instance.add_dynamic_partitions("source", keys)
    job = definitions.defs().resolve_job_def("prepare")
    streams = {"config": {"at_once": 0} | options}
    return job.execute_in_process(
        instance=instance,
        run_config={
            "ops": {one: WITHOUT_RAY[one] for one in steps if one in WITHOUT_RAY}
            | {"streams": streams}
        },
        asset_selection=[dg.AssetKey(one) for one in steps],
        tags={RANGE_START: keys[0], RANGE_END: keys[-1]},
        raise_on_error=False,
    )


def shown(result, asset):
    return {
        one.partition: one.materialization.metadata
        for one in result.get_asset_materialization_events()
        if one.asset_key == dg.AssetKey(asset)
    }


def checks(result):
    return {one.check_name: one for one in result.get_asset_check_evaluations()}


def test_one_run_prepares_every_source_and_says_what_came_of_it(
    settings, instance, tmp_path, monkeypatch
):
    monkeypatch.setenv("CLEARWAY_CONSOLE_URL", "http://127.0.0.1:3001")
    add_sources(settings, tmp_path, ["east", "west"])
    add_sources(settings, tmp_path, ["north"], layers=[NON_COMMERCIAL])
    result = prepare(instance, ["east", "west", "north"])
    assert result.success
    for asset in STEPS:
        assert set(shown(result, asset)) == {"east", "west", "north"}, asset
    east = shown(result, "streams")["east"]
    assert east["clearway/num_found"].value == 3
    assert east["clearway/num_ingested"].value == 2
    assert east["clearway/num_quarantined"].value == 1
    assert shown(result, "clearance")["east"]["clearway/num_permit"].value == 1
    assert shown(result, "clearance")["north"]["clearway/num_deny"].value == 1
    table = shown(result, "clearance")["east"]["verdicts"]
    verdicts = {one.data["source"]: one.data["verdict"] for one in table.records}
    assert verdicts == {"east": "permit", "west": "permit", "north": "deny"}
    assert {name: one.passed for name, one in checks(result).items()} == {
        "paths_once": True,
        "row_conservation": True,
        "none_quarantined": False,
        "facts_present": True,
        "clips_conserved": True,
        "all_decided": True,
    }
    pages = {shown(result, asset)["east"]["console/source"].value for asset in STEPS}
    assert pages == {"http://127.0.0.1:3001/sources/east"}
    quality = shown(result, "measures")["east"]
    assert 0 <= quality["clearway/median_exposure"].value <= 1
    assert quality["clearway/median_skew_p99_ms"].value >= 0
    told = {row.data["measure"]: row.data for row in quality["measures"].records}
    assert told["exposure"]["unit"] == "share"
    assert "█" in told["exposure"]["least to greatest"]


def test_files_are_told_one_by_one_and_what_is_set_aside_stands_in_a_table(
    settings, instance, tmp_path, caplog
):
    add_sources(settings, tmp_path, ["east"])
    with caplog.at_level("INFO", "clearway.defs"):
        result = prepare(instance, ["east"])
    told = [json.loads(one.clearway) for one in caplog.records if hasattr(one, "clearway")]
    files = [one for one in told if (one["event"], one["step"]) == ("file", "streams")]
    assert sorted(one["status"] for one in files) == ["ingested", "ingested", "quarantined"]
    assert {one["frames"] for one in files if one["status"] == "ingested"} == {0, 60}
    held = checks(result)["none_quarantined"]
    assert held.severity == dg.AssetCheckSeverity.WARN
    (row,) = held.metadata["quarantined"].records
    (bad,) = (one for one in files if one["status"] == "quarantined")
    assert (row.data["source"], row.data["sha256"]) == ("east", bad["sha256"])
    assert row.data["reason"] == bad["reason"] == "NOT_THE_FORMAT"


def test_what_is_set_aside_is_released_by_a_run(settings, instance, tmp_path):
    add_sources(settings, tmp_path, ["east"])
    whole = film(tmp_path / "whole.mp4", seed=9, frames=20).read_bytes()
    (tmp_path / "east" / "half.mp4").write_bytes(whole[: len(whole) // 2])
    table = checks(ingested(instance, "east"))["none_quarantined"].metadata["quarantined"]
    held = {row.data["reason"]: row.data["sha256"] for row in table.records}
    (reason,) = held.keys() - {"NOT_THE_FORMAT"}
    worked = [
        shown(ingested(instance, "east", release=asked), "streams")["east"]["clearway/num_worked"]
        for asked in ([], [held[reason]], [reason])
    ]
    assert [one.value for one in worked] == [0, 1, 1]
    with catalog_read(settings) as session:
        assert {one.reason for one in quarantined(session, "east")} == held.keys()


def test_releasing_what_is_not_held_is_refused_by_its_name(settings, instance, tmp_path):
    add_sources(settings, tmp_path, ["east"])
    for asked in ("ffff0000", "TRUNCATED", "f"):
        result = ingested(instance, "east", release=[asked])
        (failure,) = [one for one in result.all_events if one.is_step_failure]
        headline = failure.step_failure_data.user_failure_data.description
        assert headline.startswith("streams: QUARANTINE_UNKNOWN: no file of these sources")
        assert repr(asked) in headline


def test_throughput_is_a_number_that_can_be_plotted(settings, instance, tmp_path):
    add_sources(settings, tmp_path, ["east"])
    done = shown(prepare(instance, ["east"]), "streams")["east"]
    seconds = done["clearway/seconds"].value
    assert done["clearway/files_per_s"].value == pytest.approx(3 / seconds, rel=0.01)
    assert done["clearway/bytes_per_s"].value > 0


def test_prepared_again_nothing_is_worked_twice(settings, instance, tmp_path):
    add_sources(settings, tmp_path, ["east"])
    first = shown(prepare(instance, ["east"]), "streams")["east"]
    again = shown(prepare(instance, ["east"]), "streams")["east"]
    assert first["clearway/num_worked"].value > 0
    assert again["clearway/num_worked"].value == 0
    assert first["clearway/digest"] == again["clearway/digest"]


def test_a_source_without_facts_fails_the_blocking_check_and_is_not_cleared(
    settings, instance, tmp_path
):
    add_sources(settings, tmp_path, ["bare"], layers=[])
    result = prepare(instance, ["bare"])
    assert not result.success
    bare = checks(result)["facts_present"]
    assert not bare.passed
    assert bare.metadata["without_facts"].value == ["bare"]
    assert not shown(result, "measures")
    assert not shown(result, "clearance")


def test_a_source_that_is_gone_is_refused_by_name_and_the_others_are_scanned(
    settings, instance, tmp_path
):
    add_sources(settings, tmp_path, ["east", "west"])
    (tmp_path / "east").rename(tmp_path / "elsewhere")
    result = prepare(instance, ["east", "west"])
    (failure,) = [one for one in result.all_events if one.is_step_failure]
    assert failure.step_key == "files"
    headline = failure.step_failure_data.user_failure_data.description
    assert headline.startswith("east: SOURCE_PATH_MISSING")
    assert "west" not in headline


def test_no_name_of_a_file_reaches_the_history(settings, instance, tmp_path):
    add_sources(settings, tmp_path, ["east"])
    (tmp_path / "east" / "interview-with-jane-doe.mp4").write_bytes(b"also broken")
    result = prepare(instance, ["east"])
    assert result.success
    assert "jane-doe" not in "\n".join(str(one) for one in instance.all_logs(result.run_id))
