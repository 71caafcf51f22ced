"""A long episode is measured a stretch at a time, and measures what it would at once."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pipelines import ondisk
from pipelines.assess import numbers
from pipelines.assess.numbers import Recorded, together
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.reading import scan_columns
from pipelines.lake.streams import read_episodes, read_times
from tests.pipelines.assess.test_station import measured, prepare
from tests.pipelines.places import EVENTS_CONFIG, a_home, a_source
from tests.pipelines.scenes import encode, pan

ROWS = 30_000
CONFIG = {**EVENTS_CONFIG, "action": ["key", "turn"], "state": ["joint_pos"]}


def log(path, *, seconds):
    """Write keys that are held, turns that are seldom known, and a joint that moves."""
    rng = np.random.default_rng(1)
    times = np.sort(rng.integers(0, seconds * 10**9, ROWS))
    held = np.repeat(rng.integers(0, 2, ROWS // 100), 100).tolist()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as out:
        for number, at in enumerate(times.tolist()):
            turn = {"turn": number / ROWS} if number % 7 else {}
            row = {"t_ns": at, "key": held[number], "joint_pos": float(np.sin(at / 1e9)), **turn}
            print(json.dumps(row), file=out)


@pytest.mark.parametrize("film", [False, True])
def test_in_stretches_all_measures_are_those_of_the_whole(tmp_path, monkeypatch, film):
    source = tmp_path / "in"
    log(source / "a.jsonl", seconds=20)
    if film:
        encode(source / "a.mp4", pan(3, seconds=20))
    found = []
    for at_once in (numbers.AT_ONCE, 700):
        monkeypatch.setattr(numbers, "AT_ONCE", at_once)
        monkeypatch.setattr(numbers, "LEAST", 16)
        settings = a_home(tmp_path / str(at_once))
        a_source(settings, source, config=CONFIG)
        assert prepare(settings).num_failed == 0
        found.append(measured(settings))

    whole, stretches = found
    assert len(whole) == 10
    assert all(row["jerk"] > 0 and 0 < row["idle"] < 1 for row in whole)
    assert film == any(row["motion"] is not None for row in whole)
    assert stretches == whole


def test_a_stretch_of_a_long_episode_is_all_that_is_read(tmp_path, monkeypatch):
    settings = a_home(tmp_path)
    log(a_source(settings, tmp_path / "in", config=CONFIG) / "a.jsonl", seconds=20)
    prepare(settings)
    uri = dataset_uri(settings.lake, "demo", "streams")
    ((episode_id, streams),) = read_times(uri, _ids(uri)).items()
    times = {one.stream: one.ts_ns for one in streams if one.kind == "vector"}
    monkeypatch.setattr(numbers, "AT_ONCE", 700)
    recorded = Recorded(uri=uri, episode_id=episode_id, times=times)

    rows = recorded.within(5 * 10**9, 6 * 10**9)

    assert rows.keys() == times.keys()
    for name, whole in times.items():
        own = rows[name].ts_ns
        inside = whole[(whole >= 5 * 10**9) & (whole <= 6 * 10**9)]
        assert set(inside) <= set(own)
        assert len(own) < ROWS / 2
    assert recorded.within(5 * 10**9 + 1, 6 * 10**9 - 1) is rows


@pytest.mark.parametrize("mapped", [ondisk.MAPPED, 10])
def test_times_are_those_of_the_rows(tmp_path, monkeypatch, mapped):
    monkeypatch.setattr(ondisk, "MAPPED", mapped)
    settings = a_home(tmp_path)
    folder = a_source(settings, tmp_path / "in", config=CONFIG)
    for number in range(3):
        log(folder / f"{number}.jsonl", seconds=number + 1)
    prepare(settings)
    uri = dataset_uri(settings.lake, "demo", "streams")
    ids = _ids(uri)

    times, rows = read_times(uri, ids, scratch=tmp_path), read_episodes(uri, ids)

    assert times.keys() == rows.keys()
    for key, streams in times.items():
        for one, same in zip(streams, rows[key], strict=True):
            assert (one.stream, one.kind) == (same.stream, same.kind)
            assert np.array_equal(one.ts_ns, same.ts_ns)
            assert one.ts_ns.flags.writeable == (mapped > ROWS)


def test_clips_stand_together_as_far_as_they_are_short():
    clock = np.arange(100, dtype=np.int64)
    clips = [("b", 10, 20), ("a", 0, 10), ("c", 20, 90), ("d", 90, 100)]

    found = [([name for name, _, _ in some], *rows) for some, *rows in together(clips, clock, 25)]

    assert found == [(["a", "b"], 0, 20), (["c"], 20, 90), (["d"], 90, 100)]
    assert list(together([], clock, 25)) == []


def _ids(uri):
    return sorted(set(scan_columns(uri, ["episode_id"])["episode_id"].to_pylist()))
