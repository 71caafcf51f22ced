"""How fast joint states are decoded, against two other libraries; run with `-m benchmark`.

The same log, in one run, in turns. The bar of issue 4 is 1.5 times mcap-ros2-support.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.records import Floats
from tests.pipelines.readers.bags import HUMBLE, JOINTS, joints
from tests.pipelines.readers.recordings import read_all
from tests.pipelines.readers.test_mcap_kinds import ros_log

MESSAGES, JOINT_COUNT, ROUNDS = 30_000, 7, 5


@pytest.mark.benchmark
@pytest.mark.timeout(600)
def test_joint_states_to_columns(tmp_path):
    told = [joints(HUMBLE, step, count=JOINT_COUNT) for step in range(MESSAGES)]
    path = ros_log(tmp_path / "in/a.mcap", JOINTS, told)

    def ours() -> Floats:
        _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")
        values: Floats = episode.streams[0].values
        return values

    ways = {
        "clearway": ours,
        f"mcap-ros2-support {version('mcap-ros2-support')}": lambda: by_mcap_ros2(path),
        f"rosbags {version('rosbags')}": lambda: by_rosbags(path),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    values = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            values[name], spent = timed(way)
            seconds[name].append(spent)
    best = {name: min(spent) for name, spent in seconds.items()}

    for name in ways:
        ratio = best[name] / best["clearway"]
        rate = MESSAGES / best[name]
        print(f"\n{name:28} {rate:>10,.0f} messages/s   clearway is {ratio:.2f}x", end="")  # noqa: T201
        assert np.array_equal(values[name], values["clearway"])
    assert all(best[name] >= 1.5 * best["clearway"] for name in list(ways)[1:])


def by_mcap_ros2(path: Path) -> Floats:
    """Decode with mcap-ros2-support."""
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory

    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()], validate_crcs=True)
        told = reader.iter_decoded_messages(log_time_order=False)
        return np.array([[*row.position, *row.velocity] for _, _, _, row in told])


def by_rosbags(path: Path) -> Floats:
    """Decode with rosbags."""
    from rosbags.highlevel import AnyReader

    with AnyReader([path]) as reader:
        rows: list[Any] = [
            reader.deserialize(data, link.msgtype) for link, _, data in reader.messages()
        ]
    return np.array([np.concatenate([row.position, row.velocity]) for row in rows])


def timed(way: Callable[[], Floats]) -> tuple[Floats, float]:
    """Return what `way` gives, and the seconds it took."""
    start = time.perf_counter()
    values = way()
    return values, time.perf_counter() - start
