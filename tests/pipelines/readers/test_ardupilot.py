"""ArduPilot logs: types, instances, scales, words; whole, padded, cut and damaged."""

from __future__ import annotations

import json
import struct

import pytest

from tests.pipelines.readers.recordings import read_all

START_US = 5_000_000
IMU, MSG, GPS, FMTU = 140, 141, 142, 64
HEAD = b"\xa3\x95"


def fmt(number: int, length: int, name: str, letters: str, columns: str) -> bytes:
    parts = (name.encode(), letters.encode(), columns.encode())
    return HEAD + bytes([128]) + struct.pack("<BB4s16s64s", number, length, *parts)


def message(number: int, layout: str, *values: object) -> bytes:
    return HEAD + bytes([number]) + struct.pack("<" + layout, *values)


def log(rows: int = 50) -> bytes:
    """Two gyros at 100 Hz, a fix every tenth step, one word."""
    parts = [
        fmt(128, 89, "FMT", "BBnNZ", "Type,Length,Name,Format,Columns"),
        fmt(IMU, 3 + 8 + 1 + 8, "IMU", "QBff", "TimeUS,I,GyrX,GyrY"),
        fmt(MSG, 3 + 8 + 64, "MSG", "QZ", "TimeUS,Message"),
        fmt(GPS, 3 + 8 + 4 + 2, "GPS", "QLC", "TimeUS,Lat,Spd"),
        fmt(FMTU, 3 + 8 + 1 + 16 + 16, "FMTU", "QBNN", "TimeUS,FmtType,UnitIds,MultIds"),
        message(FMTU, "QB16s16s", 1, IMU, b"s#EE", b"F---"),
        message(MSG, "Q64s", START_US, b"ArduCopter V4.5"),
    ]
    for step in range(rows):
        time = START_US + step * 10_000
        parts += [message(IMU, "QBff", time, one, step, -step) for one in (0, 1)]
        if step % 10 == 0:
            parts.append(message(GPS, "QiH", time, 476543210 + step, 1234))
    return b"".join(parts)


def read(tmp_path, data: bytes, **config):
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in/flight.bin").write_bytes(data)
    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch", **config)
    return lines["flight.bin"], episodes


def test_each_type_and_instance_is_a_stream_in_its_own_units(tmp_path):
    line, (episode,) = read(tmp_path, log())

    by_name = {one.name: one for one in episode.streams}
    assert {name: one.num_messages for name, one in by_name.items()} == {
        "GPS": 5, "IMU": 50, "IMU.1": 50, "MSG": 1,
    }  # fmt: skip
    assert (line.status, line.num_messages, line.reader) == ("ingested", 106, "ardupilot@3")
    assert line.duration_ns == pytest.approx(490_000_000, abs=10_000_000)
    imu = by_name["IMU.1"]
    assert imu.channels == ("I", "GyrX", "GyrY")
    assert imu.values[3].tolist() == [1.0, 3.0, -3.0]
    assert imu.ts_ns[:2].tolist() == [START_US * 1_000, START_US * 1_000 + 10_000_000]
    assert (imu.clock.kind, imu.clock.epoch, imu.clock.resolution_ns) == ("stamp", "boot", 1_000)
    assert by_name["GPS"].values[1].tolist() == pytest.approx([47.6543220, 12.34])
    assert json.loads(by_name["MSG"].events[0]) == {"Message": "ArduCopter V4.5"}


@pytest.mark.parametrize("padding", [b"\x00", b"\xff"])
def test_space_that_was_not_written_yet_is_no_damage(padding, tmp_path):
    line, _ = read(tmp_path, log() + padding * 5_000)

    assert (line.status, line.num_messages) == ("ingested", 106)


@pytest.mark.parametrize("missing", [1, 7, 17, 18])
def test_a_log_that_ends_inside_a_message_is_cut(missing, tmp_path):
    line, episodes = read(tmp_path, log(rows=49)[:-missing])

    assert (line.reason, episodes) == ("TRUNCATED", [])
    assert line.num_messages == 1 + 5 + 98 - 1


def test_bytes_that_are_no_message_are_damage_with_its_place(tmp_path):
    whole = log()
    at = whole.index(HEAD + bytes([IMU]), 2_000)
    bad = whole[:at] + b"\x55" * 20 + whole[at + 20 :]

    line, episodes = read(tmp_path, bad)
    assert (line.reason, line.num_messages, episodes) == ("CORRUPT", 105, [])
    assert line.evidence["places"][0] == (at, 20)

    line, (episode,) = read(tmp_path, bad, accept_partial=True)
    assert (line.status, line.num_messages) == ("ingested", 105)
    assert "partial: 1 places lost" in episode.notes


def test_whole_numbers_that_no_float_keeps_stay_whole(tmp_path):
    big = 2**60 + 1
    data = fmt(128, 89, "FMT", "BBnNZ", "Type,Length,Name,Format,Columns")
    data += fmt(150, 19, "ID", "QQ", "TimeUS,Serial") + message(150, "QQ", START_US, big)

    _, (episode,) = read(tmp_path, data)

    assert json.loads(episode.streams[0].events[0]) == {"Serial": big}


def test_arrays_give_a_channel_an_entry(tmp_path):
    data = fmt(128, 89, "FMT", "BBnNZ", "Type,Length,Name,Format,Columns")
    data += fmt(151, 3 + 8 + 64, "ISBD", "Qa", "TimeUS,x")
    data += message(151, "Q32h", START_US, *range(32))

    _, (episode,) = read(tmp_path, data)

    (stream,) = episode.streams
    assert (stream.channels[5], stream.values[0, 5], len(stream.channels)) == ("x.5", 5.0, 32)


@pytest.mark.parametrize(
    "definition",
    [
        fmt(150, 99, "BAD", "Qf", "TimeUS,x"),  # another length than its fields have
        fmt(150, 15, "BAD", "Qf", "TimeUS"),
        fmt(150, 15, "BAD", "Q?", "TimeUS,x"),
        fmt(150, 15, "BAD", "Qf", "TimeUS,TimeUS"),
    ],
)
def test_messages_of_a_type_that_is_defined_badly_are_damage(definition, tmp_path):
    line, _ = read(tmp_path, log() + definition + message(150, "Qf", START_US, 1.0))

    assert (line.reason, line.num_messages) == ("CORRUPT", 106)


def test_a_log_that_only_describes_itself_has_no_content(tmp_path):
    line, _ = read(tmp_path, fmt(128, 89, "FMT", "BBnNZ", "Type,Length,Name,Format,Columns"))

    assert line.reason == "NO_CONTENT"


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b"FMT, 128, 89, FMT, BBnNZ, Type,Length,Name,Format,Columns\nMSG, 1, up\n", "as text"),
        (struct.pack(">Q", 1_700_000_000_000_000) + b"\xfd" + bytes(40), "telemetry"),
    ],
)
def test_other_logs_of_its_kind_are_recognised(data, looks, tmp_path):
    line, _ = read(tmp_path, data)

    assert line.status == "unsupported"
    assert looks in json.dumps(line.evidence)


def test_one_stamp_that_makes_a_flight_last_years_breaks_the_clock(tmp_path):
    late = message(IMU, "QBff", START_US + (1 << 45), 0, 0, 0)

    line, episodes = read(tmp_path, log() + late)

    assert (line.reason, episodes) == ("CLOCK_BROKEN", [])
