"""How fast frames are joined onto stamps, against pandas and Daft; `-m benchmark`.

Timed is the join alone: for each frame the entry and whether it is young enough, from data that is
in memory in each library's own form. The skew figures of it, the same work for all, come after.

Peers run in an environment of their own, `.peers`, for Daft needs an older pyarrow than ours. One
process of it stays up and answers a word on stdin with the seconds of one join, so that rounds are
taken in turns. The bar of issue 4: 20 times Daft, and not slower than pandas.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pytest

from pipelines.clocks import as_of
from pipelines.records import Int64s

PEERS = Path(__file__).parents[2] / ".peers/bin/python"
INSTALL = 'python -m venv .peers && .peers/bin/pip install "daft==0.7.26" "pyarrow<26" pandas'
FRAMES, STAMPS, ROUNDS = 200_000, 2_000_000, 9
MAX_AGE_NS = 10**8
CHILD = """
import json, sys, time
import daft, numpy as np, pandas as pd, pyarrow as pa

folder, max_age = sys.argv[1], int(sys.argv[2])
stamps, frames = (np.load(f"{folder}/{name}.npy") for name in ("stamps", "frames"))
left, right = pd.DataFrame({"frame": frames}), pd.DataFrame({"stamp": stamps})
one = daft.from_arrow(pa.table({"frame": frames}))
other = daft.from_arrow(pa.table({"stamp": stamps, "found": stamps}))

def by_pandas():
    joined = pd.merge_asof(left, right, left_on="frame", right_on="stamp", tolerance=max_age)
    return lambda: (joined["frame"] - joined["stamp"]).dropna().to_numpy()

def by_daft():
    joined = one.join_asof(other, left_on="frame", right_on="stamp").to_arrow()
    age = joined["frame"].to_numpy() - joined["found"].to_numpy()
    return lambda: age[age <= max_age]

ways = {f"pandas {pd.__version__}": by_pandas, f"daft {daft.__version__}": by_daft}
print(json.dumps(list(ways)), flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    ages = ways[line.strip()]()
    spent = time.perf_counter() - start
    told = [len(ages()), *np.percentile(ages(), [50, 99])]
    print(json.dumps([spent, [float(each) for each in told]]), flush=True)
"""


@pytest.mark.benchmark
@pytest.mark.timeout(600)
@pytest.mark.skipif(not PEERS.exists(), reason=f"no peers to compare with: {INSTALL}")
@pytest.mark.parametrize("kind", ["even", "random"])
def test_joining_frames_onto_stamps(tmp_path, kind):
    stamps, frames = made(kind)
    np.save(tmp_path / "stamps.npy", stamps)
    np.save(tmp_path / "frames.npy", frames)
    seconds: dict[str, list[float]] = {"clearway": []}
    told: dict[str, list[float]] = {}

    with peers(tmp_path) as (names, ask):
        for _ in range(ROUNDS):
            start = time.perf_counter()
            index, valid = as_of(stamps, frames, MAX_AGE_NS)
            seconds["clearway"].append(time.perf_counter() - start)
            age = (frames - stamps.take(index))[valid]
            told["clearway"] = [float(len(age)), *map(float, np.percentile(age, [50, 99]))]
            for name in names:
                spent, told[name] = ask(name)
                seconds.setdefault(name, []).append(spent)

    usual = {name: median(spent) for name, spent in seconds.items()}
    for name, spent in usual.items():
        ratio = spent / usual["clearway"]
        print(f"\n{kind:7} {name:14} {spent * 1e3:8.2f} ms   clearway is {ratio:.2f}x", end="")  # noqa: T201
        assert told[name] == pytest.approx(told["clearway"])
    pandas, daft = (usual[name] for name in names)
    assert pandas >= usual["clearway"]
    assert daft >= 20 * usual["clearway"]


def made(kind: str) -> tuple[Int64s, Int64s]:
    """Return stamps at 1 kHz with noise, or anywhere, and frames in order over the same hours."""
    rng = np.random.default_rng(4)
    span = STAMPS * 10**6
    if kind == "even":
        stamps = np.arange(STAMPS, dtype=np.int64) * 10**6 + rng.integers(0, 10**5, STAMPS)
        frames = np.arange(FRAMES, dtype=np.int64) * (span // FRAMES) + 1_700_000
    else:
        stamps, frames = (np.sort(rng.integers(0, span, size)) for size in (STAMPS, FRAMES))
        frames += 10**8
    return stamps, frames


@contextmanager
def peers(folder: Path) -> Iterator[tuple[list[str], Any]]:
    """Keep the process of the peers up; yield their names and what asks one of them."""
    words = [str(PEERS), "-c", CHILD, str(folder), str(MAX_AGE_NS)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        to, back = child.stdin, child.stdout

        def ask(name: str) -> tuple[float, list[float]]:
            print(name, file=to, flush=True)
            spent, told = json.loads(back.readline())
            return spent, told

        yield json.loads(back.readline()), ask
        to.close()
