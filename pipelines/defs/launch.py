"""Run one job for the given partitions in this process, on the instance of DAGSTER_HOME.

`python -m pipelines.defs.launch --job JOB --partitions a,b,c [--config JSON]`. The run and its
events are on record and seen in the UI. One JSON line per event on stdout:
`{"step", "key", "event": started|progress|done|refused, ...}`, and a last one `{"event": "run",
"status", "run_id", "seconds"}`. Exit code 0 when all runs succeed, 1 otherwise; a SIGINT cancels.

A run takes partitions that were added one after the other. Keys with others between them take one
run per stretch, one after the other in this process.
"""

import argparse
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from licensing.errors import ClearwayError
from pipelines.defs.automation import range_tags, stretches
from pipelines.errors import SettingsError

HOST_TAG, PID_TAG = "clearway/host", "clearway/pid"


class JsonLines(logging.Handler):
    """Write what assets say about their progress to stdout, one JSON object a line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line that the record carries; others are for people and go elsewhere."""
        line = getattr(record, "clearway", None)
        if line is not None:
            write_line(line)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, run, and return the exit code."""
    parser = argparse.ArgumentParser(prog="pipelines.defs.launch", description=__doc__)
    parser.add_argument("--job", required=True, help="name of a job")
    parser.add_argument("--partitions", default="", help="partition keys, parted by commas")
    parser.add_argument("--config", default="{}", help='JSON: {"ASSET": {...}, ...}')
    given = parser.parse_args(arguments)
    listen()
    keys = [one for one in given.partitions.split(",") if one]
    try:
        return launch(given.job, keys, config=json.loads(given.config))
    except ClearwayError as error:
        failed = {"event": "failed", "code": error.code, "error": str(error)}
        write_line(json.dumps(failed | {"way_out": error.way_out}))
    except KeyboardInterrupt:
        write_line(json.dumps({"event": "failed", "code": "STOPPED", "error": "stopped"}))
    return 1


def listen() -> None:
    """Send progress to stdout; let both signals interrupt, even if a shell's `&` ignored them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    logger = logging.getLogger("clearway")
    logger.setLevel(logging.INFO)
    logger.addHandler(JsonLines())
    logger.propagate, logger.disabled = False, False  # a library may disable what it finds


def launch(job_name: str, keys: Sequence[str], *, config: Mapping[str, Mapping[str, Any]]) -> int:
    """Run `job_name` for `keys` and return the exit code.

    Raises:
        SettingsError: DAGSTER_HOME_MISSING.
    """
    if not Path(os.environ.get("DAGSTER_HOME", "")).is_absolute():
        raise SettingsError(
            f"DAGSTER_HOME is {os.environ.get('DAGSTER_HOME')!r}, expected an absolute path",
            code="DAGSTER_HOME_MISSING",
            way_out="start it through `clearway`, or set DAGSTER_HOME to CLEARWAY_HOME/dagster",
        )
    failed = False
    with dg.DagsterInstance.get() as instance:
        end_dead_runs(instance)
        definitions = dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
        job = definitions.resolve_job_def(job_name)
        run_config = {"ops": {asset: {"config": dict(one)} for asset, one in config.items()}}
        for tags in tags_of(job, keys, instance):
            status = run_once(job, instance, tags=tags, run_config=run_config)
            failed = failed or status != dg.DagsterRunStatus.SUCCESS
            if status == dg.DagsterRunStatus.CANCELED:
                break
    return int(failed)


def tags_of(
    job: dg.JobDefinition, keys: Sequence[str], instance: dg.DagsterInstance
) -> list[dict[str, str]]:
    """Add the partitions that are new, and say which runs it takes to cover `keys`."""
    if not isinstance(job.partitions_def, dg.DynamicPartitionsDefinition):
        return [{}]
    name = str(job.partitions_def.name)
    known = set(instance.get_dynamic_partitions(name))
    instance.add_dynamic_partitions(name, [key for key in keys if key not in known])
    order = instance.get_dynamic_partitions(name)
    return [range_tags(one) for one in stretches(keys, order)]


def run_once(
    job: dg.JobDefinition,
    instance: dg.DagsterInstance,
    *,
    tags: Mapping[str, str],
    run_config: Mapping[str, Any],
) -> dg.DagsterRunStatus:
    """Execute one run here and tell how it ended."""
    began = time.perf_counter()
    own = {HOST_TAG: socket.gethostname(), PID_TAG: str(os.getpid())}
    result = job.execute_in_process(
        run_config=run_config, instance=instance, tags={**tags, **own}, raise_on_error=False
    )
    (run,) = instance.get_runs(dg.RunsFilter(run_ids=[result.run_id]))
    seconds = round(time.perf_counter() - began, 1)
    end = {"event": "run", "job": job.name, "run_id": result.run_id, "status": run.status.value}
    write_line(json.dumps(end | {"seconds": seconds, "why": why_failed(result)}))
    return run.status


def why_failed(result: dg.ExecuteInProcessResult) -> list[str]:
    """What the failed steps and blocking checks of a run say."""
    failed = (one for one in result.get_asset_check_evaluations() if not one.passed)
    checks = [one for one in failed if one.severity == dg.AssetCheckSeverity.ERROR]
    said = [f"check {one.check_name} of {one.asset_key.to_user_string()} failed" for one in checks]
    for event in result.all_events:
        if event.is_step_failure and event.step_failure_data.user_failure_data is not None:
            said.append(str(event.step_failure_data.user_failure_data.description))
        elif event.is_step_failure and not checks:
            said.append(event.step_failure_data.error_display_string.strip().splitlines()[0])
    return said


def end_dead_runs(instance: dg.DagsterInstance) -> None:
    """Fail the runs of launchers on this host that were killed; free what they held.

    Nobody else watches them: they are no child of a code server. A place in the pool that a dead
    run keeps would make every later run wait for ever.
    """
    mine = dg.RunsFilter(
        tags={HOST_TAG: socket.gethostname()},
        statuses=[dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING],
    )
    for run in instance.get_runs(filters=mine):
        if not lives(int(run.tags[PID_TAG])):
            instance.report_run_failed(run, "its process is gone")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def lives(pid: int) -> bool:
    """Whether a process of this host has this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def write_line(line: str) -> None:
    """Write one line to stdout at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
