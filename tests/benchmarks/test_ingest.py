"""How fast films and logs come in, beside other libraries and plain copying; `-m benchmark`.

The same files, in one run, in turns; medians, and versions printed. The bars are those of issue 4.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from pipelines.assess import assess
from pipelines.cut import cut
from pipelines.ingest.station import ingest
from tests.pipelines.places import EVENTS_CONFIG, a_home, a_source, events

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1_800)]
ROOT = Path(__file__).parents[2]
PEERS = ROOT / ".peers/bin/python"
PEER_SCRIPT = Path(__file__).with_name("peers.py")
FILMS, FRAMES, ROUNDS = 4, 600, 3
LONG_FILMS, LONG_BYTES = 4, 256 << 20
LOGS, NOTHING_TO_DO_S = 10_000, 2.0


@pytest.mark.parametrize(("library", "bar"), [("ray", 3.0), ("daft", 2.0)])
def test_scan_ingest_and_assess_of_films(tmp_path, library, bar):
    if not PEERS.exists():
        pytest.skip(f"no environment of other libraries at {PEERS}: run `make peers`")
    for number in range(FILMS):
        film(tmp_path / f"films/{number}.mp4", frames=FRAMES, size=(640, 360), seed=number)
    told: list[dict[str, object]] = []

    def theirs() -> float:
        told.append(peer(library, tmp_path / "films"))
        return float(str(told[-1]["seconds"]))

    def ours() -> float:
        start = time.perf_counter()
        brought_in(tmp_path / "films", tmp_path / f"home{time.perf_counter_ns()}", decode=True)
        return time.perf_counter() - start

    medians = in_turns({"clearway": ours, library: theirs})

    films: Mapping[str, Mapping[str, float]] = told[-1]["films"]  # type: ignore[assignment]
    assert [each["pictures"] for each in films.values()] == [FRAMES] * FILMS
    ratio = shown(medians, {library: str(told[-1]["version"])})[library]
    assert ratio >= bar


def test_without_decoding_beside_a_copy_and_two_passes_of_sha256(tmp_path):
    seed = film(tmp_path / "seed.mp4", frames=30, size=(1280, 720), seed=1)
    for number in range(LONG_FILMS):
        repeated(seed, tmp_path / f"films/{number}.mp4", size_bytes=LONG_BYTES + number)

    def copied() -> float:
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        start = time.perf_counter()
        subprocess.run(["cp", "-r", tmp_path / "films", tmp_path / "copy"], check=True)
        for folder in ("films", "copy"):
            for path in sorted((tmp_path / folder).iterdir()):
                with path.open("rb") as file:
                    hashlib.file_digest(file, "sha256")
        return time.perf_counter() - start

    def ours() -> float:
        home = tmp_path / "home"
        shutil.rmtree(home, ignore_errors=True)
        start = time.perf_counter()
        brought_in(tmp_path / "films", home, decode=False)
        return time.perf_counter() - start

    name = "cp and two sha256"
    assert shown(in_turns({"clearway": ours, name: copied}), {})[name] >= 0.6


def test_a_rerun_with_nothing_to_do(tmp_path):
    for number in range(LOGS):
        events(tmp_path / f"logs/{number // 500}/{number}.jsonl", rows=5, seed=number)
    settings = a_home(tmp_path)
    a_source(settings, tmp_path / "logs", config=EVENTS_CONFIG)
    command = [sys.executable, "-m", "pipelines.cli", "ingest", "demo", "--no-decode"]
    env = {**os.environ, **settings.environ()}

    def again() -> float:
        start = time.perf_counter()
        done = subprocess.run(
            [*command, "--at-once", "0", "--json"],
            stdout=subprocess.PIPE, env=env, cwd=ROOT, check=True,
        )  # fmt: skip
        spent = time.perf_counter() - start
        assert json.loads(done.stdout)["found"] == LOGS
        return spent

    first = again()
    spent = [again() for _ in range(5)]

    median = statistics.median(spent)
    print(f"\n{LOGS} logs: first {first:.1f} s, again {median:.2f} s (best {min(spent):.2f})")  # noqa: T201
    assert min(spent) < NOTHING_TO_DO_S


def brought_in(films: Path, home: Path, *, decode: bool) -> None:
    """Scan, ingest and assess a folder of films into a fresh home."""
    settings, now = a_home(home), datetime.now(UTC)
    a_source(settings, films, config={})
    done = ingest("demo", settings, at_once=0, run_id="r", now=now, decode=decode)
    assert done.num_ingested == done.num_found
    if decode:
        cut("demo", settings, run_id="r", now=now)
        assert not assess("demo", settings, at_once=0, run_id="r", now=now).num_failed


def peer(library: str, folder: Path) -> dict[str, object]:
    """Measure the films of a folder with another library, in its own environment."""
    command = [str(PEERS), str(PEER_SCRIPT), library, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert not done.returncode, done.stderr[-2_000:]
    last: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return last


def in_turns(ways: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Return the median seconds of each way, all of them in turns."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            os.sync()  # nobody waits for what another has written
            seconds[name].append(way())
    return {name: statistics.median(spent) for name, spent in seconds.items()}


def shown(medians: Mapping[str, float], versions: Mapping[str, str]) -> dict[str, float]:
    """Print how much faster ours is than each other way, and return it."""
    ratios = {name: spent / medians["clearway"] for name, spent in medians.items()}
    for name, spent in medians.items():
        named = f"{name} {versions.get(name, '')}".strip()
        print(f"\n{named:28} {spent:8.2f} s   clearway is {ratios[name]:.2f}x", end="")  # noqa: T201
    return ratios


def film(path: Path, *, frames: int, size: tuple[int, int], seed: int) -> Path:
    """Write a film of a noise that moves."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 255, (size[1] // 8, size[0] // 8, 3), np.uint8)
    picture = noise.repeat(8, 0).repeat(8, 1)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            moved = np.roll(picture, number * 5, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        container.mux(stream.encode())
    return path


def repeated(seed: Path, path: Path, *, size_bytes: int) -> None:
    """Write the packets of a film over and over, until there are so many bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(seed)) as source, av.open(str(path), "w", format="mp4") as out:
        stream = source.streams.video[0]
        packets = [one for one in source.demux(stream) if one.size]
        times = [(one.pts or 0, one.dts or 0, one.duration or 0) for one in packets]
        span = max(pts + lasts for pts, _, lasts in times)
        copy, written, start = out.add_stream_from_template(stream), 0, 0
        out.metadata["title"] = path.name
        told = [(bytes(one), one.is_keyframe) for one in packets]
        while written < size_bytes:
            for (data, is_key), (pts, dts, _) in zip(told, times, strict=True):
                packet: av.Packet[Any] = av.Packet(data)
                packet.pts, packet.dts, packet.is_keyframe = pts + start, dts + start, is_key
                packet.stream = copy
                out.mux(packet)
                written += len(data)
            start += span
