"""Event logs: alone on their own clock, beside a film on its pictures."""

from __future__ import annotations

import bz2
import gzip
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.readers.columnar import table_rows
from pipelines.readers.reading import Refused
from tests.pipelines.readers.recordings import EPOCH_NS, film, lines, read_all


def rows(count: int, *, first_frame: int = 0, **more) -> list[dict[str, Any]]:
    return [
        {"t_ns": EPOCH_NS + n * 40_000_000, "frame": n + first_frame, "action_id": n % 5,
         "pos": [n, -n], "name": "noop", **more}
        for n in range(count)
    ]  # fmt: skip


def test_rows_stand_on_the_picture_that_they_name(tmp_path):
    film(tmp_path / "in/a.mp4", frames=31)
    lines(tmp_path / "in/a.jsonl", rows(30, first_frame=1))

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s", frame_field="frame")

    video, action, state, events = episode.streams
    assert action.ts_ns.tolist() == video.ts_ns[1:].tolist()
    assert (action.channels, state.channels) == (("action_id",), ("pos.0", "pos.1"))
    assert action.values[:6, 0].tolist() == [0, 1, 2, 3, 4, 0]
    assert json.loads(events.events[3])["t_ns"] == EPOCH_NS + 3 * 40_000_000
    assert (files["a.jsonl"].num_messages, files["a.mp4"].num_frames) == (30, 31)
    assert episode.files == (files["a.jsonl"].sha256, files["a.mp4"].sha256)


@pytest.mark.parametrize(("frames", "ahead"), [(30, 0), (31, 1)])
def test_without_a_frame_field_the_counts_decide(frames, ahead, tmp_path):
    film(tmp_path / "in/a.mp4", frames=frames)
    plain = [{"t": n / 25, "key": n} for n in range(30)]
    lines(tmp_path / "in/a.jsonl", plain)

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert episode.streams[1].ts_ns.tolist() == episode.streams[0].ts_ns[ahead:].tolist()


def test_rows_without_frames_stand_at_their_own_times_after_the_first_picture(tmp_path):
    film(tmp_path / "in/a.mp4", frames=30)
    lines(tmp_path / "in/a.jsonl", [{"timestamp": 100 * n, "key": n} for n in range(11)])

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    step = np.diff(episode.streams[1].ts_ns)
    assert step.tolist() == [100_000_000] * 10  # only milliseconds fit 1.2 s of pictures


def test_rows_that_name_pictures_that_are_not_there_disagree(tmp_path):
    film(tmp_path / "in/a.mp4", frames=20)
    lines(tmp_path / "in/a.jsonl", rows(30))

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s", frame_field="frame")

    assert {line.reason for line in files.values()} == {"PARTS_DISAGREE"}
    assert files["a.jsonl"].evidence["rows_outside"] == 10
    assert (files["a.jsonl"].num_messages, files["a.mp4"].num_frames) == (30, 20)
    assert episodes == []


def test_a_log_without_its_film_is_an_episode(tmp_path):
    lines(tmp_path / "in/a.jsonl", rows(30))

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s", action=["action_id"])

    assert files["a.jsonl"].status == "ingested"
    assert episode.start_ns == EPOCH_NS
    assert episode.streams[0].clock.epoch == "unix"


def test_a_broken_log_leaves_its_film_to_be_read_alone(tmp_path):
    film(tmp_path / "in/a.mp4")
    log = lines(tmp_path / "in/a.jsonl", rows(30))
    log.write_text(log.read_text()[:-20])

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.jsonl"].reason == "TRUNCATED"
    assert files["a.jsonl"].num_messages == 29
    assert files["a.mp4"].status == "ingested"
    assert [one.name for one in episode.streams] == ["video"]


def test_a_broken_film_leaves_its_log_to_be_read_alone(tmp_path):
    whole = film(tmp_path / "in/a.mp4").read_bytes()
    (tmp_path / "in/a.mp4").write_bytes(whole[: len(whole) // 2])
    lines(tmp_path / "in/a.jsonl", rows(30))

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.mp4"].reason == "TRUNCATED"
    assert files["a.jsonl"].status == "ingested"
    assert episode.files == (files["a.jsonl"].sha256,)


def test_a_row_that_is_no_object_is_corrupt_and_named(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jsonl").write_text('{"t": 0.5}\n{"t": 1.5}\n{"t": 2.5}\n[1]\n{"t": 3.5}\n')

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    line = files["a.jsonl"]
    assert (line.reason, line.num_messages, line.evidence["line"]) == ("CORRUPT", 4, 4)


def test_parquet_and_csv_give_the_same_as_json_lines(tmp_path):
    table = pa.table({
        "timestamp": pa.array([EPOCH_NS + n * 10**7 for n in range(20)], pa.timestamp("ns")),
        "x": [n / 4 for n in range(20)],
    })  # fmt: skip
    (tmp_path / "in").mkdir()
    pq.write_table(table, tmp_path / "in/a.parquet")
    text = "".join(f"{EPOCH_NS + n * 10**7},{n / 4}\n" for n in range(20))
    (tmp_path / "in/b.csv").write_text("timestamp,x\n" + text)
    docs = [{"timestamp": EPOCH_NS + n * 10**7, "x": n / 4} for n in range(20)]
    lines(tmp_path / "in/c.jsonl", docs)

    _, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    states = [episode.streams[0] for episode in episodes]
    assert len({state.ts_ns.tobytes() for state in states}) == 1
    assert len({state.values.tobytes() for state in states}) == 1


def test_decimal_seconds_are_not_rounded_through_floats(tmp_path):
    (tmp_path / "in").mkdir()
    text = "timestamp,event_type,event_args\n1700000000.1234567,KEY,1\n1700000001.5,KEY,2\n"
    (tmp_path / "in/a.csv").write_text(text)

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert episode.streams[0].ts_ns[1] == 1_700_000_001_500_000_000


def test_integers_beyond_float64_stay_in_the_kept_text(tmp_path):
    counter = 2**53 + 1
    lines(tmp_path / "in/a.jsonl", [{"t_ns": n, "counter": counter, "x": 1} for n in range(3)])

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert episode.streams[0].channels == ("x",)
    assert json.loads(episode.streams[1].events[0])["counter"] == counter


def test_times_over_ten_years_apart_are_no_clock(tmp_path):
    lines(tmp_path / "in/a.jsonl", [{"t_ns": time, "x": 1} for time in (-5, 10**22)])

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.jsonl"].reason == "CLOCK_BROKEN"


@pytest.mark.parametrize("times", [[1, 2, 3], ["a", "b", "c"], [None, None, None]])
def test_a_log_whose_clock_is_not_known_is_refused(times, tmp_path):
    lines(tmp_path / "in/a.jsonl", [{"time": time, "x": 1} for time in times])

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.jsonl"].reason == "CLOCK_BROKEN"


def test_late_rows_are_put_in_order(tmp_path):
    times = [0, 2, 1, 3]
    lines(tmp_path / "in/a.jsonl", [{"t_ns": time, "x": time} for time in times])

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert episode.streams[0].values[:, 0].tolist() == [0, 1, 2, 3]
    assert episode.streams[0].clock.skew["backward"] == 1


def log(tmp_path, data, name="a.jsonl", **config):
    """Read one log; return its line, and its episode where there is one."""
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in" / name).write_bytes(data)
    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s", **config)
    return files[name], next(iter(episodes), None)


def jsonl(docs):
    return "".join(json.dumps(doc) + "\n" for doc in docs).encode()


def table(count=20):
    return pa.table({
        "t": pa.array([EPOCH_NS // 1000 + n * 10**4 for n in range(count)], pa.timestamp("us")),
        "x": [n / 4 for n in range(count)],
        "raw": [bytes([n % 256, 255]) for n in range(count)],
        "big": pa.array([2**63 + n for n in range(count)], pa.uint64()),
    })  # fmt: skip


def arrow(writer, count=20):
    sink = pa.BufferOutputStream()
    with writer(sink, table(count).schema) as file:
        file.write_table(table(count), max_chunksize=5)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("writer", [pa.ipc.new_file, pa.ipc.new_stream])
def test_arrow_reads_with_the_times_its_types_say(writer, tmp_path):
    line, episode = log(tmp_path, arrow(writer), "a.arrow")

    state, events = episode.streams
    assert np.diff(state.ts_ns).tolist() == [10**7] * 19
    assert (state.ts_ns[0], state.channels) == (EPOCH_NS, ("x",))
    first = json.loads(events.events[0])
    assert (first["raw"], first["big"]) == ("AP8=", 2**63)
    assert line.num_messages == 20


@pytest.mark.parametrize(("writer", "read"), [(pa.ipc.new_file, None), (pa.ipc.new_stream, 10)])
def test_arrow_that_ends_early_is_truncated(writer, read, tmp_path):
    data = arrow(writer)

    line, episode = log(tmp_path, data[: len(data) * 6 // 10], "a.arrow")

    assert (line.reason, episode) == ("TRUNCATED", None)
    assert read is None or line.num_messages == read


def test_a_flipped_page_of_parquet_is_corrupt_where_its_sums_were_written(tmp_path):
    pq.write_table(table(2_000), tmp_path / "p", write_page_checksum=True, compression="none",
                   use_dictionary=False)  # fmt: skip
    data = bytearray((tmp_path / "p").read_bytes())
    data[2_000] ^= 4

    line, episode = log(tmp_path, bytes(data), "a.parquet")

    assert (line.reason, episode) == ("CORRUPT", None)


@pytest.mark.parametrize(
    ("pack", "suffix"), [(gzip.compress, "gz"), (bz2.compress, "BZ2"), (gzip.compress, "packed")]
)
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", b"".join(b'{"t_ns": %d, "x": 1}\n' % n for n in range(900))),
        ("a.json", b"[" + b",".join(b'{"t_ns": %d, "x": 1}' % n for n in range(900)) + b"]"),
        ("a.csv", b"t_ns,x\r\n" + b"".join(b"%d,1\r\n" % n for n in range(900))),
    ],
)
def test_a_packed_log_reads_as_what_is_inside(pack, suffix, name, data, tmp_path):
    plain, first = log(tmp_path, data, name)
    line, second = log(tmp_path, pack(data), f"{name}.{suffix}")

    assert plain.num_messages == line.num_messages == 900
    assert first.streams[0].ts_ns.tolist() == second.streams[0].ts_ns.tolist()


def test_a_packed_log_beside_a_film_of_its_name_belongs_to_it(tmp_path):
    film(tmp_path / "in/a.mp4", frames=30)

    _, episode = log(tmp_path, gzip.compress(jsonl(rows(30))), "a.jsonl.gz")

    assert [one.name for one in episode.streams] == ["video", "action", "state", "events"]


def test_a_packed_log_that_ends_early_tells_how_many_rows_read(tmp_path):
    noise = np.random.default_rng(1).integers(0, 2**50, 9_000)
    data = gzip.compress(jsonl({"t_ns": n, "x": int(noise[n])} for n in range(9_000)))

    line, _ = log(tmp_path, data[: len(data) * 3 // 4], "a.jsonl.gz")

    assert line.reason == "TRUNCATED"
    assert 5_000 < line.num_messages < 7_500


def test_every_bad_row_is_counted_and_the_first_is_named(tmp_path):
    good = b'{"t_ns": 1, "x": 1}\n'
    data = good * 3 + b"nonsense\n" + good * 2 + b'{"t_ns": \xff}\n[1]\nnull\n' + good

    line, _ = log(tmp_path, data)

    assert (line.reason, line.num_messages) == ("CORRUPT", 6)
    assert (line.evidence["rows_bad"], line.evidence["lines"]) == (4, [4, 7, 8, 9])


def test_rows_that_read_are_kept_with_a_gap_where_that_is_accepted(tmp_path):
    data = jsonl({"t_ns": n * 10**7, "x": n} for n in range(9)).replace(b'"x": 4', b'"x": ')

    line, episode = log(tmp_path, data, accept_partial=True)

    assert (line.status, line.num_messages) == ("ingested", 8)
    assert episode.gaps == ((3 * 10**7, 5 * 10**7),)
    assert episode.notes == ("a.jsonl: 1 rows left out, row 5 first",)


@pytest.mark.parametrize(
    ("name", "data", "reason", "count"),
    [
        ("a.csv", b"t_ns,x\n1,2\n2,3\n3", "TRUNCATED", 2),
        ("a.csv", b"t_ns,x\n1,2\n2,3,4\n3,4\n4,5\n", "CORRUPT", 3),
        ("a.csv", b"t_ns,x\n1,2\n2,\xe9\n3,4\n4,5\n" + b"5,5\n" * 40, "CORRUPT", 43),
        ("a.csv", b"t_ns,x\n", "NO_CONTENT", 0),
        ("a.csv", b"1,2\n3,4\n", "UNKNOWN_SCHEMA", 0),
        ("a.json", b'[{"t_ns": 1}, {"t_ns": 2}, {"t_', "TRUNCATED", 2),
        ("a.json", b'[{"t_ns": 1}, {"t_ns": 2}, {"t_ns" 3}]', "CORRUPT", 2),
        ("a.jsonl", b'{"t_ns": 1, "x"', "TRUNCATED", 0),
        ("a.jsonl", b'{"t_ns": 1}\n' * 9 + bytes(60), "TRUNCATED", 9),
        ("a.jsonl.gz", gzip.compress(b'{"t_ns": 1}\n', mtime=0)[:14], "TRUNCATED", 0),
        ("a.jsonl.gz", gzip.compress(b'{"t_ns": 1}\n', mtime=0)[:10] + b"\x77" * 90, "CORRUPT", 0),
    ],
)
def test_a_damaged_log_says_why_and_how_much_reads(name, data, reason, count, tmp_path):
    line, episode = log(tmp_path, data, name)

    assert (line.reason, line.num_messages, episode) == (reason, count, None)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbft_ns,x,note\r\n1,2,a\r\n2,3,b\r\n",
        b't_ns,x,note\n1,2,"two\nlines"\n2,3,"say ""x"""\n',
        b"t_ns;x;note\n1;2;a\n2;3;b",
    ],
)
def test_tables_of_every_habit_read(data, tmp_path):
    line, episode = log(tmp_path, data, "a.csv")

    assert (line.num_messages, episode.streams[0].values[:, 0].tolist()) == (2, [2, 3])


def test_columns_of_one_name_are_both_kept(tmp_path):
    _, episode = log(tmp_path, b"t_ns,x,x\n1,2,3\n2,3,4\n", "a.csv")

    assert episode.streams[0].channels == ("x", "x.2")


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv"])
def test_digits_of_a_time_are_kept_as_written(name, tmp_path):
    text = "1700000000.123456789"
    data = {"a.jsonl": f'{{"timestamp": {text}, "x": 1}}\n', "a.csv": f"timestamp,x\n{text},1\n"}

    _, episode = log(tmp_path, data[name].encode(), name)

    assert episode.streams[0].ts_ns.tolist() == [1_700_000_000_123_456_789]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("2026-01-01T00:00:00Z", EPOCH_NS),
        ("2026-01-01 01:00:00.123456789+01:00", EPOCH_NS + 123_456_789),
        ("2026-01-01T00:00:00.5", EPOCH_NS + 5 * 10**8),
    ],
)
def test_dates_are_times(date, expected, tmp_path):
    _, episode = log(tmp_path, jsonl([{"timestamp": date, "x": 1}]))

    assert episode.streams[0].ts_ns.tolist() == [expected]
    assert episode.streams[0].clock.epoch == "unix"


@pytest.mark.parametrize(("name", "count"), [("a.jsonl", 2), ("a.json", 2), ("a.json", 1)])
def test_records_of_open_telemetry_are_rows(name, count, tmp_path):
    records = [{"timeUnixNano": str(EPOCH_NS + n), "body": {"intValue": str(n)}} for n in range(3)]
    doc = {"resourceLogs": [{"resource": {"a": 1}, "scopeLogs": [{"logRecords": records}]}]}

    line, episode = log(tmp_path, jsonl([doc] * count), name)

    assert (line.num_messages, episode.start_ns) == (3 * count, EPOCH_NS)
    assert json.loads(episode.streams[-1].events[0])["resource"] == {"a": 1}


def test_a_time_may_stand_inside_a_row(tmp_path):
    docs = [{"header": {"stamp_ns": n * 10**7}, "x": n} for n in range(3)]

    _, episode = log(tmp_path, jsonl(docs), time_field="header.stamp_ns")

    assert episode.streams[0].ts_ns.tolist() == [0, 10**7, 2 * 10**7]
    assert episode.streams[0].channels == ("x",)


@pytest.mark.parametrize(
    ("unit", "first", "step"),
    [("ns", 1_700_000_000, 1), ("us", 1_700_000_000, 1), ("ns", 1_700_000_000_000, 20),
     ("s", 1_700_000_000_000, 20), ("ms", 1_700_000_000 * 10**9, 10**7)],
)  # fmt: skip
def test_a_declared_unit_that_the_values_contradict_is_no_clock(unit, first, step, tmp_path):
    docs = [{"time": first + n * step, "x": n} for n in range(20)]

    line, _ = log(tmp_path, jsonl(docs), time_unit=unit)

    assert line.reason == "CLOCK_BROKEN"


@pytest.mark.parametrize(
    ("unit", "first", "step"), [("ns", 2 * 10**9, 50_000), ("us", 3 * 10**9, 10_000)]
)
def test_a_clock_since_boot_is_not_taken_for_a_date(unit, first, step, tmp_path):
    docs = [{f"t_{unit}": first + n * step, "x": n} for n in range(20)]

    line, _ = log(tmp_path, jsonl(docs))

    assert line.status == "ingested"


def test_a_unit_that_does_not_fit_the_film_is_no_clock(tmp_path):
    film(tmp_path / "in/a.mp4", frames=30)
    docs = [{"t_us": 100 * n, "key": n} for n in range(11)]

    line, _ = log(tmp_path, jsonl(docs))

    assert (line.reason, line.evidence["fits"]) == ("CLOCK_BROKEN", "ms")


@pytest.mark.parametrize("bits", [16, 24, 32])
def test_a_counter_that_runs_over_goes_on(bits, tmp_path):
    times = [((1 << bits) - 50 + 10 * n) % (1 << bits) for n in range(20)]

    _, episode = log(tmp_path, jsonl({"t_us": time, "x": 1} for time in times))

    assert np.diff(episode.streams[0].ts_ns).tolist() == [10_000] * 19
    assert f"{bits} bits ran over 1 times" in episode.streams[0].clock.how


def test_late_and_doubled_rows_are_kept_and_counted(tmp_path):
    times = [0, 10, 10, 30, 20, 40]

    line, episode = log(tmp_path, jsonl({"t_ms": time, "x": time} for time in times))

    skew = episode.streams[0].clock.skew
    assert (line.num_messages, skew["doubles"], skew["backward"]) == (6, 1, 1)
    assert episode.streams[0].values[:, 0].tolist() == sorted(times)


def test_a_clock_that_stands_still_is_none(tmp_path):
    line, _ = log(tmp_path, jsonl({"t_ms": 5, "x": n} for n in range(30)))

    assert (line.reason, line.num_messages) == ("CLOCK_BROKEN", 30)


def test_an_array_without_times_is_a_document(tmp_path):
    line, _ = log(tmp_path, b'[{"name": "left"}, {"name": "right"}]', "cameras.json")

    assert line.status == "companion"


TABLE = "t_ns,x,note\n" + "".join(f'{n * 1000},{n / 7},"n {n}"\n' for n in range(50))


@pytest.mark.parametrize(
    ("data", "reason", "read"),
    [
        (TABLE.encode()[:-9], "TRUNCATED", 49),
        (TABLE.replace('"n 20"', "n,20").encode(), "CORRUPT", 49),
        (TABLE.encode().replace(b"n 20", b"n \xff\xfe"), "CORRUPT", 49),
        (TABLE.encode().replace(b"n 20", bytes(300)), "CORRUPT", 49),
    ],
    ids=["cut between cells", "a cell too many", "no letters", "a hole"],
)
def test_a_damaged_table_says_how_many_rows_read(data, reason, read, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_bytes(data)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    line = files["a.csv"]
    assert (line.reason, line.num_messages, episodes) == (reason, read, [])


def test_a_cell_may_hold_a_line_break(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.csv").write_text('t_ns,note\n1000,"one\ntwo\x0cthree"\n2000,four\n')

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.csv"].num_messages == 2
    assert "one\\ntwo" in episode.streams[-1].events[0]


def test_a_row_that_damage_made_unreadable_does_not_hide_what_the_file_is(tmp_path):
    rows = lines(tmp_path / "a.jsonl", [{"t_ns": n, "x": n} for n in range(200)]).read_bytes()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.jsonl").write_bytes(rows.replace(b'"t_ns": 50,', b'"t_\xff\x00": 50,'))

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.jsonl"].reason, files["a.jsonl"].evidence["line"]) == ("CORRUPT", 51)


def test_a_page_of_parquet_with_a_wrong_checksum_is_corrupt(tmp_path):
    table = pa.table({"t_ns": range(1_000), "x": [n / 7 for n in range(1_000)]})
    (tmp_path / "in").mkdir()
    path = tmp_path / "in/a.parquet"
    pq.write_table(table, path, compression="none", use_dictionary=False, write_page_checksum=True)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.parquet"].reason == "CORRUPT"


ARRAY = b'[{"t_ns": 1, "x": 1}, {"t_ns": 2, "x": 2}'


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (b"]xyz", "CORRUPT"),
        (b']\n[{"t_ns": 3}]', "CORRUPT"),
        (b"]}", "CORRUPT"),
        (b']{"a": 1}', "CORRUPT"),
        (b"]" + bytes(3), "CORRUPT"),
        (b",]", "CORRUPT"),
        (b",,{}]", "CORRUPT"),
        (b'{"t_ns": 3}]', "CORRUPT"),
        (b"", "TRUNCATED"),
        (b" ,", "TRUNCATED"),
    ],
)
def test_an_array_ends_once_and_nothing_stands_behind_it(end, reason, tmp_path):
    line, episode = log(tmp_path, ARRAY + end, "a.json")

    assert (line.reason, line.num_messages, episode) == (reason, 2, None)


def test_white_space_behind_an_array_is_nothing(tmp_path):
    line, _ = log(tmp_path, ARRAY + b"\r\n] \n\n", "a.json")

    assert (line.status, line.num_messages) == ("ingested", 2)


def test_a_row_of_an_array_that_is_no_text_is_corrupt(tmp_path):
    line, _ = log(tmp_path, ARRAY + b', {"t_ns": 3, "who": "\xe9"}]', "a.json")

    assert (line.reason, line.num_messages, line.evidence["line"]) == ("CORRUPT", 2, 3)


def test_zero_bytes_where_a_batch_of_a_stream_begins_are_no_end(tmp_path):
    data = arrow(pa.ipc.new_stream)
    at = data.index(b"\xff\xff\xff\xff", len(data) // 2)

    line, episode = log(tmp_path, data[:at] + bytes(64) + data[at + 64 :], "a.arrow")

    assert (line.reason, line.num_messages, episode) == ("CORRUPT", 10, None)
    assert "behind the end" in line.evidence["message"]


def test_an_arrow_stream_without_its_mark_of_the_end_is_whole(tmp_path):
    line, _ = log(tmp_path, arrow(pa.ipc.new_stream)[:-8], "a.arrow")

    assert (line.status, line.num_messages) == ("ingested", 20)


def test_columns_of_one_name_in_parquet_are_both_kept(tmp_path):
    columns = [pa.array([1, 2]), pa.array([2, 3]), pa.array([3, 4])]
    pq.write_table(pa.Table.from_arrays(columns, names=["t_ns", "x", "x"]), tmp_path / "p")

    _, episode = log(tmp_path, (tmp_path / "p").read_bytes(), "a.parquet")

    assert episode.streams[0].channels == ("x", "x.2")
    assert episode.streams[0].values.tolist() == [[2, 3], [3, 4]]


def test_a_line_of_names_that_is_no_text_is_corrupt(tmp_path):
    line, _ = log(tmp_path, ("t_ns,größe\n" + "1,2\n" * 9).encode("latin-1"), "a.csv")

    assert (line.reason, line.evidence["line"]) == ("CORRUPT", 1)


@pytest.mark.parametrize("cell", ["z" * 70_000, '"' + "z\n" * 40_000 + '"', '"' + "z\n" * 30 + '"'])
@pytest.mark.parametrize("before", [0, 1, 5])
def test_a_table_may_begin_with_long_cells(cell, before, tmp_path):
    rows = [f"{n},{cell if n >= before else 'z'},{n}\n" for n in range(12)]

    line, _ = log(tmp_path, ("t_s,note,x\n" + "".join(rows)).encode(), "a.csv")

    assert (line.status, line.num_messages) == ("ingested", 12)


def test_decimals_are_times_and_numbers(tmp_path):
    seconds = [Decimal("1700000000.123456789"), Decimal("1700000000.500000001")]
    pq.write_table(pa.table({"t_s": seconds, "x": [Decimal("0.25"), None]}), tmp_path / "p")

    _, episode = log(tmp_path, (tmp_path / "p").read_bytes(), "a.parquet")

    assert (episode.streams[0].ts_ns - 1_700_000_000 * 10**9).tolist() == [123456789, 500000001]
    assert episode.streams[0].channels == ("x",)
    assert episode.streams[0].values[0].tolist() == [0.25]


@pytest.mark.parametrize("count", [27, 33])
def test_rows_without_time_beside_pictures_of_another_count_disagree(count, tmp_path):
    film(tmp_path / "in/a.mp4", frames=30)
    lines(tmp_path / "in/a.jsonl", [{"key": n} for n in range(count)])

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")
    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s", tolerance=3)

    assert {line.reason for line in files.values()} == {"PARTS_DISAGREE"}
    assert (files["a.jsonl"].num_messages, files["a.mp4"].num_frames) == (count, 30)
    assert episodes == []
    video, state = episode.streams[:2]
    assert state.ts_ns[:27].tolist() == video.ts_ns[:27].tolist()
    assert (state.num_messages, int(state.ts_ns.max())) == (
        count,
        int(video.ts_ns[min(count, 30) - 1]),
    )


def test_an_offset_that_leads_out_of_its_column_is_corrupt(tmp_path):
    words = pa.table({"t_ns": range(5), "who": ["a", "bc", "def", "g", "h"]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, words.schema) as file:
        file.write_table(words)
    data = sink.getvalue().to_pybytes()
    offsets = np.array([0, 1, 3, 6, 7, 8], np.int32)
    wrong = np.array([0, 1, 3, -9, 7, 8], np.int32)
    assert offsets.tobytes() in data

    line, _ = log(tmp_path, data.replace(offsets.tobytes(), wrong.tobytes()), "a.arrow")

    assert line.reason == "CORRUPT"


def test_a_negative_size_in_an_arrow_file_is_damage(tmp_path, monkeypatch):
    def fail(_path):
        raise SystemError("Negative size passed to PyBytes_FromStringAndSize")

    monkeypatch.setattr("pipelines.readers.columnar._batches", fail)
    with pytest.raises(Refused, match="Negative size") as refused:
        list(table_rows(tmp_path / "a.feather", "a.feather", {}))

    assert refused.value.code == "CORRUPT"


@pytest.mark.parametrize("value", [None, 0.5])
def test_a_declared_frame_that_is_not_there_breaks_the_clock(tmp_path, value):
    film(tmp_path / "in/a.mp4", frames=30)
    lines(tmp_path / "in/a.jsonl", rows(30, **({} if value is None else {"f": value})))

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s", frame_field="f")

    assert "CLOCK_BROKEN" in {line.reason for line in files.values()}


@pytest.mark.parametrize("others", [["a.csv"], ["a.mkv"]], ids=["two logs", "two films"])
def test_rows_without_time_that_may_belong_to_several_are_refused_for_that(tmp_path, others):
    for name in ("a.mp4", "a.jsonl", *others):
        path = tmp_path / "in" / name
        if name.startswith("a.m"):
            film(path, frames=30)
        elif name.endswith("csv"):
            path.write_text("x,y\n" + "1,2\n" * 30)
        else:
            lines(path, [{"x": number} for number in range(30)])

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    for name, line in files.items():
        if name.startswith("a.m"):
            assert line.status == "ingested"
        else:
            assert line.reason == "PARTS_DISAGREE"
            assert line.evidence["same_name"] == sorted(
                files, key=lambda one: one.startswith("a.m")
            )


def test_logs_that_carry_a_time_are_read_beside_several_films(tmp_path):
    film(tmp_path / "in/a.mp4", frames=30)
    film(tmp_path / "in/a.mkv", frames=30)
    lines(tmp_path / "in/a.jsonl", [{"t_ms": 40 * number, "x": 1} for number in range(30)])

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert {line.status for line in files.values()} == {"ingested"}
    assert len(episodes) == 3


TABLE = "t_ms,x\n" + "".join(f"{10 * number},{number / 4}\n" for number in range(50))
ROWS = "".join(f'{{"t_ms": {10 * number}, "x": {number / 4}}}\n' for number in range(50))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("name", "text"), [("a.csv", TABLE), ("a.jsonl", ROWS)], ids=["csv", "jsonl"]
)
def test_a_log_in_utf_16_is_read(tmp_path, name, text, encoding):
    mark = "" if encoding == "utf-16" else "\ufeff"

    line, episode = log(tmp_path, (mark + text).encode(encoding), name)

    assert (line.status, line.num_messages) == ("ingested", 50)
    assert episode.streams[0].values[:, 0].tolist() == [number / 4 for number in range(50)]


def test_a_log_in_utf_16_that_was_cut_is_truncated(tmp_path):
    line, _ = log(tmp_path, TABLE.encode("utf-16")[:-3], "a.csv")

    assert line.reason == "TRUNCATED"


@pytest.mark.parametrize("data", ["words".encode("utf-16"), b"\xff\xfe" + bytes(range(256)) * 9])
def test_other_text_in_utf_16_is_named(tmp_path, data):
    line, _ = log(tmp_path, data, "a.bin")

    assert (line.status, line.evidence["looks"]) == ("unsupported", "UTF-16 text")


def test_a_licence_in_utf_16_is_a_companion(tmp_path):
    line, _ = log(tmp_path, "all rights reserved\r\n".encode("utf-16"), "LICENSE.txt")

    assert line.status == "companion"


@pytest.mark.parametrize(
    ("name", "text"), [("a.csv", TABLE), ("a.jsonl", ROWS)], ids=["csv", "jsonl"]
)
@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_lines_may_end_as_on_other_machines(tmp_path, name, text, end):
    line, _ = log(tmp_path, text.replace("\n", end).encode(), name)

    assert (line.status, line.num_messages) == ("ingested", 50)
