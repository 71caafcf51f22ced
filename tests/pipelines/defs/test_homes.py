"""Dagster's two homes: each holds runs, and its limits bite."""

import logging
import shutil
from pathlib import Path

import dagster as dg
import pytest
from dagster._utils.tags import TagConcurrencyLimitsCounter  # noqa: PLC2701 - what the queue asks
from sqlalchemy import create_engine, inspect
from sqlalchemy.engine import make_url

from pipelines.defs.automation import PARTITION, RANGE_END, RANGE_START

HOMES = Path(__file__).parents[3] / "dagster_home"
POOL = {"embedded": 1, "postgres": 4}  # how many steps have a Ray at a time
STARTED = dg.DagsterRunStatus.STARTED


@dg.op
def nothing() -> None:
    """Tell as a station does, which knows no Dagster."""
    logging.getLogger("clearway.workers").warning("tried again: attempt 2 of 3")


@dg.job
def empty() -> None:
    nothing()


@pytest.fixture(params=["embedded", "postgres"])
def home(request, tmp_path, monkeypatch):
    """A folder with one of the two files that we ship, and the database that it names."""
    name = "dagster.yaml" if request.param == "embedded" else "postgres/dagster.yaml"
    shutil.copy(HOMES / name, tmp_path / "dagster.yaml")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    if request.param == "postgres":
        url = make_url(request.getfixturevalue("empty_postgres")).set(
            drivername="postgresql+psycopg2"
        )
        monkeypatch.setenv("CLEARWAY_DAGSTER_URL", url.render_as_string(hide_password=False))
    return tmp_path


@pytest.fixture
def instance(home):  # noqa: ARG001 - it is named by the environment
    with dg.DagsterInstance.get() as it:
        yield it


def blocked(instance, going, next_one):
    """Whether the queue holds a run with these tags back while another one goes on."""
    runs = [
        instance.create_run_for_job(empty, status=STARTED, tags=tags) for tags in (going, next_one)
    ]
    limits = instance.get_concurrency_config().run_queue_config.tag_concurrency_limits
    return TagConcurrencyLimitsCounter(limits, runs[:1]).is_blocked(runs[1])


def test_a_home_holds_runs_and_its_limits_bite(instance, request):
    done = empty.execute_in_process(instance=instance)
    assert done.success
    assert "tried again: attempt 2 of 3" in {
        one.user_message for one in instance.all_logs(done.run_id)
    }
    assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.SUCCESS]
    instance.add_dynamic_partitions("source", ["a"])
    assert instance.get_dynamic_partitions("source") == ["a"]

    assert blocked(instance, {PARTITION: "a"}, {PARTITION: "a"})
    assert not blocked(instance, {PARTITION: "a"}, {PARTITION: "b"})
    some = {RANGE_START: "a", RANGE_END: "c"}
    assert blocked(instance, some, {RANGE_START: "a", RANGE_END: "b"})
    assert blocked(instance, {"clearway/stage": "train"}, {"clearway/stage": "train"})

    slots = instance.event_log_storage
    slots.initialize_concurrency_limit_to_default("ray")  # as the first step of the pool does
    claimed = [
        slots.claim_concurrency_slot("ray", run.run_id, "step").is_claimed
        for run in (instance.create_run_for_job(empty) for _ in range(5))
    ]
    assert claimed.count(True) == POOL[request.node.callspec.params["home"]]


def test_the_service_keeps_everything_in_its_database(empty_postgres, tmp_path, monkeypatch):
    shutil.copy(HOMES / "postgres/dagster.yaml", tmp_path)
    url = make_url(empty_postgres)
    plain = url.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("CLEARWAY_DAGSTER_URL", plain)
    with dg.DagsterInstance.get() as it:
        done = empty.execute_in_process(instance=it)
    with dg.DagsterInstance.get() as again:
        (found,) = again.get_runs()
    assert (found.run_id, found.is_success) == (done.run_id, True)
    engine = create_engine(url)
    assert {"runs", "event_logs", "job_ticks"} <= set(inspect(engine).get_table_names())
    engine.dispose()
    assert not list(tmp_path.rglob("*.db"))
