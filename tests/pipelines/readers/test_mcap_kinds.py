"""What stands in MCAP logs: protobuf, pictures of every kind, video from the middle, damage."""

from __future__ import annotations

import io
import json
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.readers.decode import Coding, decode_units
from tests.pipelines.readers.bags import HUMBLE, IMAGE, JOINTS, NOETIC, image, joints, units_of
from tests.pipelines.readers.recordings import EPOCH_NS, jpeg, picture, read_all, robot_log

STEP_NS = 40_000_000
FUZZ = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def log(
    path: Path, schema: tuple[str, str, bytes], encoding: str, bodies: list[bytes], **how
) -> Path:
    """Write one topic of messages, 40 ms apart."""
    from mcap.writer import Writer

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        writer = Writer(file, **how)
        writer.start(profile="ros2" if encoding == "cdr" else "")
        name, kind, text = schema
        number = writer.register_schema(name, kind, text)
        channel = writer.register_channel("/it", encoding, number)
        for step, body in enumerate(bodies):
            time = EPOCH_NS + step * STEP_NS
            writer.add_message(channel, time + 2_000_000, body, time)
        writer.finish()
    return path


def ros_log(path: Path, name: str, told: list[Any], **how) -> Path:
    text = HUMBLE.generate_msgdef(name, ros_version=2)[0].encode()
    bodies = [bytes(HUMBLE.serialize_cdr(one, name)) for one in told]
    return log(path, (name, "ros2msg", text), "cdr", bodies, **how)


def film_packets(codec: str, count: int, gop: int) -> list[bytes]:
    """Encode a film whose packets are Annex-B access units."""
    context: Any = av.CodecContext.create({"h264": "libx264", "hevc": "libx265"}[codec], "w")
    context.width, context.height, context.pix_fmt = 96, 64, "yuv420p"
    context.framerate, context.time_base = 25, Fraction(1, 25)
    keys = {"h264": "repeat-headers=1:scenecut=0", "hevc": "repeat-headers=1:log-level=none"}[codec]
    context.options = {
        "bf": "0",
        "g": str(gop),
        "tune": "zerolatency",
        {"h264": "x264-params", "hevc": "x265-params"}[codec]: keys,
    }
    packets = []
    for number in [*range(count), None]:
        frame = None
        if number is not None:
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame.pts = number
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets


def foxglove(name: str, fields: list[tuple[str, int, int, str]]) -> tuple[bytes, Any]:
    """Describe a protobuf message; return its descriptors and its class."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

    file = descriptor_pb2.FileDescriptorProto(name="it.proto", package="foxglove", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    message = file.message_type.add(name=name)
    for label, number, kind, type_name in fields:
        how = {"type_name": type_name} if type_name else {}
        message.field.add(name=label, number=number, type=kind, label=1, **how)
    every = descriptor_pb2.FileDescriptorSet()
    every.file.add().ParseFromString(timestamp_pb2.DESCRIPTOR.serialized_pb)
    every.file.append(file)
    pool = descriptor_pool.DescriptorPool()
    for one in every.file:
        pool.AddSerializedFile(one.SerializeToString())
    return every.SerializeToString(), message_factory.GetMessageClass(
        pool.FindMessageTypeByName(f"foxglove.{name}")
    )


def compressed_video(path: Path, codec: str, packets: list[bytes]) -> Path:
    fields = [
        ("timestamp", 1, 11, ".google.protobuf.Timestamp"),
        ("frame_id", 2, 9, ""),
        ("data", 3, 12, ""),
        ("format", 4, 9, ""),
    ]
    text, kind = foxglove("CompressedVideo", fields)
    bodies = []
    for step, data in enumerate(packets):
        message = kind(frame_id="eye", data=data, format="h265" if codec == "hevc" else codec)
        message.timestamp.FromNanoseconds(EPOCH_NS + step * STEP_NS)
        bodies.append(message.SerializeToString())
    return log(path, ("foxglove.CompressedVideo", "protobuf", text), "protobuf", bodies)


def test_protobuf_messages_give_numbers_words_and_their_stamp(tmp_path):
    fields = [
        ("timestamp", 1, 11, ".google.protobuf.Timestamp"),
        ("speed", 2, 1, ""),
        ("gear", 3, 5, ""),
        ("name", 4, 9, ""),
    ]
    text, kind = foxglove("Drive", fields)
    bodies = []
    for step in range(5):
        message = kind(speed=step / 2, gear=0, name="car")
        message.timestamp.FromNanoseconds(EPOCH_NS + step)
        bodies.append(message.SerializeToString())
    log(tmp_path / "in/a.mcap", ("foxglove.Drive", "protobuf", text), "protobuf", bodies)

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    (drive,) = episode.streams
    assert (files["a.mcap"].num_messages, drive.clock.kind) == (5, "stamp")
    assert drive.ts_ns.tolist() == [EPOCH_NS + step for step in range(5)]
    assert drive.channels == ("speed", "gear")
    assert drive.values[3].tolist() == [1.5, 0]
    assert drive.events[3] == '{"name": "car"}'


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_video_from_the_middle_is_a_gap_until_its_first_key_picture(tmp_path, codec):
    packets = film_packets(codec, 30, gop=10)[4:]
    compressed_video(tmp_path / "in/a.mcap", codec, packets)

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "s")

    (eye,) = episode.streams
    line = files["a.mcap"]
    assert (line.status, line.num_messages, line.num_frames) == ("ingested", 26, 20)
    assert line.duration_ns == 26 * STEP_NS
    assert episode.gaps == ((EPOCH_NS, EPOCH_NS + 6 * STEP_NS),)
    assert eye.ts_ns.tolist() == [EPOCH_NS + step * STEP_NS for step in range(6, 26)]
    assert units_of(eye, stored) == packets
    assert (eye.index.pts_ns - EPOCH_NS).tolist() == [step * STEP_NS for step in range(26)]
    assert np.flatnonzero(eye.index.key).tolist() == [6, 16]


def test_video_without_any_key_picture_is_kept_as_bytes(tmp_path):
    packets = film_packets("h264", 9, gop=10)[1:]
    compressed_video(tmp_path / "in/a.mcap", "h264", packets)

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "s")

    (eye,) = episode.streams
    assert (eye.kind, files["a.mcap"].num_messages, files["a.mcap"].num_frames) == ("event", 8, 0)
    assert units_of(eye, stored) == packets


@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [("rgb8", "rgb24"), ("mono8", "gray"), ("16UC1", "gray16le"), ("bgra8", "bgra")],
)
@pytest.mark.parametrize("pad", [0, 5])
def test_pictures_that_are_not_encoded_are_kept_as_they_are(tmp_path, encoding, pixels, pad):
    told = [image(HUMBLE, step, encoding=encoding, pad=pad) for step in range(3)]
    ros_log(tmp_path / "in/a.mcap", IMAGE, told)

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "s")

    (eye,) = episode.streams
    units = units_of(eye, stored)
    assert (files["a.mcap"].num_frames, eye.codec, eye.pixels) == (3, "rawvideo", pixels)
    assert (eye.width, eye.height) == (8, 6)
    assert [set(unit) for unit in units] == [{0}, {1}, {2}]
    coding = Coding(codec="rawvideo", width=8, height=6, pixels=pixels)
    shown = list(decode_units(coding, enumerate(units)))
    assert [int(frame.to_ndarray().max()) & 255 for frame in shown] == [0, 1, 2]


def test_a_picture_of_pixels_nobody_knows_is_kept_as_bytes(tmp_path):
    ros_log(
        tmp_path / "in/a.mcap", IMAGE, [image(HUMBLE, step, encoding="64FC9") for step in (0, 1)]
    )

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "s")

    (eye,) = episode.streams
    assert (eye.kind, files["a.mcap"].num_messages) == ("vector", 2)
    assert eye.channels == ("height", "width", "is_bigendian", "step")
    assert '"encoding": "64FC9"' in eye.events[0]
    assert [len(unit) for unit in units_of(eye, stored)] == [6 * 32] * 2


def test_points_are_kept_as_bytes_beside_their_numbers(tmp_path):
    name = "sensor_msgs/msg/PointCloud2"
    types: Any = HUMBLE.types
    field = types["sensor_msgs/msg/PointField"]("x", 0, 7, 1)
    now = joints(HUMBLE, 1).header
    told = [
        types[name](now, 1, n + 1, [field], False, 4, 4, np.full(4 * n, n, np.uint8), True)
        for n in range(3)
    ]
    ros_log(tmp_path / "in/a.mcap", name, told)

    _, (episode,), stored = read_all(tmp_path / "in", tmp_path / "s", clock="log")

    (cloud,) = episode.streams
    assert units_of(cloud, stored) == [b"", b"\1" * 4, b"\2" * 8]
    assert cloud.values[:, cloud.channels.index("width")].tolist() == [1, 2, 3]
    assert json.loads(cloud.events[1])["data"] == "4 bytes"


def test_a_topic_of_pictures_that_change_their_codec_is_kept_as_bytes(tmp_path):
    bodies = [
        json.dumps({"format": how, "data": "AAAA"}).encode() for how in ("jpeg", "png", "jpeg")
    ]
    log(tmp_path / "in/a.mcap", ("it", "jsonschema", b"{}"), "json", bodies)

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (episode.streams[0].kind, files["a.mcap"].num_messages) == ("event", 3)


def test_pictures_that_do_not_decode_make_a_log_corrupt(tmp_path):
    whole = [jpeg(step) for step in range(6)]
    whole[3] = whole[3][:60]
    kind: Any = HUMBLE.types["sensor_msgs/msg/CompressedImage"]
    told = [
        kind(joints(HUMBLE, step).header, "jpeg", np.frombuffer(data, np.uint8))
        for step, data in enumerate(whole)
    ]
    ros_log(tmp_path / "in/a.mcap", "sensor_msgs/msg/CompressedImage", told)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")
    _, (partial,), _ = read_all(tmp_path / "in", tmp_path / "s", accept_partial=True)

    assert (files["a.mcap"].reason, episodes) == ("CORRUPT", [])
    assert (files["a.mcap"].num_messages, files["a.mcap"].num_frames) == (6, 5)
    assert len(partial.gaps) == 1
    assert len(partial.streams[0].ts_ns) == 5


@pytest.mark.parametrize(
    ("config", "kind", "written"),
    [
        ({"time_unit": "ms"}, "int64", lambda ns: ns // 10**6),
        ({"time_unit": "s"}, "float64", lambda ns: ns / 1e9),
        ({}, "uint64", lambda ns: ns // 1_000),
    ],
)
def test_plain_numbers_of_ros_are_times_where_the_source_says_so(tmp_path, config, kind, written):
    times = [EPOCH_NS + step * 40_000_000 for step in range(5)]
    text = f"{kind} t\nfloat64 x\n".encode()
    form = {"int64": "<qd", "float64": "<dd", "uint64": "<Qd"}[kind]
    bodies = [b"\x00\x01\x00\x00" + struct.pack(form, written(ns), 1.5) for ns in times]
    log(tmp_path / "in/a.mcap", ("a/msg/T", "ros2msg", text), "cdr", bodies)

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s", stamp_field="t", **config)

    (stream,) = episode.streams
    assert (stream.clock.kind, stream.channels) == ("stamp", ("x",))
    assert stream.ts_ns.tolist() == times


def test_plain_numbers_of_ros_of_no_known_unit_break_the_clock(tmp_path):
    bodies = [b"\x00\x01\x00\x00" + struct.pack("<qd", step * 40, 1.5) for step in range(5)]
    log(tmp_path / "in/a.mcap", ("a/msg/T", "ros2msg", b"int64 t\nfloat64 x\n"), "cdr", bodies)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s", stamp_field="t")

    assert (files["a.mcap"].reason, episodes) == ("CLOCK_BROKEN", [])
    assert "time_unit" in files["a.mcap"].evidence["way_out"]


def test_log_time_is_taken_only_when_it_is_asked_for(tmp_path):
    robot_log(tmp_path / "in/a.mcap")

    _, (trusted,), _ = read_all(tmp_path / "in", tmp_path / "s", stamp_field="stamp_ns")
    _, (asked,), _ = read_all(tmp_path / "in", tmp_path / "s", stamp_field="stamp_ns", clock="log")

    assert {one.clock.kind for one in trusted.streams} == {"stamp"}
    assert {one.clock.kind for one in asked.streams} == {"log"}
    assert asked.streams[0].ts_ns[0] == trusted.streams[0].ts_ns[0] + 40_000_000


@pytest.mark.parametrize("compression", ["NONE", "LZ4", "ZSTD"])
def test_a_damaged_chunk_is_named_by_its_place_and_its_messages(tmp_path, compression):
    from mcap.writer import CompressionType

    told = [joints(HUMBLE, step) for step in range(300)]
    how = {"chunk_size": 4_000, "compression": CompressionType[compression]}
    data = bytearray(ros_log(tmp_path / "a.mcap", JOINTS, told, **how).read_bytes())
    chunk = next(at for at in chunks(data) if at > len(data) // 4)
    data[chunk + 200 : chunk + 210] = bytes(10)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mcap").write_bytes(data)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")
    _, (partial,), _ = read_all(tmp_path / "in", tmp_path / "s", accept_partial=True)

    line = files["a.mcap"]
    lost = line.evidence["first_lost"]
    assert (line.reason, line.evidence["messages_promised"], lost["offset"]) == (
        "CORRUPT",
        300,
        chunk,
    )
    assert line.evidence["lost_messages"] == 300 - line.num_messages > 0
    assert len(partial.gaps) == 1


def chunks(data: bytes | bytearray) -> list[int]:
    """Return where the chunk records of an MCAP file begin."""
    found, at = [], 8
    while at + 9 <= len(data) - 8:
        opcode, length = struct.unpack_from("<BQ", data, at)
        found += [at] if opcode == 6 else []
        at += 9 + length
    return found


@FUZZ
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_log_that_is_cut_anywhere_is_truncated_and_says_what_reads(tmp_path, share):
    whole = robot_log(tmp_path / "a.mcap", seconds=1).read_bytes()
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in/a.mcap").write_bytes(whole[: max(8, int(len(whole) * share))])

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")
    _, partial, _ = read_all(tmp_path / "in", tmp_path / "s", accept_partial=True)

    line = files["a.mcap"]
    assert (line.reason, episodes) == ("TRUNCATED", [])
    assert sum(one.num_messages for each in partial for one in each.streams) == line.num_messages


@FUZZ
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_or_does_no_harm(tmp_path, place, bit):
    told = [joints(HUMBLE, step) for step in range(40)]
    data = bytearray(ros_log(tmp_path / "a.mcap", JOINTS, told, chunk_size=1_000).read_bytes())
    data[8 + place % (len(data) - 8)] ^= 1 << bit
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in/a.mcap").write_bytes(data)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    line = files["a.mcap"]
    assert line.reason in {"", "CORRUPT", "TRUNCATED", "UNSUPPORTED_CODEC"}
    if line.status == "ingested":
        positions = episodes[0].streams[0].values[:, 0].tolist()
        assert positions == [float(step) for step in range(40)]


def test_the_checksum_of_the_data_section_is_compared(tmp_path):
    from mcap.writer import IndexType

    told = [joints(HUMBLE, step) for step in range(9)]
    how = {"use_chunking": False, "enable_data_crcs": True, "index_types": IndexType.NONE}
    path = ros_log(tmp_path / "a.mcap", JOINTS, told, **how)
    data = bytearray(path.read_bytes())
    (tmp_path / "in").mkdir()
    (tmp_path / "in/whole.mcap").write_bytes(data)
    data[data.rindex(b"joint_2") + 30] ^= 1
    (tmp_path / "in/bad.mcap").write_bytes(data)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["whole.mcap"].status == "ingested"
    assert files["bad.mcap"].reason == "CORRUPT"
    assert "data section" in files["bad.mcap"].evidence["first_lost"]["message"]


@pytest.mark.parametrize("what", ["summary", "behind", "first"])
def test_damage_that_costs_no_message_is_found_too(tmp_path, what):
    whole = robot_log(tmp_path / "a.mcap").read_bytes()
    data = bytearray(whole)
    if what == "summary":
        data[-40] ^= 0xFF
    elif what == "first":
        data[8] ^= 0xFF
    else:
        data += b"more"
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mcap").write_bytes(data)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.mcap"].reason == ("TRUNCATED" if what == "behind" else "CORRUPT")
    assert episodes == []


@pytest.mark.parametrize("damaged", [False, True])
def test_pictures_that_no_container_takes_lie_end_to_end(tmp_path, damaged):
    store = HUMBLE.types
    kind: Any = store["sensor_msgs/msg/CompressedImage"]
    bodies = [webp(number) for number in range(5)]
    sent = [*bodies[:3], bodies[3][:30] if damaged else bodies[3], bodies[4]]
    told = [
        kind(joints(HUMBLE, step).header, "webp", np.frombuffer(data, np.uint8))
        for step, data in enumerate(sent)
    ]
    ros_log(tmp_path / "in/a.mcap", "sensor_msgs/msg/CompressedImage", told)

    files, episodes, stored = read_all(tmp_path / "in", tmp_path / "s", accept_partial=damaged)

    assert files["a.mcap"].status == "ingested"
    (stream,) = episodes[0].streams
    shown = [0, 1, 2, 4] if damaged else [0, 1, 2, 3, 4]
    assert (stream.codec, stream.width, stream.height) == ("webp", 96, 64)
    assert (stream.num_frames, stream.num_messages) == (len(shown), 5)
    assert units_of(stream, stored) == [sent[number] for number in shown]
    assert len(episodes[0].gaps) == damaged


def webp(number: int) -> bytes:
    """Encode one picture as WebP."""
    context: Any = av.CodecContext.create("libwebp", "w")
    context.width, context.height, context.pix_fmt = 96, 64, "yuv420p"
    context.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
    packets = [*context.encode(frame.reformat(format="yuv420p")), *context.encode(None)]
    return bytes(packets[0])


def test_two_kinds_of_messages_on_one_topic_are_two_streams(tmp_path):
    from mcap.writer import Writer

    sink = io.BytesIO()
    writer = Writer(sink)
    writer.start()
    for number, name in enumerate(("std_msgs/msg/Float64", "std_msgs/msg/Bool")):
        text = HUMBLE.generate_msgdef(name, ros_version=2)[0].encode()
        channel = writer.register_channel(
            "/it", "cdr", writer.register_schema(name, "ros2msg", text)
        )
        message = HUMBLE.types[name](1)
        body = bytes(HUMBLE.serialize_cdr(message, name))
        writer.add_message(channel, EPOCH_NS + number, body, EPOCH_NS + number)
    writer.finish()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.mcap").write_bytes(sink.getvalue())

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert [one.name for one in episode.streams] == ["/it", "/it#2"]


def test_ros_1_messages_in_a_log_are_read_by_their_definition(tmp_path):
    text = NOETIC.generate_msgdef(JOINTS, ros_version=1)[0].encode()
    bodies = [bytes(NOETIC.serialize_ros1(joints(NOETIC, step), JOINTS)) for step in range(4)]
    log(tmp_path / "in/a.mcap", ("sensor_msgs/JointState", "ros1msg", text), "ros1", bodies)

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    (arm,) = episode.streams
    assert arm.values[3, arm.channels.index("position.2")] == 5
    assert arm.clock.kind == "stamp"


@pytest.mark.parametrize("start", ["", "=" * 80 + "\nIDL: test/msg/Thing\n"])
def test_idl_definitions_that_are_laid_end_to_end_are_read(tmp_path, start):
    thing = "module test { module msg { struct Thing { test::msg::In inner; double x; }; }; };\n"
    inner = "module test { module msg { struct In { unsigned long q; }; }; };\n"
    text = f"{start}{thing}{'=' * 80}\nIDL: test/msg/In\n{inner}".encode()
    bodies = [b"\0\1\0\0" + struct.pack("<I4xd", step, step / 2) for step in range(3)]
    log(tmp_path / "in/a.mcap", ("test/msg/Thing", "ros2idl", text), "cdr", bodies)

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert episode.streams[0].channels == ("inner.q", "x")
    assert episode.streams[0].values[2].tolist() == [2, 1]


def test_times_and_depths_that_nothing_can_hold_are_no_error_of_the_reader(tmp_path):
    deep = '{"a":' * 500 + "1" + "}" * 500
    bodies = [
        b'{"stamp_ns": 1%s, "x": 1}' % (b"0" * 40),
        b'{"stamp": {"sec": "soon"}, "x": 1}',
        b'{"stamp": {"sec": 1e300}, "x": 1}',
        deep.encode(),
    ]
    log(tmp_path / "in/a.mcap", ("it", "jsonschema", b"{}"), "json", bodies)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.mcap"].reason in {"", "CORRUPT"}
