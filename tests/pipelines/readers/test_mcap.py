"""MCAP logs: one stream a topic on its own stamps, whole or refused with what reads."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.ondisk import Numbers, Ordered
from pipelines.readers import columns
from pipelines.readers.muxing import is_key, mux_images
from pipelines.readers.packets import walk
from pipelines.records import stream_rows
from tests.pipelines.readers.recordings import EPOCH_NS, jpeg, read_all, robot_log
from tests.pipelines.readers.test_mcap_kinds import log

JOINT_STATE = """std_msgs/Header header
string[] name
float64[] position
================================================================================
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
"""
IMAGE = """std_msgs/Header header
string format
uint8[] data
================================================================================
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
"""


def payloads(stream, stored):
    """Return the bytes of each entry, cut out of the track by its index."""
    spans = zip(stream.index.offset, stream.index.size, strict=True)
    return [stored[stream.file_id][at : at + size] for at, size in spans]


def test_stamps_are_believed_before_log_times(tmp_path):
    robot_log(tmp_path / "in/a.mcap")

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "s", stamp_field="stamp_ns")

    camera, joints = episode.streams
    assert (camera.name, joints.name) == ("/camera", "/joints")
    assert camera.ts_ns.tolist() == [EPOCH_NS + n * 100_000_000 for n in range(20)]
    assert (camera.clock.kind, camera.clock.epoch) == ("stamp", "unix")
    assert camera.clock.skew["log_late_p50_ns"] == 40_000_000
    assert joints.channels == ("position.0", "position.1")
    assert joints.values[3].tolist() == [0.3, -3.0]
    assert joints.events is None
    assert files["a.mcap"].num_messages == 220
    index, track = camera.index, stored[camera.file_id]
    spans = list(zip(index.offset, index.size, strict=True))
    assert [track[at : at + size] for at, size in spans] == [jpeg(n) for n in range(20)]
    assert index.pts_ns.tolist() == camera.ts_ns.tolist()


def test_zero_stamps_fall_through_to_publish_times(tmp_path):
    robot_log(tmp_path / "in/a.mcap", stamped=False)

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s", stamp_field="stamp_ns")

    assert {one.clock.kind for one in episode.streams} == {"publish"}
    assert "stamp is zero" in episode.streams[0].clock.how
    assert episode.streams[0].ts_ns[0] == EPOCH_NS + 1_000_000


def test_a_log_without_its_end_says_how_much_reads(tmp_path):
    whole = robot_log(tmp_path / "a.mcap").read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/cut.mcap").write_bytes(whole[: len(whole) * 6 // 10])

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")
    _, (partial,), _ = read_all(tmp_path / "in", tmp_path / "s", accept_partial=True)

    line = files["cut.mcap"]
    assert (line.status, line.reason, episodes) == ("quarantined", "TRUNCATED", [])
    assert 0 < line.num_messages < 220
    assert sum(one.num_messages for one in partial.streams) == line.num_messages


def test_a_flipped_byte_costs_its_chunk_and_is_known(tmp_path):
    whole = bytearray(robot_log(tmp_path / "a.mcap").read_bytes())
    whole[whole.index(b'"position"', len(whole) // 2) + 3] ^= 1
    (tmp_path / "in").mkdir()
    (tmp_path / "in/bad.mcap").write_bytes(whole)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")
    _, (partial,), _ = read_all(tmp_path / "in", tmp_path / "s", accept_partial=True)

    line = files["bad.mcap"]
    assert line.reason == "CORRUPT"
    assert line.evidence["messages_promised"] == 220
    assert 150 < line.num_messages < 220
    assert len(partial.gaps) == 1


@pytest.mark.parametrize("compression", ["NONE", "LZ4", "ZSTD"])
def test_damage_anywhere_is_known_or_does_no_harm(compression, tmp_path):
    whole = robot_log(tmp_path / "a.mcap", compression=compression).read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mcap").write_bytes(whole)
    _, (unharmed,), _ = read_all(tmp_path / "in", tmp_path / "s")
    outcomes = set()

    for number in range(40):
        at = len(whole) * number // 40 + 11
        bad = whole[:at] + bytes(255 - byte for byte in whole[at : at + 3]) + whole[at + 3 :]
        (tmp_path / "in/a.mcap").write_bytes(bad)
        files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")
        outcomes.add(files["a.mcap"].reason)
        for episode in episodes:
            for stream, before in zip(episode.streams, unharmed.streams, strict=True):
                assert stream.ts_ns.tolist() == before.ts_ns.tolist()
                assert stream.values is None or (stream.values == before.values).all()

    assert "CORRUPT" in outcomes
    assert outcomes <= {"", "CORRUPT"}


@pytest.mark.parametrize("stamp", [2**63, 2**64 - 1])
def test_a_time_that_no_clock_shows_breaks_the_clock(stamp, tmp_path):
    from mcap.writer import Writer

    (tmp_path / "in").mkdir()
    with (tmp_path / "in/a.mcap").open("wb") as file:
        writer = Writer(file)
        writer.start()
        channel = writer.register_channel("/x", "json", 0)
        for log_time in (EPOCH_NS, stamp):
            writer.add_message(channel, log_time, b'{"x": 1}', log_time)
        writer.finish()

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.mcap"].reason, files["a.mcap"].num_messages) == ("CLOCK_BROKEN", 2)


def test_ros_messages_give_numbers_words_and_pictures(tmp_path):
    from mcap_ros2.writer import Writer

    (tmp_path / "in").mkdir()
    with (tmp_path / "in/a.mcap").open("wb") as file:
        writer = Writer(file)
        joints = writer.register_msgdef("sensor_msgs/msg/JointState", JOINT_STATE)
        image = writer.register_msgdef("sensor_msgs/msg/CompressedImage", IMAGE)
        for step in range(10):
            stamp = SimpleNamespace(sec=1_700_000_000, nanosec=step * 10_000_000)
            header = SimpleNamespace(stamp=stamp, frame_id="arm")
            state = SimpleNamespace(header=header, name=["a", "b"], position=[step, 0.5])
            shot = SimpleNamespace(header=header, format="jpeg", data=jpeg(step))
            late = 1_700_000_000_000_000_000 + step * 10_000_000 + 5_000_000
            writer.write_message("/joints", joints, state, late, late)
            writer.write_message("/shots", image, shot, late, late)
        writer.finish()

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    arm, shots = episode.streams
    assert files["a.mcap"].status == "ingested"
    assert arm.channels == ("position.0", "position.1")
    assert arm.ts_ns[1] == 1_700_000_000_010_000_000
    assert '"name": ["a", "b"]' in arm.events[0]
    assert (shots.kind, shots.codec, shots.num_frames) == ("video", "mjpeg", 10)


@pytest.mark.parametrize("encoding", ["ros2", "json"])
def test_a_topic_too_large_to_hold_reads_the_same_from_files(tmp_path, monkeypatch, encoding):
    """Messages of two widths, in an order that is not that of their stamps, some with words."""
    (tmp_path / "in").mkdir()
    write = {"ros2": arms_in_ros2, "json": arms_in_json}[encoding]
    write(tmp_path / "in/a.mcap", messages=10_000)
    _, (held,), _ = read_all(tmp_path / "in", tmp_path / "held")
    monkeypatch.setattr(columns, "LARGE", 20_000)
    _, (spilled,), _ = read_all(tmp_path / "in", tmp_path / "spilled")

    ((arm,), (same,)) = (one.streams for one in (held, spilled))
    assert isinstance(arm.values, np.ndarray)
    assert isinstance(same.values, Numbers)
    assert isinstance(same.events, Ordered)
    digests = [[row["sha256"][0] for row in stream_rows(one, "batch")] for one in (held, spilled)]
    assert digests[0] == digests[1]
    assert np.isnan(arm.values).any()
    assert len(set(arm.events)) > 1_000
    assert not list((tmp_path / "spilled").glob("tmp*"))  # its files go with the episode's objects


def arms(messages):
    """Yield (time in ns, name of a joint, positions) in the order of a log."""
    rng = np.random.default_rng(3)
    for number, step in enumerate(rng.permutation(messages).tolist()):
        width = 2 + (number // 100) % 2
        yield EPOCH_NS + step * 10**6, f"joint {step // 5}", [step / 7, *range(1, width)]


def arms_in_ros2(path, *, messages):
    from mcap_ros2.writer import Writer

    with path.open("wb") as file:
        writer = Writer(file)
        joints = writer.register_msgdef("sensor_msgs/msg/JointState", JOINT_STATE)
        for time_ns, name, position in arms(messages):
            stamp = SimpleNamespace(sec=time_ns // 10**9, nanosec=time_ns % 10**9)
            header = SimpleNamespace(stamp=stamp, frame_id="arm")
            state = SimpleNamespace(header=header, name=[name], position=position)
            writer.write_message("/joints", joints, state, time_ns, time_ns)
        writer.finish()


def arms_in_json(path, *, messages):
    from mcap.writer import Writer

    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(profile="", library="test")
        schema = writer.register_schema("joints", "jsonschema", b"{}")
        channel = writer.register_channel("/joints", "json", schema)
        for time_ns, name, position in arms(messages):
            doc = {"stamp_ns": time_ns, "name": name, "position": position}
            writer.add_message(channel, time_ns, json.dumps(doc).encode(), time_ns)
        writer.finish()


def test_an_encoding_nobody_knows_is_kept_as_bytes(tmp_path):
    from mcap.writer import Writer

    sink = io.BytesIO()
    writer = Writer(sink)
    writer.start()
    schema = writer.register_schema("Thing", "protobuf", b"")
    channel = writer.register_channel("/thing", "protobuf", schema)
    for step in range(3):
        writer.add_message(channel, EPOCH_NS + step, bytes([step]), EPOCH_NS + step)
    writer.finish()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mcap").write_bytes(sink.getvalue())

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "s")

    (thing,) = episode.streams
    assert files["a.mcap"].num_messages == 3
    assert (thing.kind, thing.events[1]) == ("event", '{"message": "1 bytes"}')
    assert payloads(thing, stored) == [b"\0", b"\1", b"\2"]
    assert "nothing decodes" in episode.notes[0]


def test_a_log_without_messages_has_no_content(tmp_path):
    from mcap.writer import Writer

    sink = io.BytesIO()
    writer = Writer(sink)
    writer.start()
    writer.finish()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mcap").write_bytes(sink.getvalue())

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.mcap"].reason == "NO_CONTENT"


def test_a_long_pause_between_pictures_is_kept_to_the_nanosecond(tmp_path):
    times = np.array([5, 100_000_007, 60_000_000_009], np.int64)
    images = [(int(time), jpeg(n)) for n, time in enumerate(times)]

    track = mux_images(images, "mjpeg", tmp_path / "t", ts_ns=times, head=jpeg(0))

    seen = walk(track.path).pictures[0]
    assert [(pts or 0) + 5 for pts in seen.unit_pts] == times.tolist()
    assert seen.num_frames == 3


def test_a_parameter_set_starts_a_picture_group():
    assert is_key("h264", b"\x00\x00\x00\x01\x67\x42")
    assert not is_key("h264", b"\x00\x00\x00\x01\x41\x9a")
    assert is_key("mjpeg", b"\xff\xd8")


@pytest.mark.parametrize("name", ["nowhere", "log_time"])
def test_a_declared_stamp_that_is_not_there_breaks_the_clock(tmp_path, name):
    robot_log(tmp_path / "in/a.mcap")

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s", stamp_field=name)

    assert (files["a.mcap"].reason, episodes) == ("CLOCK_BROKEN", [])


@pytest.mark.parametrize(
    ("config", "written"),
    [
        ({"time_unit": "ns"}, lambda ns: ns),
        ({"time_unit": "s"}, lambda ns: ns / 1e9),
        ({}, lambda ns: ns // 1_000),
        ({}, lambda ns: np.datetime_as_string(np.datetime64(ns, "ns")) + "Z"),
    ],
)
def test_a_declared_stamp_is_read_in_its_unit(tmp_path, config, written):
    times = [EPOCH_NS + step * 40_000_000 for step in range(5)]
    bodies = [json.dumps({"t": written(ns), "x": 1}).encode() for ns in times]
    log(tmp_path / "in/a.mcap", ("it", "jsonschema", b"{}"), "json", bodies)

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s", stamp_field="t", **config)

    (stream,) = episode.streams
    assert (stream.clock.kind, stream.channels) == ("stamp", ("x",))
    assert stream.ts_ns.tolist() == times
