"""`clearway ui`: the server comes up, runs a job over GraphQL, cancels one, and goes away."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from catalog.engine import open_catalog, reading
from catalog.files import files_of
from catalog.sources import Source, register_source
from catalog.versions import left_open
from pipelines.cli.ui import environment, refuse_taken, write_dagster_home
from pipelines.defs.automation import RANGE_END, RANGE_START
from pipelines.errors import PipelineError
from tests.end_to_end.asking import ENDED, STATUS, ask, wait
from tests.pages import commands
from tests.pipelines.defs.world import NOW, add_sources, initialised, writing
from tests.pipelines.places import events

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(400)]

SCREENS = Path(__file__).parents[2] / "docs/examples/screens.py"
NO_CHROMIUM = "no Chromium: install Debian's package chromium"
LAUNCH = """
mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on UnauthorizedError { message }
  ... on RunConfigValidationInvalid { errors { message } } } }
"""
STOP = """
mutation($id: String!) { terminateRun(runId: $id, terminatePolicy: SAFE_TERMINATE) {
  __typename ... on TerminateRunFailure { message } } }
"""
WHERE = '{repositoryLocationName: "clearway", repositoryName: "__repository__"}'
SENSORS = (
    f"{{ sensorsOrError(repositorySelector: {WHERE}) {{ ... on Sensors {{ results {{ id }} }} }} }}"
)
OFF = "mutation($id: String!) { stopSensor(id: $id) { __typename } }"
BACKFILL = """
mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }
"""
BACKFILLED = """
query($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status runs(limit: 100) { runId tags { key value } } } } }
"""
RUNS = "{ runsOrError { ... on Runs { results { runId jobName status } } } }"
LOG = """query($id: ID!, $cursor: String) { logsForRun(runId: $id, afterCursor: $cursor) {
  ... on EventConnection { cursor hasMore events { ... on MessageEvent { message } } } } }"""
MANY = tuple(f"many-{number:03}" for number in range(60))


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server on a home with two sources: a small one and one that takes a while."""
    folder = tmp_path_factory.mktemp("served")
    settings = initialised(folder)
    ports = {shown: str(_free_port()) for shown in ("3000", "3001", "3002")}
    (line,) = commands("dagster.md", "auditors")
    words = [ports.get(one, one) for one in shlex.split(line)[1:]]
    server = subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *words],
        env=environment(settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        yield _prepared(settings, folder, server, list(ports.values()))
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(60) == 0
        server.stdout.close()
        for one in ports.values():
            refuse_taken(int(one))


def _prepared(settings, folder, server, ports):
    """What the tests are given of a server that has come up, with sources to work on."""
    told = [server.stdout.readline().split()[-1:] for _ in ports]
    expected = [[f"http://127.0.0.1:{port}"] for port in ports]
    assert told == expected, (settings.dagster_home / "server.log").read_text()
    url, console, auditors = (one for (one,) in told)
    with urllib.request.urlopen(f"{console}/sign-in", timeout=30) as answer:
        assert answer.status == 200
    for one in ask(url, SENSORS)["results"]:
        ask(url, OFF, id=one["id"])  # or they prepare the sources ahead of the tests
    for key in ("small", "large", *MANY):
        _add_partition(url, key)
    add_sources(settings, folder, ["small", "large"])
    _register_many(settings, folder)
    for number in range(600):
        events(folder / "large" / f"log_{number:04}.jsonl", rows=40, seed=number)
    return settings, url, int(ports[0]), auditors


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _asked(partition, *, job="prepare", config=None):
    """What it takes to launch a run."""
    return {
        "selector": {
            "repositoryLocationName": "clearway",
            "repositoryName": "__repository__",
            "jobName": job,
        },
        "runConfigData": {"ops": config or {}},
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}]},
    }


def _launch(url, partition, **how):
    told = ask(url, LAUNCH, params=_asked(partition, **how))
    assert told["__typename"] == "LaunchRunSuccess", told
    return told["run"]["runId"]


def _tasks(at_once):
    return {key: {"config": {"at_once": at_once}} for key in ("streams", "clips", "measures")}


def _register_many(settings, folder):
    """Sources about which there is something to decide, and nothing to read."""
    (folder / "nothing").mkdir()
    with writing(settings) as session:
        for name in MANY:
            described = Source(source_id=name, uri=str(folder / "nothing"), modality="game")
            register_source(session, described, now=NOW)


def _add_partition(url, key):
    add = (
        "mutation($key: String!) { addDynamicPartition(partitionKey: $key, "
        'partitionsDefName: "source", repositorySelector: {repositoryLocationName: "clearway", '
        'repositoryName: "__repository__"}) { __typename } }'
    )
    ask(url, add, key=key)


def test_a_run_launched_over_graphql_succeeds(served):
    _, url, _, _ = served
    run_id = _launch(url, "small", config=_tasks(0))
    assert wait(url, run_id, ENDED, 180) == "SUCCESS"
    assert run_id in {one["runId"] for one in ask(url, RUNS)["results"]}


@pytest.mark.timeout(600)
def test_a_canceled_run_ends_in_seconds_with_its_ray_tasks_and_the_next_converges(served):
    settings, url, _, _ = served
    run_id = _launch(url, "large", config=_tasks(2))
    _wait_for_text(url, run_id, "ingest large")
    assert _rays_below(settings.home)
    began = time.monotonic()
    stopped = ask(url, STOP, id=run_id)
    assert stopped["__typename"] == "TerminateRunSuccess", stopped
    assert wait(url, run_id, ENDED, 60) == "CANCELED"
    assert time.monotonic() - began < 30
    until = time.monotonic() + 30
    while _rays_below(settings.home) and time.monotonic() < until:
        time.sleep(0.5)
    assert not _rays_below(settings.home)
    again = _launch(url, "large", config=_tasks(0))
    assert wait(url, again, ENDED, 240) == "SUCCESS"
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        assert left_open(session) == {}
        lines = Counter(one.status for one in files_of(session, "large"))
    assert lines == {"ingested": 602, "quarantined": 1}


def test_runs_of_one_source_never_overlap(served):
    _, url, _, _ = served
    runs = [_launch(url, "small", job="reclear") for _ in range(2)]
    for one in runs:
        assert wait(url, one, ENDED, 120) == "SUCCESS"
    first, second = sorted(
        (ask(url, STATUS, id=one) for one in runs), key=lambda run: float(run["startTime"])
    )
    assert first["endTime"] <= second["startTime"]


def test_a_backfill_over_many_sources_takes_one_run(served):
    _, url, _, _ = served
    asked = {"assetSelection": [{"path": ["clearance"]}], "partitionNames": list(MANY)}
    told = ask(url, BACKFILL, params=asked)
    assert told["__typename"] == "LaunchBackfillSuccess", told
    until = time.monotonic() + 200
    while not (done := ask(url, BACKFILLED, id=told["backfillId"]))["status"].startswith("COMPL"):
        assert time.monotonic() < until, done
        time.sleep(1)
    (run,) = done["runs"]
    tags = {one["key"]: one["value"] for one in run["tags"]}
    assert (tags[RANGE_START], tags[RANGE_END]) == (MANY[0], MANY[-1])
    assert wait(url, run["runId"], ENDED, 120) == "SUCCESS"


def test_the_ui_of_auditors_shows_everything_and_takes_no_act(served):
    _, url, _, auditors = served
    before = ask(url, RUNS)["results"]
    assert ask(auditors, RUNS)["results"] == before
    refused = ask(auditors, LAUNCH, params=_asked("small"))
    assert refused["__typename"] == "UnauthorizedError", refused
    (sensor, *_) = ask(auditors, SENSORS)["results"]
    assert ask(auditors, OFF, id=sensor["id"])["__typename"] == "UnauthorizedError"
    assert ask(auditors, RUNS)["results"] == before


def _wait_for_text(url, run_id, text):
    """Wait while the run lives, page by page of its log; fail with what the run said last."""
    cursor, until = None, time.monotonic() + 400
    last: list[str] = []
    while True:
        page = ask(url, LOG, id=run_id, cursor=cursor)
        cursor = page["cursor"]
        told = [one["message"] for one in page["events"]]
        if any(text in one for one in told):
            return
        last = [*last, *told][-20:]
        status = "" if page["hasMore"] else ask(url, STATUS, id=run_id)["status"]
        assert status not in ENDED, (status, last)
        assert time.monotonic() < until, (status, last)
        time.sleep(0.0 if page["hasMore"] else 0.3)


def _rays_below(home):
    """Processes of Ray whose environment names this home."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            ours = str(home).encode() in (process / "environ").read_bytes()
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if ours and (b"raylet" in command or b"ray::" in command):
            found.append(process.name)
    return found


def test_a_taken_port_is_refused(served):
    _, _, port, _ = served
    with pytest.raises(PipelineError, match="is taken, expected a free one") as caught:
        refuse_taken(port)
    assert caught.value.code == "PORT_TAKEN"
    assert caught.value.way_out


def test_an_edited_configuration_is_left_alone(tmp_path):
    settings = initialised(tmp_path)
    home = write_dagster_home(settings)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    assert write_dagster_home(settings) == home
    assert (home / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


def test_the_readme_s_picture_can_be_taken(served, tmp_path):
    _, url, _, _ = served
    if not shutil.which("chromium"):
        if os.environ.get("CLEARWAY_REQUIRE_SERVICES") == "1":
            pytest.fail(NO_CHROMIUM)
        pytest.skip(NO_CHROMIUM)

    done = subprocess.run(
        [sys.executable, str(SCREENS), url, str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    picture = (tmp_path / "asset-graph.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000
