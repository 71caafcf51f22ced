"""Reading a log takes no memory for its rows: what a process holds does not grow with them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
AT_ONCE = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}  # what is freed, goes
FEW, MANY = 60_000, 500_000
ARRAY_BYTES = 8 * MANY  # of one array with a number a row


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for the peak of a process")
@pytest.mark.parametrize("late", [0, 3])
def test_a_process_does_not_grow_with_the_rows_of_a_log(tmp_path, late):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    few, many = (log(tmp_path / f"{rows}.jsonl", rows, late) for rows in (FEW, MANY))

    done = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.readers.peak", scratch, few, few, many],
        stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, **AT_ONCE}, check=True,
    )  # fmt: skip

    *_, grown = map(int, done.stdout.split())
    assert grown < ARRAY_BYTES * 0.75


def log(path, rows, late):
    """Write rows a millisecond apart, one of every hundred `late` rows too late."""
    times = [at + (late * (at % 100 == 0)) + 0.5 * (at % 100 == 0) for at in range(rows)]
    order = sorted(range(rows), key=times.__getitem__) if late else range(rows)
    path.write_text("".join(f'{{"t":{at / 1000},"key":{at % 7}}}\n' for at in order))
    return path
