"""fan_out: one outcome per item, here or on Ray; an address that does not serve is refused."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.errors import WorkersError
from pipelines.settings import Settings
from pipelines.workers import default_at_once, fan_out, probe, session


@pytest.fixture
def settings(tmp_path):
    return Settings(
        home=tmp_path, catalog_url=f"sqlite:///{tmp_path}/c.sqlite", lake=str(tmp_path / "lake")
    )


def double(number):
    """Double it, or fail on 3."""
    if number == 3:
        raise ValueError("no threes")
    return number * 2


def die_once(path):
    """Kill this worker the first time."""
    if not Path(path).exists():
        Path(path).write_text("died")
        os.kill(os.getpid(), signal.SIGKILL)
    return "lived"


def die_always(_):
    """Kill this worker."""
    os.kill(os.getpid(), signal.SIGKILL)


def in_flight(folder):
    """How many of us run at once, seen from inside."""
    mark = Path(folder) / str(os.getpid())
    mark.touch()
    time.sleep(0.2)
    seen = len(list(Path(folder).iterdir()))
    mark.unlink()
    return seen


def results(outcomes):
    return sorted((one.item, one.value, str(one.error or "")) for one in outcomes)


def ray_is_up():
    return "ray" in sys.modules and sys.modules["ray"].is_initialized()


EXPECTED = [(1, 2, ""), (2, 4, ""), (3, None, "no threes"), (4, 8, "")]


def test_each_item_has_one_outcome_without_ray(settings):
    before = ray_is_up()
    with session(settings, at_once=0):
        assert results(fan_out(double, [1, 2, 3, 4], at_once=0)) == EXPECTED
        assert ray_is_up() == before


def test_at_once_is_at_least_one():
    assert 1 <= default_at_once() <= 8


def closed_port():
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        return probe_socket.getsockname()[1]


@pytest.mark.parametrize(
    "address", ["127.0.0.1:{port}", "nowhere.invalid:6379", "no-port", "ray://127.0.0.1:{port}"]
)
def test_an_address_that_does_not_answer_is_refused_in_seconds(settings, address):
    there = replace(settings, ray_address=address.format(port=closed_port()))
    began = time.perf_counter()
    with pytest.raises(WorkersError, match="does not answer") as refused, session(there, at_once=2):
        pass
    assert time.perf_counter() - began < 5
    assert refused.value.code == "RAY_UNREACHABLE"
    assert "RAY_ADDRESS" in refused.value.way_out


def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.connect(("192.0.2.1", 9))  # sends nothing: only asks which interface would serve
        return line.getsockname()[0]


def test_another_machine_with_a_local_lake_is_refused(settings):
    try:
        host = own_address()
    except OSError:
        pytest.skip("no interface but loopback")
    if host.startswith("127."):
        pytest.skip("no interface but loopback")
    with socket.create_server((host, 0)) as server:
        there = replace(settings, ray_address=f"{host}:{server.getsockname()[1]}")
        with pytest.raises(WorkersError, match="another machine") as refused:
            probe(there)
        assert refused.value.code == "LAKE_NOT_SHARED"
        probe(replace(there, lake="s3://bucket/lake"))


def test_no_address_needs_no_probe(settings):
    probe(settings)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    settings = Settings(home=home, catalog_url="sqlite://", lake=str(home / "lake"))
    with session(settings, at_once=2):
        yield settings


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("embedded")
def test_ray_gives_the_same_outcomes():
    assert results(fan_out(double, [1, 2, 3, 4], at_once=2)) == EXPECTED


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("embedded")
def test_a_worker_that_died_is_tried_again_counted_and_told(tmp_path, caplog):
    with caplog.at_level("WARNING", "clearway.workers"):
        (only,) = fan_out(die_once, [str(tmp_path / "mark")], at_once=2)
    assert (only.value, only.attempts) == ("lived", 2)
    (told,) = (one.getMessage() for one in caplog.records if one.name == "clearway.workers")
    assert told.startswith("a worker died (")
    assert told.endswith("tried again: attempt 2 of 3")


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("embedded")
def test_an_item_that_kills_its_worker_is_an_outcome():
    (only,) = fan_out(die_always, ["x"], at_once=2, attempts=2)
    assert isinstance(only.error, WorkersError)
    assert (only.error.code, only.attempts) == ("WORKER_DIED", 2)


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("embedded")
def test_no_more_run_at_once_than_asked(tmp_path):
    outcomes = list(fan_out(in_flight, [str(tmp_path)] * 6, at_once=2))
    assert max(one.value or 9 for one in outcomes) <= 2


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("embedded")
def test_leaving_the_loop_cancels_the_rest():
    began = time.perf_counter()
    for outcome in fan_out(time.sleep, [0.01, 60, 60], at_once=2):
        assert outcome.error is None
        break
    assert time.perf_counter() - began < 20


@pytest.mark.ray
@pytest.mark.slow
def test_a_session_inside_a_session_uses_the_ray_that_is_up(embedded):
    import ray

    with session(embedded, at_once=2):
        assert ray.is_initialized()
    assert ray.is_initialized()


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_fan_out_in_seconds(tmp_path, number):
    script = textwrap.dedent(f"""
        import signal, sys, time
        from pathlib import Path
        from pipelines.settings import Settings
        from pipelines.workers import fan_out, session
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's `&` has it ignored
        home = Path({str(tmp_path)!r})
        settings = Settings(home=home, catalog_url="", lake=str(home))
        with session(settings, at_once=2):
            print("up", flush=True)
            for one in fan_out(time.sleep, [0.01] + [60] * 8, at_once=2):
                print("one", flush=True)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        while child.stdout.readline().strip() != "one":
            assert child.poll() is None
        child.send_signal(number)
        began = time.perf_counter()
        child.communicate(timeout=30)
        assert time.perf_counter() - began < 15
        assert child.returncode != 0
