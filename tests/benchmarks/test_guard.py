"""What decoding in a process of its own costs, beside decoding here."""

import os
from time import perf_counter
from typing import Any

import pytest

from pipelines.readers.guard import Limits, guarded
from pipelines.readers.registry import readers
from pipelines.readers.spool import spool_group
from tests.pipelines.places import events, film
from tests.pipelines.readers.recordings import planned

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(300)]
LIMITS = Limits(size_bytes=10**6)
FILES = 200


def here(_limits, work: Any, *args, **named) -> Any:
    return work(*args, **named)


def test_a_process_of_its_own_costs_less_than_5_ms_a_file(tmp_path):
    for number in range(FILES // 2):
        events(tmp_path / f"in/{number}.jsonl", seed=number)
        film(tmp_path / f"in/film{number}.mp4", seed=number)
    groups = planned(tmp_path / "in").groups
    begun = perf_counter()
    guarded(LIMITS, os.getpid)
    start = perf_counter() - begun
    best: dict[str, float] = {}

    for _ in range(6):
        for name, way in (("here", here), ("guarded", guarded)):
            begun = perf_counter()
            for group in groups:
                how = {"scratch": tmp_path, "batch_id": "b", "reader": readers()[group.reader]}
                way(LIMITS, spool_group, tmp_path / "in", group, {}, **how)
            best[name] = min(best.get(name, 60), perf_counter() - begun)

    cost_ms = (best["guarded"] - best["here"]) / FILES * 1e3
    print(f"\nstart {start:.2f} s, {FILES} files {best}, {cost_ms:.2f} ms a file")  # noqa: T201
    assert cost_ms < 5
