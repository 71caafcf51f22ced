"""ROS 1 bags: every chunk compression, exact counts and times, and every way to be damaged."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosbags.rosbag1 import Reader as Bag1

from tests.pipelines.readers.bags import LATE_NS, STEP_NS, ros1_bag, units_of
from tests.pipelines.readers.recordings import EPOCH_NS, jpeg, read_all

FUZZ = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read_one(tmp_path, data: bytes, **config):
    """Read one bag of these bytes: its line and the episodes."""
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in/a.bag").write_bytes(data)
    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s", **config)
    return files["a.bag"], episodes


@pytest.mark.parametrize("compression", ["", "lz4", "bz2"])
def test_a_bag_gives_its_messages_on_their_stamps(tmp_path, compression):
    path = ros1_bag(tmp_path / "in/a.bag", compression=compression)

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "s")

    camera, joints = episode.streams
    line = files["a.bag"]
    with Bag1(path) as bag:
        assert line.num_messages == bag.message_count == 48
    assert (line.status, line.num_frames, line.duration_ns) == ("ingested", 8, 40 * STEP_NS)
    assert joints.ts_ns.tolist() == [EPOCH_NS + step * STEP_NS for step in range(40)]
    places = [joints.channels.index(f"position.{n}") for n in range(3)]
    assert joints.values[7, places].tolist() == [7, 8, 9]
    assert (joints.clock.kind, joints.clock.skew["log_late_p50_ns"]) == ("stamp", LATE_NS)
    assert units_of(camera, stored) == [jpeg(step) for step in range(0, 40, 5)]
    assert episode.notes == ()


def test_log_time_is_taken_when_it_is_asked_for(tmp_path):
    ros1_bag(tmp_path / "in/a.bag")

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s", clock="log")

    joints = episode.streams[1]
    assert joints.clock.kind == "log"
    assert "log time is asked for" in joints.clock.how
    assert joints.ts_ns[0] == EPOCH_NS + LATE_NS


def test_a_clock_that_does_not_exist_is_named(tmp_path):
    data = ros1_bag(tmp_path / "a.bag").read_bytes()

    line, episodes = read_one(tmp_path, data, clock="wall")

    assert episodes == []
    assert "'wall', expected stamp, publish, log" in line.evidence["message"]


@FUZZ
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_bag_that_is_cut_anywhere_is_truncated_and_says_what_reads(tmp_path, share):
    whole = ros1_bag(tmp_path / "a.bag", compression="lz4", steps=20)
    data = whole.read_bytes()
    whole.unlink()
    cut = data[: max(14, int(len(data) * share))]

    line, episodes = read_one(tmp_path, cut)
    _, partial = read_one(tmp_path, cut, accept_partial=True)

    assert (line.status, line.reason, episodes) == ("quarantined", "TRUNCATED", [])
    assert line.num_messages <= 24
    assert sum(one.num_messages for each in partial for one in each.streams) == line.num_messages


def test_a_bag_that_was_never_closed_gives_all_its_chunks(tmp_path):
    data = bytearray(ros1_bag(tmp_path / "a.bag").read_bytes())
    at = data.index(b"index_pos=") + len(b"index_pos=")
    (index_at,) = struct.unpack_from("<Q", data, at)
    struct.pack_into("<Q", data, at, 0)

    line, _ = read_one(tmp_path, bytes(data[:index_at]))

    assert (line.reason, line.num_messages) == ("TRUNCATED", 48)
    assert "not closed" in line.evidence["ended"]


@pytest.mark.parametrize("compression", ["lz4", "bz2"])
def test_a_chunk_that_does_not_open_is_lost_with_its_count_and_span(tmp_path, compression):
    data = bytearray(ros1_bag(tmp_path / "a.bag", compression=compression).read_bytes())
    start = data.index(b"compression=") + 120  # in the first chunk, which declares the topics
    data[start : start + 40] = bytes(40)

    line, _ = read_one(tmp_path, bytes(data))
    _, (partial,) = read_one(tmp_path, bytes(data), accept_partial=True)

    lost = line.evidence["first_lost"]
    assert (line.reason, line.evidence["messages_promised"]) == ("CORRUPT", 48)
    assert lost["messages"] == 48 - line.num_messages > 0
    assert 0 < lost["offset"] < len(data)
    assert len(partial.gaps) == 1


@FUZZ
@given(place=st.integers(14, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_an_error_of_the_reader(tmp_path, place, bit):
    path = ros1_bag(tmp_path / "a.bag", compression="bz2", steps=10)
    data = bytearray(path.read_bytes())
    path.unlink()
    data[14 + place % (len(data) - 14)] ^= 1 << bit

    line, _ = read_one(tmp_path, bytes(data))

    assert line.reason != "READER_ERROR"
    assert line.num_messages <= 12


def test_a_bag_without_messages_has_no_content(tmp_path):
    line, _ = read_one(tmp_path, ros1_bag(tmp_path / "a.bag", steps=0).read_bytes())

    assert line.reason == "NO_CONTENT"


def test_an_encrypted_bag_is_named(tmp_path):
    fields = {b"op": b"\3", b"encryptor": b"rosbag/AesCbcEncryptor"}
    head = b"".join(
        struct.pack("<I", len(name) + 1 + len(value)) + name + b"=" + value
        for name, value in fields.items()
    )
    record = struct.pack("<I", len(head)) + head + struct.pack("<I", 0)

    line, _ = read_one(tmp_path, b"#ROSBAG V2.0\n" + record)

    assert line.reason == "ENCRYPTED"


def test_a_compression_that_nobody_knows_is_named(tmp_path):
    data = ros1_bag(tmp_path / "a.bag").read_bytes()

    line, _ = read_one(tmp_path, data.replace(b"compression=none", b"compression=zlib"))

    assert line.reason == "UNSUPPORTED_CODEC"


def test_a_definition_that_is_not_the_one_of_its_md5_is_noted(tmp_path):
    data = ros1_bag(tmp_path / "a.bag").read_bytes()

    _, (episode,) = read_one(tmp_path, data.replace(b"md5sum=3066", b"md5sum=3067"))

    assert "the definition of sensor_msgs/JointState has md5 3066dcd7" in episode.notes[0]
    assert np.isfinite(episode.streams[1].values).all()


def test_of_two_copies_of_a_definition_the_one_that_fits_its_md5_is_used(tmp_path):
    data = ros1_bag(tmp_path / "made.bag").read_bytes()
    at = data.rindex(b"float64[] position")
    line, (episode,) = read_one(tmp_path, data[:at] + b"gloat64" + data[at + 7 :])

    by_name = {one.name: one for one in episode.streams}
    assert line.status == "ingested"
    assert "position.0" in by_name["/joints"].channels
