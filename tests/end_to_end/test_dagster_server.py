"""`clearway ui`: the server comes up, runs a job over GraphQL, cancels one, and goes away."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from pipelines.cli.ui import environment, refuse_taken, write_dagster_home
from pipelines.errors import PipelineError
from tests.pipelines.defs.world import add_sources, initialised
from tests.pipelines.places import events

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(400)]

SCREENS = Path(__file__).parents[2] / "docs/examples/screens.py"
NO_CHROMIUM = "no Chromium: install Debian's package chromium"
SERVE = """
import sys
from pipelines.cli.ui import serve
from pipelines.settings import read_settings
port, other = map(int, sys.argv[1:])
told = lambda name, url: print(url, flush=True)
sys.exit(serve(read_settings(), port, console_port=other, ready=told))
"""
LAUNCH = """
mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
  ... on RunConfigValidationInvalid { errors { message } } } }
"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
STOP = """
mutation($id: String!) { terminateRun(runId: $id, terminatePolicy: SAFE_TERMINATE) {
  __typename ... on TerminateRunFailure { message } } }
"""
RUNS = "{ runsOrError { ... on Runs { results { runId jobName status } } } }"
LOG = """query($id: ID!, $cursor: String) { logsForRun(runId: $id, afterCursor: $cursor) {
  ... on EventConnection { cursor hasMore events { ... on MessageEvent { message } } } } }"""
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server on a home with two sources: a small one and one that takes a while."""
    folder = tmp_path_factory.mktemp("served")
    settings = initialised(folder)
    port, other = _free_port(), _free_port()
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port), str(other)],
        env=environment(settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    assert url == f"http://127.0.0.1:{port}", (settings.dagster_home / "server.log").read_text()
    assert server.stdout.readline().strip() == f"http://127.0.0.1:{other}"
    with urllib.request.urlopen(f"http://127.0.0.1:{other}/sign-in", timeout=30) as answer:
        assert answer.status == 200
    for key in ("small", "large"):
        _add_partition(url, key)  # before the source, or the sensor prepares it ahead of the tests
    add_sources(settings, folder, ["small", "large"])
    for number in range(600):
        events(folder / "large" / f"log_{number:04}.jsonl", rows=40, seed=number)
    yield settings, url, port
    server.send_signal(signal.SIGINT)
    assert server.wait(60) == 0
    server.stdout.close()
    refuse_taken(port)
    refuse_taken(other)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _ask(url, query, **variables):
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(f"{url}/graphql", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        told = json.load(answer)
    assert "errors" not in told, told
    return next(iter(told["data"].values()))


def _launch(url, partition, at_once):
    options = {"config": {"at_once": at_once}}
    told = _ask(
        url,
        LAUNCH,
        params={
            "selector": {
                "repositoryLocationName": "clearway",
                "repositoryName": "__repository__",
                "jobName": "prepare",
            },
            "runConfigData": {"ops": {"streams": options, "measures": options}},
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}]},
        },
    )
    assert told["__typename"] == "LaunchRunSuccess", told
    return told["run"]["runId"]


def _add_partition(url, key):
    add = (
        "mutation($key: String!) { addDynamicPartition(partitionKey: $key, "
        'partitionsDefName: "source", repositorySelector: {repositoryLocationName: "clearway", '
        'repositoryName: "__repository__"}) { __typename } }'
    )
    _ask(url, add, key=key)


def _wait(url, run_id, wanted, seconds):
    until = time.monotonic() + seconds
    while (status := _ask(url, STATUS, id=run_id)["status"]) not in wanted:
        assert time.monotonic() < until, status
        time.sleep(0.3)
    return status


def test_a_run_launched_over_graphql_succeeds(served):
    _, url, _ = served
    run_id = _launch(url, "small", at_once=0)
    assert _wait(url, run_id, ENDED, 180) == "SUCCESS"
    assert run_id in {one["runId"] for one in _ask(url, RUNS)["results"]}


@pytest.mark.timeout(600)
def test_a_canceled_run_ends_in_seconds_with_its_ray_tasks(served):
    settings, url, _ = served
    run_id = _launch(url, "large", at_once=2)
    _wait_for_text(url, run_id, "ingest large")
    assert _rays_below(settings.home)
    began = time.monotonic()
    stopped = _ask(url, STOP, id=run_id)
    assert stopped["__typename"] == "TerminateRunSuccess", stopped
    assert _wait(url, run_id, ENDED, 60) == "CANCELED"
    assert time.monotonic() - began < 30
    until = time.monotonic() + 30
    while _rays_below(settings.home) and time.monotonic() < until:
        time.sleep(0.5)
    assert not _rays_below(settings.home)


def _wait_for_text(url, run_id, text):
    """Wait while the run lives, page by page of its log; fail with what the run said last."""
    cursor, until = None, time.monotonic() + 400
    last: list[str] = []
    while True:
        page = _ask(url, LOG, id=run_id, cursor=cursor)
        cursor = page["cursor"]
        told = [one["message"] for one in page["events"]]
        if any(text in one for one in told):
            return
        last = [*last, *told][-20:]
        status = "" if page["hasMore"] else _ask(url, STATUS, id=run_id)["status"]
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
    _, _, port = served
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
    _settings, url, _port = served
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
