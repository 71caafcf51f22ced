"""The door to Ray: open a session, and do one piece of work per item, here or on workers.

`fan_out(at_once=0)` works without Ray and gives the same outcomes. Ray's own retries leave no
trace, so they are off and attempts are counted here: an item that kills its worker every time costs
its attempts and becomes an outcome with an error, never the run.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from pipelines.errors import WorkersError
from pipelines.settings import Settings

if TYPE_CHECKING:
    import ray

Item = TypeVar("Item")
Value = TypeVar("Value")
LOG = logging.getLogger("clearway.workers")
PROBE_SECONDS = 2.0
STOPS = (signal.SIGINT, signal.SIGTERM)
STORE_BYTES = 100 << 20  # items and outcomes are small values; rows go straight to the lake
LONGEST_TEMP = 40  # Ray's sockets live below it, and a socket's path holds 107 bytes
_OWN = {
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[Item, Value]):
    """What came of one item: a value or the error that ended it, and how often it was tried."""

    item: Item
    value: Value | None = None
    error: BaseException | None = None
    attempts: int = 1


def default_at_once() -> int:
    """As many items at once as this process may use processors, at most 8."""
    return max(1, min(8, len(os.sched_getaffinity(0))))


@contextmanager
def session(settings: Settings, *, at_once: int) -> Iterator[None]:
    """Hold a Ray for `fan_out`: the one that is up, the settings' cluster, or an embedded one.

    Only what was started here is shut down. `at_once=0` needs none.

    Raises:
        WorkersError: RAY_UNREACHABLE within seconds, RAY_MISMATCH, or LAKE_NOT_SHARED when the
            cluster is another machine and the lake a folder of this one.
    """
    if at_once == 0:
        yield
        return
    os.environ.update({name: os.environ.get(name, value) for name, value in _OWN.items()})
    if settings.ray_address:
        probe(settings)
    import ray

    if ray.is_initialized():
        yield
        return
    temp = _start(settings, at_once)
    try:
        if settings.ray_address:
            _refuse_mismatch(settings)
        yield
    finally:
        ray.shutdown()
        if temp is not None:
            shutil.rmtree(temp, ignore_errors=True)  # logs and spilled objects go with the session


def probe(settings: Settings) -> None:
    """Ask within seconds whether the settings' cluster answers and can reach the lake.

    `ray.init` against a dead port hangs for minutes and outlives SIGTERM.

    Raises:
        WorkersError: RAY_UNREACHABLE or LAKE_NOT_SHARED.
    """
    if settings.ray_address in {"", "auto", "local"}:
        return
    host, _, port = settings.ray_address.removeprefix("ray://").rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_SECONDS) as line:
            there = str(line.getpeername()[0])
    except (OSError, ValueError) as error:
        raise _unreachable(settings.ray_address, error) from error
    if settings.lake_is_local and not ipaddress.ip_address(there.partition("%")[0]).is_loopback:
        raise WorkersError(
            f"Ray at {settings.ray_address} is another machine, the lake {settings.lake} a folder "
            "of this one",
            code="LAKE_NOT_SHARED",
            subject=settings.lake,
            way_out="set CLEARWAY_LAKE to a bucket (s3://…), or unset RAY_ADDRESS to work here",
        )


def fan_out(
    work: Callable[[Item], Value], items: Iterable[Item], *, at_once: int, attempts: int = 3
) -> Iterator[Outcome[Item, Value]]:
    """Yield one outcome per item in the order of completion; sort before use.

    At most `at_once` items run at a time, inside an open `session`. Leaving the loop, or SIGINT or
    SIGTERM, cancels the rest within a second.
    """
    if at_once == 0:
        yield from _one_by_one(work, items)
        return
    import ray

    crew: _Crew[Item, Value] = _Crew(work, items, at_once=at_once, attempts=attempts)
    try:
        while True:
            with _signals_noted() as hit:
                ready = crew.turn()
            if hit.is_set():
                raise KeyboardInterrupt
            yield from ready
            if not (crew.running or crew.again or ready):
                return
    finally:
        for reference in crew.running:
            ray.cancel(reference, force=True)


def fan_out_bundles(
    work: Callable[[tuple[Item, ...]], Value],
    bundles: Iterable[tuple[Item, ...]],
    *,
    at_once: int,
) -> Iterator[Outcome[tuple[Item, ...], Value]]:
    """Yield one outcome per bundle; one that failed is tried again item by item."""
    again: list[tuple[Item, ...]] = []
    for outcome in fan_out(work, bundles, at_once=at_once):
        if outcome.error is not None and len(outcome.item) > 1:
            again += [(one,) for one in outcome.item]
        else:
            yield outcome
    yield from fan_out(work, again, at_once=at_once)


class _Crew(Generic[Item, Value]):
    """The tasks in flight and those to be tried again."""

    def __init__(
        self,
        work: Callable[[Item], Value],
        items: Iterable[Item],
        *,
        at_once: int,
        attempts: int,
    ) -> None:
        import ray

        def task(item: Item) -> Value:
            return work(item)  # a function of its own: Ray takes no functools.partial

        self._task = ray.remote(max_retries=0)(task)
        self._at_once, self._attempts = at_once, attempts
        self._fresh = ((item, 1) for item in items)
        self.again: list[tuple[Item, int]] = []
        self.running: dict[ray.ObjectRef[Value], tuple[Item, int]] = {}

    def turn(self) -> list[Outcome[Item, Value]]:
        """Fill up, wait for at most half a second, and return what is done."""
        import ray

        while len(self.running) < self._at_once:
            job = self.again.pop() if self.again else next(self._fresh, None)
            if job is None:
                break
            self.running[self._task.remote(job[0])] = job
        if not self.running:
            return []
        done, _ = ray.wait(list(self.running), num_returns=1, timeout=0.5)
        return [outcome for one in done if (outcome := self._taken(one)) is not None]

    def _taken(self, reference: ray.ObjectRef[Value]) -> Outcome[Item, Value] | None:
        import ray

        item, tried = self.running.pop(reference)
        try:
            return Outcome(item=item, value=ray.get(reference), attempts=tried)
        except ray.exceptions.RayTaskError as error:  # our own code raised: no retry
            cause = error.cause if isinstance(error.cause, BaseException) else error
            return Outcome(item=item, error=cause, attempts=tried)
        except ray.exceptions.RayError as error:  # the worker died
            if tried < self._attempts:
                died = f"a worker died ({type(error).__name__}), what it did is tried again"
                LOG.warning("%s: attempt %d of %d", died, tried + 1, self._attempts)
                self.again.append((item, tried + 1))
                return None
            gone = WorkersError(
                f"the worker died in each of {tried} attempts: {type(error).__name__}",
                code="WORKER_DIED",
                subject=repr(item)[:200],
                way_out="give the worker more memory, or run with at_once=0 to see it fail here",
            )
            return Outcome(item=item, error=gone, attempts=tried)


def _one_by_one(
    work: Callable[[Item], Value], items: Iterable[Item]
) -> Iterator[Outcome[Item, Value]]:
    for item in items:
        try:
            outcome = Outcome(item=item, value=work(item))
        except Exception as error:  # noqa: BLE001 - one work item ends here, as on a worker
            outcome = Outcome(item=item, error=error)
        yield outcome


@contextmanager
def _signals_noted() -> Iterator[threading.Event]:
    """Inside Ray a handler that raises surfaces late and as another error: only take a note."""
    hit = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield hit
        return
    before = {one: signal.signal(one, lambda *_: hit.set()) for one in STOPS}
    try:
        yield hit
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(settings: Settings, at_once: int) -> Path | None:
    import ray

    if settings.ray_address:
        try:
            ray.init(address=settings.ray_address, namespace="clearway", log_to_driver=True)
        except (ConnectionError, RuntimeError, TimeoutError, ValueError, ImportError) as error:
            raise _unreachable(settings.ray_address, error) from error
        return None
    short = usual if len(usual := tempfile.gettempdir()) <= LONGEST_TEMP else "/tmp"
    temp = Path(tempfile.mkdtemp(prefix="cw-", dir=short))
    start = partial(
        ray.init, address="local", num_cpus=at_once, include_dashboard=False, namespace="clearway",
        object_store_memory=STORE_BYTES, log_to_driver=True, _temp_dir=str(temp),
    )  # fmt: skip
    try:
        start()
    except Exception as error:  # Ray has no type of its own for a node that came up too late
        if "timed out during startup" not in str(error):
            raise
        ray.shutdown()
        start()
    return temp


def _unreachable(address: str, error: Exception) -> WorkersError:
    return WorkersError(
        f"Ray at {address} does not answer: {type(error).__name__}: {error}",
        code="RAY_UNREACHABLE",
        subject=address,
        way_out="start that cluster, correct RAY_ADDRESS (host:port), or unset it to work here",
    )


def _refuse_mismatch(settings: Settings) -> None:
    import ray

    theirs = ray.get(ray.remote(_versions).remote(None), timeout=60)
    if theirs != (ours := _versions(None)):
        raise WorkersError(
            f"Ray at {settings.ray_address} runs {theirs}, this machine {ours}",
            code="RAY_MISMATCH",
            subject=settings.ray_address,
            way_out="install the same Python, Ray and pylance on the cluster",
        )


def _versions(_: None) -> str:
    from importlib.metadata import version

    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"Python {python}, Ray {version('ray')}, pylance {version('pylance')}"
