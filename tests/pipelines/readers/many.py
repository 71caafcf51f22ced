"""A reader for tests only: a text file of episodes, one a line, `NAME NUMBER_OF_MESSAGES`.

A line may also do harm: `!CODE` refuses the file there, `#` says nothing more, `hang` holds the
interpreter for ever, `signal NAME` and `exit NUMBER` end the process, `once PATH` kills it as long
as PATH is there, `eat` takes memory without end, `grow` appends to the file, `odd` yields an
episode that no row can be made of.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np

from pipelines.readers import READERS
from pipelines.readers.formats import Glance, Reader
from pipelines.readers.reading import Counted, Job, ReadResult, Refused, duration
from pipelines.readers.registry import readers
from pipelines.records import Clock, Stream


def read(job: Job) -> Iterator[ReadResult]:
    """Yield an episode a line."""
    for found in job.group.files:
        for line in job.path(found).read_text().splitlines():
            if line.startswith("!"):
                raise Refused("so it is written", code=line[1:], subject=found.path)
            if line == "#":
                return
            what, *rest = line.split()
            if what in HARM:
                harm(what, job.path(found), *rest)
            else:
                yield one(job, found, what, *rest)


def harm(what: str, path: Path, *how: str) -> None:
    """Do one kind of harm."""
    HARM[what](path, *how)


def hang(_: Path) -> None:
    """Hold the interpreter's lock for ever, as a hanging codec does."""
    ctypes.PyDLL(None).pause()


def eat(_: Path) -> None:
    """Take 16 MB more and more, some 1.5 GB a second: who watches may have to wait for its turn."""
    held = []
    while True:
        held.append(b"x" * (16 << 20))
        time.sleep(0.01)


def grow(path: Path) -> None:
    """Write to the file that is being read."""
    with path.open("a") as file:
        file.write("late 1\n")


def once(_: Path, there: str) -> None:
    """Kill this process the first time."""
    if Path(there).exists():
        Path(there).unlink()
        os.kill(os.getpid(), signal.SIGKILL)


HARM: dict[str, Callable[..., object]] = {
    "hang": hang,
    "eat": eat,
    "grow": grow,
    "once": once,
    "signal": lambda _, name: os.kill(os.getpid(), signal.Signals[name]),
    "exit": lambda _, number: os._exit(int(number)),
}


def register(monkeypatch, **how) -> None:
    """Register this reader until the end of a test; `how` changes what it declares."""
    monkeypatch.setitem(readers(), "many", replace(READER, **how))  # before it is looked for
    monkeypatch.setitem(READERS, "many", "many@1")


def one(job: Job, found, part: str, count: str) -> ReadResult:
    """Return the episode of one line."""
    ts_ns = np.arange(int(count), dtype=np.int64) * 10**7
    stream = Stream(
        name="state",
        kind="vector",
        clock=Clock(kind="tick", epoch="start"),
        ts_ns=ts_ns,
        file_id=found.sha256,
        values=np.arange(int(count), dtype=np.float64)[:, None],
        channels=("x",) if part != "odd" else cast("tuple[str, ...]", (object(),)),
        num_messages=int(count),
    )
    counted = Counted(
        num_messages=int(count), duration_ns=duration([stream]), streams=(stream.doc(),)
    )
    episode = job.episode([stream], part=part, files=[found])
    return ReadResult(episodes=(episode,), files=(job.facts(found, counted),))


def _sniff(seen: Glance) -> str:
    return "many" if seen.name.endswith(".many") else ""


READER = Reader(read=read, kinds=("many",), sniff=_sniff, told="many@1")
