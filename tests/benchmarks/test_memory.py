"""By how much the processes of an ingest grow with a file of 4 GB; `-m benchmark`.

The bar of issue 4: none by more than 500 MB. What a process holds is its own memory, as the system
tells it twice a second; what it holds once it is up is what a file of a few rows makes of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.benchmarks.test_ingest import ROOT, film, repeated
from tests.pipelines.places import a_home, a_source

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(7_200)]
FILE_BYTES, MOST_MB, TICK_S = 4 << 30, 500, 0.5
ROWS_AT_ONCE = 100_000
EVENTS = {"time_unit": "us", "action": ["key", "down"]}


@pytest.mark.parametrize("kind", ["jsonl", "csv", "mp4"])
def test_no_process_grows_with_a_file_of_4_gb(tmp_path, kind):
    small, large = tmp_path / f"small/a.{kind}", tmp_path / f"large/a.{kind}"
    for path, size_bytes in ((small, 1 << 20), (large, FILE_BYTES)):
        path.parent.mkdir()
        written(path, size_bytes)

    before, _ = peaks(small.parent, tmp_path / "home0")
    after, seconds = peaks(large.parent, tmp_path / "home1")

    size_mb = large.stat().st_size / 1e6
    print(f"\n{kind}, {size_mb:,.0f} MB in {seconds:.0f} s, peaks in MB:", end="")  # noqa: T201
    for name, peak in after.items():
        print(f" {name} {before[name]} -> {peak}", end="")  # noqa: T201
    assert {name: peak for name, peak in after.items() if peak - before[name] > MOST_MB} == {}


def written(path: Path, size_bytes: int) -> None:
    """Write a file of a kind that is so large."""
    if path.suffix == ".mp4":
        seed = film(path.with_name("seed"), frames=30, size=(1280, 720), seed=1)
        repeated(seed, path, size_bytes=size_bytes)
        seed.unlink()
        return
    with path.open("w") as file:
        file.write("" if path.suffix == ".jsonl" else "t,key,down,x,y,note\n")
        for low in range(0, size_bytes, ROWS_AT_ONCE):
            if file.tell() >= size_bytes:
                return
            file.writelines(rows(path.suffix, range(low, low + ROWS_AT_ONCE)))


def rows(suffix: str, numbers: range) -> Iterator[str]:
    """Yield lines of a log of a thousand rows a second."""
    form = "%d,%d,%d,%.6f,%.6f,step %d\n"
    if suffix == ".jsonl":
        form = '{"t": %d, "key": %d, "down": %d, "x": %.6f, "y": %.6f, "note": "step %d"}\n'
    for at in numbers:
        yield form % (1_000 * at, at % 5, at % 2, at % 977 * 0.123457, at % 1_013 * 0.77, at)


def peaks(folder: Path, home: Path) -> tuple[dict[str, int], float]:
    """Return the most that the command and its reader held, in MB, and the seconds it took."""
    settings, start = a_home(home), time.perf_counter()
    a_source(settings, folder, config={} if list(folder.glob("*.mp4")) else EVENTS)
    command = [sys.executable, "-m", "pipelines.cli", "ingest", "demo", "--at-once", "0", "--json"]
    running = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, env={**os.environ, **settings.environ()}, cwd=ROOT
    )
    found = {"command": 0, "reader": 0}
    while running.poll() is None:
        time.sleep(TICK_S)
        found["command"] = max(found["command"], own_mb(running.pid))
        found["reader"] = max(found["reader"], *map(own_mb, children(running.pid)), 0)
    assert not running.returncode
    return found, time.perf_counter() - start


def own_mb(pid: int) -> int:
    """Return the memory that is a process's own, 0 of one that has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    own = (line.split() for line in lines if line.startswith("Private_"))
    return sum(int(words[1]) for words in own) >> 10


def children(pid: int) -> list[int]:
    """Return the processes that a process has started."""
    try:
        found = Path(f"/proc/{pid}/task").iterdir()
        return [int(one) for task in found for one in (task / "children").read_text().split()]
    except OSError:
        return []
