"""PX4 flight logs: topics, instances, dropouts, words; whole, cut and damaged."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from tests.pipelines.readers.recordings import read_all

START = 1_000_000


def message(kind: str, body: bytes) -> bytes:
    return struct.pack("<HB", len(body), ord(kind)) + body


def info(key: str, value: str) -> bytes:
    name = f"char[{len(value)}] {key}".encode()
    return message("I", bytes([len(name)]) + name + value.encode())


def added(number: int, name: str, instance: int = 0) -> bytes:
    return message("A", struct.pack("<BH", instance, number) + name.encode())


def row(number: int, time_us: int, *values: float) -> bytes:
    return message(
        "D", struct.pack("<HQ", number, time_us) + struct.pack(f"<{len(values)}f", *values)
    )


def ulog(path: Path, *, rows: int = 50, words: bool = True) -> Path:
    """Write a log of two accelerometers at 250 Hz and one attitude, with one dropout of 12 ms."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [
        b"ULog\x01\x12\x35\x01" + struct.pack("<Q", START),
        info("sys_name", "PX4"),
        message("F", b"accel:uint64_t timestamp;float x;float y;"),
        message("F", b"attitude:uint64_t timestamp;float[4] q;"),
        added(0, "accel"), added(1, "accel", 1), added(2, "attitude"),
    ]  # fmt: skip
    for step in range(rows):
        time = START + step * 4_000
        parts += [row(0, time, step, -step), row(1, time + 5, step, 0)]
        if step % 10 == 0:
            parts.append(row(2, time, 1, 0, 0, 0))
        if step == 20:
            parts.append(message("O", struct.pack("<H", 12)))
    if words:
        parts.append(message("L", struct.pack("<BQ", ord("6"), START + 100) + b"armed"))
    path.write_bytes(b"".join(parts))
    return path


def test_each_instance_of_a_topic_is_a_stream(tmp_path):
    ulog(tmp_path / "in/flight.ulg")

    lines, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch")

    line = lines["flight.ulg"]
    counts = {one["name"]: one["num_messages"] for one in line.streams}
    assert counts == {"accel": 50, "accel.1": 50, "attitude": 5, "logged_messages": 1}
    assert (line.status, line.num_messages) == ("ingested", 106)
    by_name = {one.name: one for one in episode.streams}
    accel = by_name["accel"]
    assert accel.channels == ("x", "y")
    assert accel.values[3].tolist() == [3.0, -3.0]
    assert accel.ts_ns[:2].tolist() == [START * 1_000, START * 1_000 + 4_000_000]
    assert (accel.clock.kind, accel.clock.epoch) == ("stamp", "boot")
    assert by_name["attitude"].channels == ("q[0]", "q[1]", "q[2]", "q[3]")
    assert by_name["logged_messages"].events == ('{"level": "INFO", "message": "armed"}',)
    assert "sys_name: PX4" in episode.notes


def test_what_the_logger_lost_is_a_gap(tmp_path):
    ulog(tmp_path / "in/flight.ulg")

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch")

    ((low, high),) = episode.gaps
    assert high - low == 12_000_000


@pytest.mark.parametrize("cut", [1, 2, 7, 40])
def test_a_log_that_ends_inside_a_message_is_cut(tmp_path, cut):
    path = ulog(tmp_path / "in/flight.ulg", words=False)
    path.write_bytes(path.read_bytes()[:-cut])

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert (lines["flight.ulg"].status, lines["flight.ulg"].reason) == ("quarantined", "TRUNCATED")
    assert lines["flight.ulg"].num_messages >= 102
    assert episodes == []


def test_a_cut_log_may_be_taken_for_what_it_holds(tmp_path):
    path = ulog(tmp_path / "in/flight.ulg", words=False)
    path.write_bytes(path.read_bytes()[:-7])

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch", accept_partial=True)

    assert lines["flight.ulg"].status == "ingested"
    assert len(episodes) == 1


def test_bytes_that_are_no_message_are_damage(tmp_path):
    path = ulog(tmp_path / "in/flight.ulg")
    raw = bytearray(path.read_bytes())
    at = raw.index(row(0, START + 40_000, 10, -10))
    raw[at : at + 3] = b"\xff\xff\xff"
    path.write_bytes(raw)

    lines, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert (lines["flight.ulg"].status, lines["flight.ulg"].reason) == ("quarantined", "CORRUPT")


def test_messages_that_their_format_does_not_describe_are_damage(tmp_path):
    data = ulog(tmp_path / "a.ulg").read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.ulg").write_bytes(data + row(2, START + 10**6, 1.0, 0.0, 0.0, 0.0, 7.0))

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    line = lines["a.ulg"]
    assert (line.reason, episodes) == ("CORRUPT", [])
    assert (line.evidence["messages"], line.evidence["messages_read"]) == (106, 105)


def test_a_log_without_rows_holds_nothing(tmp_path):
    ulog(tmp_path / "in/flight.ulg", rows=0, words=False)

    lines, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert lines["flight.ulg"].reason == "NO_CONTENT"


def test_a_head_alone_is_no_log(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/flight.ulg").write_bytes(b"ULog\x01\x12\x35\x01")

    lines, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert lines["flight.ulg"].status == "quarantined"


def test_a_log_with_a_flag_of_a_later_format_is_not_supported(tmp_path):
    path = ulog(tmp_path / "in/flight.ulg")
    data = path.read_bytes()
    flags = message("B", bytes(8) + b"\x02" + bytes(7 + 24))
    path.write_bytes(data[:16] + flags + data[16:])

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    line = lines["flight.ulg"]
    assert (line.status, line.reason) == ("unsupported", "UNSUPPORTED_FORMAT")
    assert episodes == []


def test_one_stamp_that_makes_a_flight_last_years_breaks_the_clock(tmp_path):
    path = ulog(tmp_path / "in/flight.ulg")
    path.write_bytes(path.read_bytes() + row(0, START + (1 << 45), 0, 0))

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert (lines["flight.ulg"].reason, episodes) == ("CLOCK_BROKEN", [])
