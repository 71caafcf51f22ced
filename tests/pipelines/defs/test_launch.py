"""Launching: which runs cover which keys, what dead launchers leave, and a run from outside."""

import json
import os
import signal
import socket
import subprocess
import sys
from typing import Any

import dagster as dg
import pytest

from pipelines.cli.ui import run_job
from pipelines.defs.automation import RANGE_END, RANGE_START, stretches
from pipelines.defs.launch import HOST_TAG, PID_TAG, end_dead_runs, main, tags_of
from tests.pipelines.defs.world import add_sources, initialised, launched_here
from tests.pipelines.places import events


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("abcd", ["abcd"]),
        ("bca", ["abc"]),
        ("acd", ["a", "cd"]),
        ("d", ["d"]),
        ("aa", ["a"]),
        ("", []),
    ],
)
def test_keys_that_stand_together_share_a_run(keys, expected):
    assert ["".join(one) for one in stretches(list(keys), list("abcd"))] == expected


def test_new_partitions_are_added_and_covered_by_one_range(instance):
    @dg.asset(partitions_def=dg.DynamicPartitionsDefinition(name="source"))
    def thing() -> None: ...

    job = dg.Definitions([thing], jobs=[dg.define_asset_job("all", "*")]).resolve_job_def("all")
    assert tags_of(job, ["a", "b", "c"], instance) == [{RANGE_START: "a", RANGE_END: "c"}]
    assert tags_of(job, ["b"], instance) == [{"dagster/partition": "b"}]
    assert instance.get_dynamic_partitions("source") == ["a", "b", "c"]


def test_a_job_without_partitions_takes_one_run(instance):
    @dg.op
    def nothing() -> None: ...

    @dg.job
    def empty() -> None:
        nothing()

    assert tags_of(empty, [], instance) == [{}]


def test_the_runs_of_a_killed_launcher_are_failed_and_living_ones_left(instance):
    @dg.op
    def nothing() -> None: ...

    @dg.job
    def empty() -> None:
        nothing()

    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    host = socket.gethostname()
    ids = {}
    for name, pid, where in (
        ("dead", gone.pid, host),
        ("mine", os.getpid(), host),
        ("far", 1, "x"),
    ):
        tags = {HOST_TAG: where, PID_TAG: str(pid)}
        run = instance.create_run_for_job(empty, status=dg.DagsterRunStatus.STARTED, tags=tags)
        ids[name] = run.run_id
    end_dead_runs(instance)
    found = {name: instance.get_run_by_id(one).status.value for name, one in ids.items()}
    assert found == {"dead": "FAILURE", "mine": "STARTED", "far": "STARTED"}


def test_without_a_dagster_home_it_is_refused(monkeypatch, capsys):
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    assert main(["--job", "prepare"]) == 1
    line = json.loads(capsys.readouterr().out)
    assert line["code"] == "DAGSTER_HOME_MISSING"
    assert "DAGSTER_HOME" in line["way_out"]


@pytest.mark.slow
def test_a_launch_tells_its_progress_and_is_on_record(tmp_path, monkeypatch):
    settings = initialised(tmp_path)
    add_sources(settings, tmp_path, ["east", "west"])
    lines: list[dict[str, Any]] = []
    options = {"streams": {"at_once": 0}, "measures": {"at_once": 0}}
    code = run_job(settings, "prepare", ["east", "west"], config=options, on_line=lines.append)
    assert code == 0, (settings.dagster_home / "launch.log").read_text()
    done = [(one["step"], one["key"]) for one in lines if one["event"] == "done"]
    assert done[:3] == [("files", "east"), ("files", "west"), ("streams", "east")]
    assert any(one["event"] == "progress" and one["total"] for one in lines)
    end = lines[-1]
    assert (end["event"], end["status"], end["why"]) == ("run", "SUCCESS", [])
    monkeypatch.setenv("DAGSTER_HOME", str(settings.dagster_home))
    with dg.DagsterInstance.get() as instance:
        run = instance.get_run_by_id(end["run_id"])
        assert run is not None
        assert run.status == dg.DagsterRunStatus.SUCCESS
        assert len(instance.get_materialized_partitions(dg.AssetKey("clearance"))) == 2


@pytest.mark.slow
def test_a_refused_launch_ends_with_one_and_says_why(tmp_path):
    settings = initialised(tmp_path)
    add_sources(settings, tmp_path, ["bare"], layers=[])
    lines: list[dict[str, Any]] = []
    options = {"streams": {"at_once": 0}}
    assert run_job(settings, "prepare", ["bare"], config=options, on_line=lines.append) == 1
    assert lines[-1]["status"] == "FAILURE"
    assert lines[-1]["why"] == ["check facts_present of clips failed"]


@pytest.mark.slow
def test_a_signal_cancels_a_launch_within_seconds(tmp_path):
    settings = initialised(tmp_path)
    add_sources(settings, tmp_path, ["large"])
    for number in range(3000):
        events(tmp_path / "large" / f"log_{number:04}.jsonl", rows=20, seed=number)
    with launched_here(settings, "large") as launched:
        for line in launched.stdout or ():
            if '"streams"' in line and '"progress"' in line:
                break
        launched.send_signal(signal.SIGINT)
        told = [json.loads(line) for line in launched.stdout or () if line.startswith("{")]
        assert launched.wait(20) == 1
    assert told[-1]["status"] == "CANCELED"
