"""The feed beside other readers of the same bytes, by PROTOCOL.md; `-m benchmark`.

Films are made once and kept beside the environment; those of 10 minutes take as long to make as all
others together.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(3_600)]
ROOT = Path(__file__).parents[2]
ENVIRONMENT = ROOT / ".peers-feed"
FILMS = ENVIRONMENT / "films"
ROUNDS = 9


@pytest.mark.parametrize(
    ("name", "encode", "window", "batches", "bar"),
    [
        ("3s", "rendered", 16, 5, 1.1),
        ("3s", "default", 16, 5, 1.3),
        ("3s", "default g30", 16, 5, 1.3),
        ("3s", "rendered", 64, 5, None),
        ("60s", "rendered", 16, 2, 1.5),
        ("60s", "default", 16, 2, 1.5),
        ("60s", "default g30", 16, 2, 1.5),
        ("10min", "rendered", 16, 1, None),
        ("10min", "default", 16, 1, None),
    ],
)
def test_windows_a_cpu_second_of_the_same_bytes(name, encode, window, batches, bar):
    told = measured(name, encode, window, batches)

    best = shown(told)
    assert not told["inexact"]["ours"]
    if bar is not None:
        assert best >= bar, f"{best:.2f}, bar {bar}"


def test_as_rendered_beside_the_default_of_the_others():
    ours, theirs = (
        [one[who][0] / told["windows"] for one in told["rounds"]]
        for who, told in (
            ("ours", measured("3s", "rendered", 16, 5)),
            ("pyav", measured("3s", "default", 16, 5)),
        )
    )
    ratios = [one / other for one, other in zip(theirs, ours, strict=True)]

    say(f"as rendered, beside default + pyav: {spread(ratios)}")
    assert statistics.median(ratios) >= 2.5


def test_proof_costs_less_than_a_hundredth():
    told = measured("3s", "rendered", 16, 5)

    say(f"hashing {told['hash_share']:.2%}, gate {told['gate_share']:.2%} ({told['gate_s']:.3f} s)")
    assert told["hash_share"] + told["gate_share"] < 0.01


_SEEN: dict[tuple[object, ...], Mapping[str, Any]] = {}


def measured(*asked: object) -> Mapping[str, Any]:
    """Run the readers in their own environment, once for each thing that is asked."""
    if not ENVIRONMENT.exists():
        pytest.skip(f"no environment of other readers at {ENVIRONMENT}: run `make peers-feed`")
    if asked not in _SEEN:
        av_libs = ENVIRONMENT.glob("lib/python3*/site-packages/av.libs")
        libraries = [ENVIRONMENT / "ffmpeg", *av_libs]
        done = subprocess.run(
            [str(ENVIRONMENT / "bin/python"), "-m", "tests.benchmarks.feed_readers", str(FILMS)]
            + [str(one) for one in (*asked, ROUNDS)],
            capture_output=True, text=True, check=False, cwd=ROOT,
            env={**os.environ, "LD_LIBRARY_PATH": ":".join(map(str, libraries))},
        )  # fmt: skip
        assert not done.returncode, done.stderr[-3_000:]
        _SEEN[asked] = json.loads(done.stdout.splitlines()[-1])
    return _SEEN[asked]


def shown(told: Mapping[str, Any]) -> float:
    """Print every reader; return how many times the best exact one costs what ours does."""
    start, end = told["loads"]
    quiet = "" if max(start, end) < 0.3 else ", NOT QUIET"
    say(f"{told['set']} {told['encode']}, windows of {told['window']}")
    say(f"  load {start:.1f} to {end:.1f}{quiet}")
    say(f"  {told['versions']}, {told['film_bytes']:.0f} bytes a film")
    say(f"  {told['window_bytes']:.0f} bytes a window of ours, peak RSS {told['peak_rss_mb']} MB")
    best: list[float] = []
    for who in told["rounds"][0]:
        cpu, wall = (
            [one[who][kind] / one["ours"][kind] for one in told["rounds"]] for kind in (0, 1)
        )
        each_ms = statistics.median(one[who][0] for one in told["rounds"]) / told["windows"] * 1e3
        wrong = told["inexact"][who]
        note = f", WRONG in {wrong} windows" if wrong else ""
        say(f"  {who:22} {each_ms:7.2f} ms, CPU {spread(cpu)}, wall {spread(wall)}{note}")
        if not who.startswith("ours") and not wrong:
            best.append(statistics.median(cpu))
    for who, why in told["failed"].items():
        say(f"  {who:22} did not run: {why}")
    say(f"  best exact reader: {min(best):.2f}")
    return min(best)


def spread(ratios: list[float]) -> str:
    """Median, least and greatest."""
    return f"{statistics.median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}]"


def say(line: str) -> None:
    """Print, for whoever runs the benchmark with `-s`."""
    print(line)  # noqa: T201 - figures are what a benchmark is run for
