"""Event logs: alone on their own clock, beside a film on its pictures."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

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
    assert (line.reason, line.num_messages, line.evidence["line"]) == ("CORRUPT", 3, 4)


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


TABLE = "t_ns,x,note\n" + "".join(f'{n * 1000},{n / 7},"n {n}"\n' for n in range(50))


@pytest.mark.parametrize(
    ("data", "reason", "read"),
    [
        (TABLE.encode()[:-9], "TRUNCATED", 49),
        (TABLE.replace('"n 20"', "n,20").encode(), "CORRUPT", 20),
        (TABLE.encode().replace(b"n 20", b"n \xff\xfe"), "CORRUPT", 20),
        (TABLE.encode().replace(b"n 20", bytes(300)), "CORRUPT", 20),
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
