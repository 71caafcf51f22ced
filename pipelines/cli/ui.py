"""Dagster and the console as processes of ours, for `clearway ui`; one job for `clearway demo`.

Nothing here imports either: the command line stays light, and a Ctrl-C reaches a process that can
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
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pipelines
from pipelines.errors import PipelineError
from pipelines.settings import Settings

HOST = "127.0.0.1"
SECONDS_TO_START, SECONDS_TO_STOP, SECONDS_BETWEEN = 120.0, 30.0, 0.3
# By the name of its log: what a server is called, and the address that tells that it is up.
SERVED = {
    "server": ("Dagster", "server_info"),
    "console": ("Audit console", "static/icon.svg"),
    "auditors": ("To read only", "server_info"),
}
TABLES = (
    "import dagster; it = dagster.DagsterInstance.get(); it.event_log_storage, it.schedule_storage"
)
WORKSPACE = """\
load_from:
  - python_module: {module_name: pipelines.definitions, location_name: clearway}
"""


def serve(
    settings: Settings,
    port: int,
    *,
    console_port: int,
    auditors: int | None = None,
    ready: Callable[[str, str], None],
) -> int:
    """Serve Dagster's UI and the audit console until Ctrl-C.

    `auditors` is the port of a second UI for those who only look: it takes no act. Calls `ready`
    with the name and the URL of each once all answer, then with the ways to sign in: the log of the
    console never holds them.

    Raises:
        PipelineError: PORT_TAKEN, or UI_FAILED when one of them ends by itself or does not answer,
            or Dagster's home cannot be used.
        CatalogUnreachable: CATALOG_MISSING, CATALOG_UNREACHABLE.
    """
    from catalog.engine import open_catalog

    for number in (signal.SIGINT, signal.SIGTERM):  # a shell's `&` starts us with SIGINT ignored
        signal.signal(number, signal.default_int_handler)
    ports = {"server": port, "console": console_port}
    ports |= {"auditors": auditors} if auditors is not None else {}
    _refuse_ports(ports)
    open_catalog(settings.catalog_url, read_only=True).dispose()
    home = write_dagster_home(settings)
    if not settings.console_url:
        settings = replace(settings, console_url=f"http://{HOST}:{console_port}")
    with suppress(KeyboardInterrupt), ExitStack() as stack:
        _make_tables(settings)
        served = [
            stack.enter_context(_server(
                _words(name, at, home), settings,
                name=name, url=f"http://{HOST}:{at}", log=home / f"{name}.log",
            ))
            for name, at in ports.items()
        ]  # fmt: skip
        for one in served:
            _wait_for(one)
        _tell(served, settings, ready)
        while True:
            time.sleep(SECONDS_BETWEEN)
            for one in served:
                _refuse_ended(one)
    return 0


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
    raise _taken(port, "taken, expected a free one")


def _make_tables(settings: Settings) -> None:
    """Have one process make the tables of Dagster's home: several at once stumble over them."""
    try:
        subprocess.run(
            [sys.executable, "-c", TABLES], env=environment(settings), capture_output=True,
            text=True, check=True,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise PipelineError(
            f"Dagster's home {settings.dagster_home} cannot be used: {last}",
            code="UI_FAILED",
            subject=str(settings.dagster_home),
            way_out="see its dagster.yaml, and that its database answers",
        ) from error


def _refuse_ports(ports: Mapping[str, int]) -> None:
    for number, times in Counter(ports.values()).items():
        if times > 1:
            raise _taken(number, "asked for twice, expected a port for each")
        refuse_taken(number)


def _words(name: str, port: int, home: Path) -> list[str]:
    """The command of a server of ours, as a module of Python."""
    at, workspace = ["-p", str(port)], ["-h", HOST, "-w", str(home / "workspace.yaml")]
    return {
        "server": ["dagster", "dev", *at, *workspace],
        "auditors": ["dagster_webserver", "--read-only", *at, *workspace],
        "console": [
            *("pipelines.console", "--host", HOST, "--port", str(port)), "--no-sign-in-link",
        ],
    }[name]  # fmt: skip


def _taken(port: int, how: str) -> PipelineError:
    return PipelineError(
        f"port {port} of {HOST} is {how}",
        code="PORT_TAKEN",
        subject=str(port),
        way_out="choose others with --port, --console-port, --auditors, or stop what listens there",
    )


def _is_event(line: str) -> bool:
    return line.startswith("{")  # a library may print to stdout too


def _embedded() -> Path:
    package = Path(pipelines.__file__).parent
    places = (package / "dagster.yaml", package.parent / "dagster_home" / "dagster.yaml")
    return next(place for place in places if place.is_file())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """A server of ours, and where it writes what people may want to read later."""

    name: str
    url: str
    process: "subprocess.Popen[bytes]"
    log: Path


@contextmanager
def _server(
    words: Sequence[str], settings: Settings, *, name: str, url: str, log: Path
) -> "Iterator[_Served]":
    """Run a server of ours and end it with the block."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *words], env=environment(settings), stdout=out,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            yield _Served(name=name, url=url, process=process, log=log)
        finally:
            _stop(process)


def _wait_for(served: _Served) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until:
        _refuse_ended(served)
        try:
            with urllib.request.urlopen(f"{served.url}/{SERVED[served.name][1]}", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(SECONDS_BETWEEN)
    raise _failed(f"{served.url} did not answer within {SECONDS_TO_START:.0f} s", served.log)


def _tell(served: Sequence[_Served], settings: Settings, ready: Callable[[str, str], None]) -> None:
    from pipelines.accounts.visits import ways_in

    for one in served:
        ready(SERVED[one.name][0], one.url)
    (console,) = (one.url for one in served if one.name == "console")
    for name, said in ways_in(settings, console, now=datetime.now(tz=UTC)):
        ready(name, said)


def _refuse_ended(served: _Served) -> None:
    code = served.process.poll()
    if code is not None:
        raise _failed(f"{SERVED[served.name][0]} ended with exit code {code}", served.log)


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
