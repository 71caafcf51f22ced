"""NumPy arrays: times of their own or counted steps; pickles, bombs and cut files are refused."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.pipelines.readers.recordings import EPOCH_NS, read_all

STAMPS = EPOCH_NS + np.arange(8) * 5_000_000


def saved(path: Path, array, **how) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, array, **how)
    return path


def bundled(path: Path, **arrays) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    return path


def one(tmp_path, **config):
    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch", **config)
    (line,) = lines.values()
    return line, episodes


def test_arrays_of_one_bundle_share_its_times(tmp_path):
    bundled(
        tmp_path / "in/imu.npz", timestamp_ns=STAMPS, accel=np.ones((8, 3)), gyro=np.zeros((8, 3)),
        gain=np.array(2.0),
    )  # fmt: skip

    line, (episode,) = one(tmp_path)

    assert (line.status, line.num_messages, line.duration_ns) == ("ingested", 8, 40_000_000)
    assert {each.name: each.channels for each in episode.streams} == {
        "accel": ("0", "1", "2"), "gyro": ("0", "1", "2"),
    }  # fmt: skip
    assert episode.streams[0].ts_ns.tolist() == STAMPS.tolist()
    assert episode.notes == ("gain () float64 is not read",)


def test_a_table_takes_its_names_and_times_from_the_declared_schema(tmp_path):
    table = np.column_stack([np.arange(6) / 4, np.arange(6), np.arange(6) * 2])
    saved(tmp_path / "in/log.npy", table)

    schema = {"columns": ["t", "x", "y"], "time_field": "t", "time_unit": "s"}
    line, (episode,) = one(tmp_path, **schema)

    assert (line.num_messages, line.duration_ns) == (6, 1_500_000_000)
    assert [each.name for each in episode.streams] == ["x", "y"]


def test_the_fields_of_a_structured_array_are_arrays(tmp_path):
    kind = [("t_us", "i8"), ("speed", "f4")]
    saved(tmp_path / "in/log.npy", np.array([(0, 1.5), (1_000, 2.5)], kind))

    _, (episode,) = one(tmp_path)

    (speed,) = episode.streams
    assert (speed.name, speed.ts_ns.tolist()) == ("speed", [0, 1_000_000])


def test_without_times_entries_are_counted(tmp_path):
    saved(tmp_path / "in/log.npy", np.zeros((10, 2)))

    usual, _ = one(tmp_path)
    declared, (episode,) = one(tmp_path, rate_hz=100)

    assert (usual.duration_ns, declared.duration_ns) == (10 * 10**9, 10**8)
    assert episode.streams[0].clock.kind == "tick"


def test_pickled_objects_are_refused_unread(tmp_path):
    saved(tmp_path / "in/log.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)

    line, episodes = one(tmp_path)

    assert (line.status, line.reason, episodes) == ("quarantined", "UNSAFE_CONTENT", [])


def bomb(path: Path) -> None:
    sink = io.BytesIO()
    np.save(sink, np.zeros(40_000_000, np.uint8))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("a.npy", sink.getvalue())


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-3]), "TRUNCATED"),
        (lambda path: path.write_bytes(path.read_bytes() + b"xx"), "CORRUPT"),
        (lambda path: path.write_bytes(path.read_bytes()[:9] + b"\xff" * 90), "CORRUPT"),
        (lambda path: saved(path, np.zeros((0, 3))), "NO_CONTENT"),
    ],
)
def test_damage_of_an_array(tmp_path, make, reason):
    make(saved(tmp_path / "in/log.npy", np.zeros((10, 2))))

    line, _ = one(tmp_path)

    assert (line.status, line.reason) == ("quarantined", reason)


def test_damage_of_a_bundle(tmp_path):
    rng = np.random.default_rng(1)
    path = bundled(tmp_path / "in/a.npz", x=rng.random(500))
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    cut, _ = one(tmp_path)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    path.write_bytes(flipped)
    harmed, _ = one(tmp_path)
    bomb(path)
    huge, _ = one(tmp_path)

    assert [each.reason for each in (cut, harmed, huge)] == ["TRUNCATED", "CORRUPT", "TOO_LARGE"]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"time_field": "when"}, "CLOCK_BROKEN"),
        ({"rate_hz": -1}, "CLOCK_BROKEN"),
        ({"time_field": "short", "time_unit": "s"}, "PARTS_DISAGREE"),
    ],
)
def test_a_clock_that_cannot_be_is_refused(tmp_path, config, reason):
    bundled(tmp_path / "in/a.npz", x=np.zeros(4), short=np.zeros(3))

    line, _ = one(tmp_path, **config)

    assert line.reason == reason


@pytest.mark.parametrize("member", ["/etc/passwd.npy", "../../a.npy"])
def test_a_member_whose_name_leads_out_is_refused(member, tmp_path):
    (tmp_path / "in").mkdir()
    one = io.BytesIO()
    np.save(one, np.ones((5, 2)))
    with zipfile.ZipFile(tmp_path / "in/a.npz", "w") as bundle:
        bundle.writestr(member, one.getvalue())

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.npz"].reason, episodes) == ("UNSAFE_CONTENT", [])


@pytest.mark.parametrize("place", range(10, 118, 3))
@pytest.mark.parametrize("bit", [2, 3, 7])
def test_a_flipped_bit_in_the_head_is_no_error_of_the_reader(tmp_path, place, bit):
    path = saved(tmp_path / "in/a.npy", np.arange(12, dtype=np.float64))
    data = bytearray(path.read_bytes())
    data[place] ^= 1 << bit
    path.write_bytes(data)

    lines, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert lines["a.npy"].reason != "READER_ERROR"


def test_a_member_that_is_packed_in_no_known_way_is_damage(tmp_path):
    path = bundled(tmp_path / "in/a.npz", x=np.arange(12.0))
    data = bytearray(path.read_bytes())
    data[data.rindex(b"PK\x01\x02") + 10] = 0x5E  # the method, as the list at the end has it
    path.write_bytes(data)

    lines, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert lines["a.npz"].reason == "CORRUPT"
