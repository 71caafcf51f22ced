"""The commands of the page on the console: both servers come up, answer, and go away together."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.cli.ui import environment, refuse_taken
from tests.pages import commands
from tests.pipelines.small_world import MIT, add_source, make_world

pytestmark = pytest.mark.timeout(240)


def free_ports():
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def started(settings, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines.cli", *words],
        env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def asked(address, token=""):
    sent = {"authorization": f"Bearer {token}"} if token else {}
    question = urllib.request.Request(address, headers=sent)
    with urllib.request.urlopen(question, timeout=30) as answer:
        return answer.read().decode()


@pytest.fixture
def settings(tmp_path):
    made = make_world(tmp_path)
    add_source(made, "films", [MIT])
    return made


@pytest.fixture
def refused(settings, monkeypatch):
    """Run the command where it is refused before anything starts: in this process."""
    handlers = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}

    def run(*words, **environ):
        for name, value in {**settings.environ(), **environ}.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, ["ui", *words]).exception

    yield run
    for one, handler in handlers.items():
        signal.signal(one, handler)


@pytest.mark.slow
def test_both_come_up_with_one_command_and_go_together(settings):
    port, other = free_ports()
    (line,) = commands("console.md", "open")
    words = shlex.split(line.replace("3000", str(port)).replace("3001", str(other)))[1:]
    server = started(settings, *words)
    assert server.stdout is not None
    told = [server.stdout.readline().rstrip() for _ in range(4)]
    addresses = [one.split()[-1] for one in told[:2]]
    assert addresses == [f"http://127.0.0.1:{port}", f"http://127.0.0.1:{other}"]
    assert re.fullmatch(r"Password {6}\S{20} of admin, shown this once", told[2])
    way_in = rf"Sign in once {{2}}(http://127.0.0.1:{other}/sign-in/link\?code=(\S{{43}}))"
    found = re.fullmatch(way_in, told[3])
    assert found
    assert found[2] in asked(found[1])
    assert found[2] not in (settings.dagster_home / "console.log").read_text()
    assert "dagster_version" in asked(f"http://127.0.0.1:{port}/server_info")
    make, *export = commands("console.md", "export")
    words = shlex.split(make.removeprefix("token=$(").removesuffix(")"))[1:]
    made = started(settings, *words).communicate(timeout=60)[0]
    assert all('"Authorization: Bearer $token"' in one for one in export)
    sources, ending = (
        asked(shlex.split(one)[-1].replace("3001", str(other)), made.strip()) for one in export
    )
    assert [one["id"] for one in csv.DictReader(io.StringIO(sources))] == ["films"]
    assert json.loads(ending) == []

    os.kill(_listening(other, settings), signal.SIGKILL)
    said, wrong = server.communicate(timeout=60)

    assert server.returncode == 1, said
    assert "UI_FAILED" in wrong
    refuse_taken(port)
    refuse_taken(other)


@pytest.mark.parametrize("option", ["--port", "--console-port", "--auditors"])
def test_a_taken_port_is_refused_before_anything_starts(refused, settings, option):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        error = refused(option, str(taken.getsockname()[1]))
    assert error.code == "PORT_TAKEN"
    assert not (settings.dagster_home / "server.log").exists()


def test_one_port_for_both_is_refused(refused):
    port, _ = free_ports()
    error = refused("--port", str(port), "--console-port", str(port))
    assert (error.code, "asked for twice" in str(error)) == ("PORT_TAKEN", True)


def test_a_home_without_a_catalog_is_refused(refused, settings, tmp_path):
    port, other = free_ports()
    gone = f"sqlite:///{tmp_path}/none.sqlite"
    words = ("--port", str(port), "--console-port", str(other))
    assert refused(*words, CLEARWAY_CATALOG_URL=gone).code == "CATALOG_MISSING"
    assert not (settings.dagster_home / "server.log").exists()


def test_the_console_alone_refuses_to_listen_elsewhere(settings):
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.console", "--host", "0.0.0.0"],
        env=environment(settings), capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("NOT_LOOPBACK")


def _listening(port, settings):
    """The process of the console: ours, by the home and the port that it was started with."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        for process in Path("/proc").glob("[0-9]*"):
            if _is_console(process, port, settings):
                return int(process.name)
    raise AssertionError("no console runs")


def _is_console(folder, port, settings):
    try:
        command, own = ((folder / name).read_bytes() for name in ("cmdline", "environ"))
    except OSError:
        return False
    ours = str(settings.home).encode() in own
    return ours and b"pipelines.console" in command and str(port).encode() in command
