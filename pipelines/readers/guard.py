"""Decode in a process of its own, with a limit on time and on memory.

In: a function and its arguments. Out: what it returns, or what it raises. A hang, a crash or too
much memory ends that process, not this one: it becomes `Refused` with its reason and evidence, and
the next call starts a fresh process. One process serves all calls of a thread, for its start costs
more than a small file; it ends with the thread, with this process, or when it has been idle.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any, ParamSpec, TypeVar, cast

from pipelines.errors import RegistrationError
from pipelines.readers.child import IDLE
from pipelines.readers.reading import Refused

P = ParamSpec("P")
Value = TypeVar("Value")
TICK_S = 0.05
ATTEMPTS = 3  # of a process that somebody else ended
START_S = 30.0
BYTES_PER_S = 50_000  # of what has no duration
LEAST_PER_S = 500  # bytes: a shorter file does not last as long as it says
MEMORY_MB = 4_096
FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGHUP})
LIMITS = frozenset({"time_limit_s", "memory_limit_mb"})
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_own = threading.local()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a piece of work may take, and how much memory; `fixed_s` where the source says."""

    size_bytes: int
    fixed_s: float = 0.0
    memory_mb: float = MEMORY_MB

    @classmethod
    def of(cls, config: Mapping[str, Any], size_bytes: int) -> Limits:
        """Return the limits for files of `size_bytes` in all, as the source's config has them.

        Raises:
            RegistrationError: SOURCE_INVALID for a limit that is no number above 0.
        """
        for name in LIMITS & config.keys():
            if not isinstance(config[name], int | float) or not config[name] > 0:
                raise RegistrationError(
                    f"{name} is {config[name]!r}, expected a number above 0",
                    code="SOURCE_INVALID",
                    subject=name,
                    way_out=f"register the source again with --option {name}=NUMBER",
                )
        return cls(
            size_bytes=size_bytes,
            fixed_s=float(config.get("time_limit_s", 0)),
            memory_mb=float(config.get("memory_limit_mb", MEMORY_MB)),
        )

    def seconds(self, lasts_s: float = 0.0) -> float:
        """Return the time limit for a recording that says it lasts `lasts_s`."""
        believed = min(lasts_s, self.size_bytes / LEAST_PER_S)
        return self.fixed_s or START_S + max(10 * believed, self.size_bytes / BYTES_PER_S)


def guarded(limits: Limits, work: Callable[P, Value], *args: P.args, **named: P.kwargs) -> Value:
    """Return `work(*args, **named)` as done by the process of this thread.

    Raises:
        Refused: DECODER_TIMEOUT, DECODER_CRASH or OUT_OF_MEMORY.
        Exception: whatever `work` raised.
    """
    ended: list[_EndedFromOutside] = []
    while len(ended) < ATTEMPTS:
        try:
            answer, value = _child().do(limits, (work, args, named))
        except _EndedFromOutside as error:
            ended.append(error)
            continue
        if answer == "raised":
            raise value
        return cast("Value", value)
    raise Refused(
        f"its process was ended {ATTEMPTS} times from outside, as happens when memory runs out",
        code="OUT_OF_MEMORY",
        evidence=ended[-1].evidence,
    )


class _EndedFromOutside(Exception):
    """The process got a signal that this one did not send."""

    def __init__(self, evidence: Mapping[str, Any]) -> None:
        super().__init__(evidence)
        self.evidence = evidence


class _Child:
    """A process that decodes, and the socket to it."""

    def __init__(self) -> None:
        self.link, theirs = Pipe()
        self.owner = os.getpid()
        code = (
            f"import sys; sys.path[:] = {sys.path!r}\n"
            "from pipelines.readers.child import main\n"
            f"main({theirs.fileno()}, {self.owner})"
        )
        with theirs:  # a start without fork: the lake's library does not survive one
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self.end = weakref.finalize(self, _end, self.process, self.link)

    @property
    def is_usable(self) -> bool:
        """Whether it lives and was started here: a fork of this process has copies only."""
        return self.owner == os.getpid() and self.process.poll() is None

    def do(self, limits: Limits, task: tuple[Any, ...]) -> tuple[str, Any]:
        """Have it do one piece of work; whatever interrupts that ends it."""
        watch = _Watch(limits)
        try:
            self.link.send(task)
            while True:
                answer, value = self._heard(watch)
                if answer != "lasts":
                    break
                watch.limit_s = max(watch.limit_s, limits.seconds(value))
        except (EOFError, ConnectionError):
            raise self._cause(watch) from None
        except BaseException:
            self.end()
            raise
        if _held_mb(self.process.pid) > limits.memory_mb / 2:
            self.end()  # what one work leaves behind is not held against the next
        return answer, value

    def _heard(self, watch: _Watch) -> tuple[str, Any]:
        """Wait for the next word, as long as the limits allow."""
        while True:
            heard = self.link.poll(TICK_S)
            watch.refuse_excess(_held_mb(self.process.pid))  # also of work that was quick
            if heard:
                break
        answer, value = self.link.recv()
        return answer, value

    def _cause(self, watch: _Watch) -> Exception:
        """Say what ended the process."""
        try:
            code = self.process.wait(START_S)
        except subprocess.TimeoutExpired:  # it has closed its socket and lives on
            self.end()
            code = self.process.returncode
        if -code in FROM_OUTSIDE or code == IDLE:
            return _EndedFromOutside(watch.evidence())
        how = {"signal": signal.Signals(-code).name} if code < 0 else {"exit": code}
        (what,) = how.values()
        return Refused(
            f"the decoder ended with {what} after {watch.spent_s:.1f} s",
            code="DECODER_CRASH",
            evidence=watch.evidence() | how,
        )


class _Watch:
    """The clock of one piece of work, and the most memory that it was seen to hold."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.limit_s = limits, limits.seconds()
        self.start, self.peak_mb = perf_counter(), 0.0

    @property
    def spent_s(self) -> float:
        """Seconds since the start."""
        return perf_counter() - self.start

    def evidence(self) -> dict[str, Any]:
        """The same for a quarantine line."""
        return {"seconds": round(self.spent_s, 3), "peak_mb": round(self.peak_mb)}

    def refuse_excess(self, held_mb: float) -> None:
        """Refuse what takes too long or too much."""
        self.peak_mb = max(self.peak_mb, held_mb)
        if self.spent_s > self.limit_s:
            raise Refused(
                f"the decoder was ended after {self.spent_s:.1f} s",
                code="DECODER_TIMEOUT",
                way_out="set time_limit_s in the source's config and release the file",
                evidence=self.evidence() | {"limit_s": self.limit_s},
            )
        if held_mb > self.limits.memory_mb:
            raise Refused(
                f"the decoder was ended when it held {held_mb:.0f} MB",
                code="OUT_OF_MEMORY",
                way_out="set memory_limit_mb in the source's config and release the file",
                evidence=self.evidence() | {"limit_mb": self.limits.memory_mb},
            )


def _child() -> _Child:
    """Return the process of this thread; start one where there is none, or only a dead one."""
    child: _Child | None = getattr(_own, "child", None)
    if child is None or not child.is_usable:
        child = _own.child = _Child()
    return child


def _end(process: subprocess.Popen[bytes], link: Connection) -> None:
    link.close()
    process.kill()
    process.wait()


def _held_mb(pid: int) -> float:
    """Return the memory of a process that is its own, not a mapped file's; 0 where none can say."""
    try:
        fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0.0
    return (int(fields[1]) - int(fields[2])) * PAGE_BYTES / (1 << 20)
