"""A reader for tests only: a text file of episodes, one a line, `NAME NUMBER_OF_MESSAGES`.

The line `!CODE` refuses the file there, `#` says nothing about it, `~PATH` refuses another file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

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
            yield one(job, found, *line.split())


def register(monkeypatch, **how) -> None:
    """Register this reader until the end of a test; `how` changes what it declares."""
    monkeypatch.setitem(READERS, "many", "many@1")
    monkeypatch.setitem(readers(), "many", replace(READER, **how))


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
        channels=("x",),
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
