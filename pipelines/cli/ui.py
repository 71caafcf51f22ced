"""Dagster as processes of ours: its server for `clearway ui`, one job for `clearway demo`.

Nothing here imports Dagster: the command line stays light, and a Ctrl-C reaches a process that can
end its Ray tasks.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pipelines
from pipelines.errors import PipelineError
from pipelines.settings import Settings

HOST = "127.0.0.1"
SECONDS_TO_START, SECONDS_TO_STOP = 120.0, 30.0
WORKSPACE = """\
load_from:
  - python_module: {module_name: pipelines.definitions, location_name: clearway}
"""


def serve(settings: Settings, port: int, *, ready: Callable[[str], None] = print) -> int:
    """Serve Dagster's UI on `port` until Ctrl-C; call `ready` with its URL once it answers.

    Raises:
        PipelineError: PORT_TAKEN, or UI_FAILED when the server ends by itself or does not answer.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's `&` starts us with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    refuse_taken(port)
    home = write_dagster_home(settings)
    log = home / "server.log"
    command = [sys.executable, "-m", "dagster", "dev", "-h", HOST, "-p", str(port)]
    with log.open("wb") as out:
        server = subprocess.Popen(
            [*command, "-w", str(home / "workspace.yaml")],
            env=environment(settings), stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            url = f"http://{HOST}:{port}"
            _wait_for(url, server, log)
            ready(url)
            code = server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            _stop(server)
    raise _failed(f"the server ended with exit code {code}", log)


def run_job(
    settings: Settings,
    job: str,
    partitions: Sequence[str],
    *,
    config: Mapping[str, Mapping[str, Any]] | None = None,
    on_line: Callable[[dict[str, Any]], None],
) -> int:
    """Run one Dagster job for `partitions` in a process of its own and return its exit code.

    `config` maps an asset to its options. `on_line` gets every event as pipelines.defs.launch
    writes it; what people may want to read later goes to launch.log in Dagster's home.
    """
    home = write_dagster_home(settings)
    command = [sys.executable, "-m", "pipelines.defs.launch", "--job", job]
    command += ["--partitions", ",".join(partitions), "--config", json.dumps(dict(config or {}))]
    with (
        (home / "launch.log").open("ab") as log,
        subprocess.Popen(
            command, env=environment(settings), stdout=subprocess.PIPE, stderr=log,
            start_new_session=True, text=True,
        ) as process,
    ):  # fmt: skip
        try:
            for line in filter(_is_event, process.stdout or ()):
                on_line(json.loads(line))
            return process.wait()
        finally:
            _stop(process)


def write_dagster_home(settings: Settings) -> Path:
    """Write Dagster's configuration below the home, and return the folder.

    A dagster.yaml that somebody edited stays as it is.
    """
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        (home / "dagster.yaml").write_text(_embedded().read_text(encoding="utf-8"), "utf-8")
    (home / "workspace.yaml").write_text(WORKSPACE, encoding="utf-8")
    return home


def environment(settings: Settings) -> dict[str, str]:
    """Give a Dagster process our settings: it need not stand in our working folder."""
    own = {"DAGSTER_HOME": str(settings.dagster_home), "PYTHONUNBUFFERED": "1"}
    return {**os.environ, **settings.environ(), **own}


def refuse_taken(port: int) -> None:
    """Refuse a port that somebody listens on: our probe would reach their server, not ours.

    Raises:
        PipelineError: PORT_TAKEN.
    """
    with socket.socket() as probe:
        probe.settimeout(2)
        if probe.connect_ex((HOST, port)) != 0:
            return
    raise PipelineError(
        f"port {port} of {HOST} is taken, expected a free one",
        code="PORT_TAKEN",
        subject=str(port),
        way_out="choose another with --port, or stop the server that listens there",
    )


def _is_event(line: str) -> bool:
    return line.startswith("{")  # a library may print to stdout too


def _embedded() -> Path:
    package = Path(pipelines.__file__).parent
    places = (package / "dagster.yaml", package.parent / "dagster_home" / "dagster.yaml")
    return next(place for place in places if place.is_file())


def _wait_for(url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        if server.poll() is not None:
            raise _failed(f"the server ended with exit code {server.returncode}", log)
        try:
            with urllib.request.urlopen(f"{url}/server_info", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise _failed(f"{url} did not answer within {SECONDS_TO_START:.0f} s", log)


def _stop(process: "subprocess.Popen[Any]") -> None:
    """End a process as Ctrl-C would, and kill its group only when that does not help."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(SECONDS_TO_STOP)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _failed(what: str, log: Path) -> PipelineError:
    return PipelineError(
        what, code="UI_FAILED", subject=str(log), way_out=f"read {log}, then start it again"
    )
