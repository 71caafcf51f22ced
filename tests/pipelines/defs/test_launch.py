"""Launching: which runs cover which keys, what dead launchers leave, and a run from outside."""

import json
import os
import socket
import subprocess
import sys

import dagster as dg
import pytest

from pipelines.defs.automation import RANGE_END, RANGE_START
from pipelines.defs.launch import HOST_TAG, PID_TAG, end_dead_runs, main, stretches, tags_of
from pipelines.settings import read_settings


@pytest.fixture
def settings(tmp_path):
    return read_settings({"CLEARWAY_HOME": str(tmp_path / "home")}, tmp_path)


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as it:
        yield it


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
