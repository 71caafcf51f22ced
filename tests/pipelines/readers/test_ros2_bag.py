"""ROS 2 bags: both storages, packed, split, without index, with pending rows, damaged."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pipelines.readers.bags import (
    HUMBLE,
    LATE_NS,
    STEP_NS,
    joints,
    messages,
    ros2_bag,
    units_of,
)
from tests.pipelines.readers.recordings import EPOCH_NS, jpeg, read_all

FUZZ = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def contents(folder: Path) -> dict[str, str]:
    """Digest every file below a folder."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def split_bag(folder: Path, bounds: list[int], *, storage: str = "sqlite3", first: int = 0) -> None:
    """Write a bag whose parts begin at these steps; `first` is the number of the first part."""
    end = "db3" if storage == "sqlite3" else "mcap"
    names, total, index = [], 0, ""
    folder.mkdir(parents=True)
    for number, (low, high) in enumerate(pairwise(bounds), start=first):
        told = messages(HUMBLE, range(low, high))
        total += len(told)
        part = ros2_bag(folder.parent / "part", told, storage=storage)
        names.append(f"{folder.name}_{number}.{end}")
        shutil.move(part / f"part.{end}", folder / names[-1])
        index = (part / "metadata.yaml").read_text()
        shutil.rmtree(part)
    parts = "".join(f"\n    - {name}" for name in names)
    head, rest = index.split("  relative_file_paths:", 1)
    rest = rest.split("\n", 2)[2] if rest.startswith("\n") else rest
    lines = [line for line in f"{head}{rest}".split("\n") if not line.startswith("  message_count")]
    told_text = "\n".join(lines).rstrip("\n")
    (folder / "metadata.yaml").write_text(
        f"{told_text}\n  relative_file_paths:{parts}\n  message_count: {total}\n"
    )


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
@pytest.mark.parametrize("packed", ["", "file", "message"])
def test_a_bag_gives_its_messages_on_their_stamps(tmp_path, storage, packed):
    ros2_bag(tmp_path / "in/bag", storage=storage, packed=packed)
    before = contents(tmp_path / "in")

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "s")

    camera, arm = episode.streams
    index, line = files.pop("bag/metadata.yaml"), next(iter(files.values()))
    assert (index.status, line.status) == ("companion", "ingested")
    assert (line.num_messages, line.num_frames, line.duration_ns) == (48, 8, 40 * STEP_NS)
    assert arm.ts_ns.tolist() == [EPOCH_NS + step * STEP_NS for step in range(40)]
    assert arm.channels == tuple(f"{what}.{n}" for what in ("position", "velocity") for n in "012")
    assert arm.values[7].tolist() == [7, 8, 9, 3.5, 4, 4.5]
    assert '"name": ["joint_0", "joint_1", "joint_2"]' in arm.events[0]
    assert (arm.clock.kind, arm.clock.skew["log_late_p50_ns"]) == ("stamp", LATE_NS)
    assert units_of(camera, stored) == [jpeg(step) for step in range(0, 40, 5)]
    assert contents(tmp_path / "in") == before


@pytest.mark.parametrize("storage", ["sqlite3", "mcap"])
@pytest.mark.parametrize("indexed", [True, False])
def test_the_parts_of_a_split_bag_are_one_episode(tmp_path, storage, indexed):
    split_bag(tmp_path / "in/bag", [0, 10, 25, 40], storage=storage, first=9)
    if not indexed:
        (tmp_path / "in/bag/metadata.yaml").unlink()

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    files.pop("bag/metadata.yaml", None)
    numbers = sorted(files, key=lambda path: int(path.split("_")[1].split(".")[0]))
    assert [files[path].num_messages for path in numbers] == [12, 18, 18]
    assert [files[path].num_frames for path in numbers] == [2, 3, 3]
    assert [files[path].duration_ns for path in numbers] == [n * STEP_NS for n in (10, 15, 15)]
    assert episode.files == tuple(files[path].sha256 for path in numbers)
    assert episode.streams[1].ts_ns.tolist() == [EPOCH_NS + step * STEP_NS for step in range(40)]


def test_a_part_alone_still_reads(tmp_path):
    split_bag(tmp_path / "in/bag", [0, 10, 25])
    (tmp_path / "in/bag/bag_0.db3").unlink()

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["bag/bag_1.db3"].status, files["bag/bag_1.db3"].num_messages) == ("ingested", 18)
    assert episode.notes == ("1 of 2 parts are not there",)


def test_numbered_mcap_logs_of_another_name_are_not_parts(tmp_path):
    split_bag(tmp_path / "in/bag", [0, 10, 25], storage="mcap")
    (tmp_path / "in/bag/metadata.yaml").unlink()
    (tmp_path / "in/bag").rename(tmp_path / "in/runs")

    _, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert len(episodes) == 2


def test_rows_that_are_not_in_the_database_yet_are_read_and_nothing_is_written(tmp_path):
    bag = ros2_bag(tmp_path / "bag")
    (tmp_path / "in").mkdir()
    with closing(sqlite3.connect(bag / "bag.db3")) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA wal_autocheckpoint=0")
        for step in range(40, 50):
            data = bytes(HUMBLE.serialize_cdr(joints(HUMBLE, step), "sensor_msgs/msg/JointState"))
            late = EPOCH_NS + step * STEP_NS + LATE_NS
            query = "INSERT INTO messages (topic_id, timestamp, data) VALUES (1, ?, ?)"
            database.execute(query, (late, data))
        database.commit()
        for end in ("db3", "db3-wal", "db3-shm"):
            shutil.copy(bag / f"bag.{end}", tmp_path / f"in/bag.{end}")
    before = contents(tmp_path / "in")

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["bag.db3"].status, files["bag.db3"].num_messages) == ("ingested", 58)
    assert (files["bag.db3-wal"].status, files["bag.db3-wal"].num_messages) == ("ingested", 0)
    assert files["bag.db3-shm"].status == "companion"
    assert len(episode.streams[1].ts_ns) == 50
    assert contents(tmp_path / "in") == before


def test_an_empty_write_ahead_log_is_a_companion(tmp_path):
    ros2_bag(tmp_path / "in/bag")
    (tmp_path / "in/bag/bag.db3-wal").write_bytes(b"")

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["bag/bag.db3-wal"].status == "companion"
    assert len(episode.files) == 1


@FUZZ
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_database_that_is_cut_anywhere_is_truncated(tmp_path, share):
    bag = ros2_bag(tmp_path / "bag")
    data = (bag / "bag.db3").read_bytes()
    shutil.rmtree(bag)
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in/bag.db3").write_bytes(data[: max(20, int(len(data) * share))])

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")
    _, partial, _ = read_all(tmp_path / "in", tmp_path / "s", accept_partial=True)

    line = files["bag.db3"]
    assert (line.reason, episodes) == ("TRUNCATED", [])
    assert sum(one.num_messages for each in partial for one in each.streams) == line.num_messages


@FUZZ
@given(place=st.integers(0, 10**6), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_an_error_of_the_reader(tmp_path, place, bit):
    bag = ros2_bag(tmp_path / "bag")
    data = bytearray((bag / "bag.db3").read_bytes())
    shutil.rmtree(bag)
    data[16 + place % (len(data) - 16)] ^= 1 << bit
    (tmp_path / "in").mkdir(exist_ok=True)
    (tmp_path / "in/bag.db3").write_bytes(data)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["bag.db3"].reason != "READER_ERROR"


def test_an_index_whose_name_is_no_text_is_damage(tmp_path):
    data = (ros2_bag(tmp_path / "bag") / "bag.db3").read_bytes()
    (tmp_path / "in").mkdir()
    data = data.replace(b"indextimestamp_idx", b"index\xf4imestamp_idx")  # SQLite quotes the name
    (tmp_path / "in/bag.db3").write_bytes(data)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["bag.db3"].reason, episodes) == ("CORRUPT", [])


def test_a_damaged_page_makes_a_database_corrupt(tmp_path):
    bag = ros2_bag(tmp_path / "in/bag")
    data = bytearray((bag / "bag.db3").read_bytes())
    page = len(data) // 8192 * 4096
    data[page : page + 64] = b"\xff" * 64
    (bag / "bag.db3").write_bytes(data)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["bag/bag.db3"].reason == "CORRUPT"
    assert files["bag/bag.db3"].evidence["messages_promised"] == 48


def test_a_packed_part_with_a_fault_is_corrupt(tmp_path):
    bag = ros2_bag(tmp_path / "in/bag", packed="file")
    data = bytearray((bag / "bag.db3.zstd").read_bytes())
    data[40:400] = b"\xff" * 360
    (bag / "bag.db3.zstd").write_bytes(data)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["bag/bag.db3.zstd"].reason == "CORRUPT"


def test_an_index_with_another_count_disagrees_with_its_part(tmp_path):
    bag = ros2_bag(tmp_path / "in/bag")
    index = bag / "metadata.yaml"
    index.write_text(index.read_text().replace("\n  message_count: 48", "\n  message_count: 49"))

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["bag/bag.db3"].reason, episodes) == ("PARTS_DISAGREE", [])
    assert files["bag/bag.db3"].evidence["messages_promised"] == 49


def older(bag: Path) -> None:
    """Make a bag one of before Iron: without definitions and without index."""
    (bag / "metadata.yaml").unlink()
    with closing(sqlite3.connect(bag / f"{bag.name}.db3")) as database:
        database.execute("DROP TABLE message_definitions")
        database.execute("DROP TABLE IF EXISTS schema")
        database.commit()


def test_the_definitions_chosen_for_an_older_bag_are_recorded(tmp_path):
    older(ros2_bag(tmp_path / "in/bag"))

    _, (chosen,), _ = read_all(tmp_path / "in", tmp_path / "s")
    _, (asked,), _ = read_all(tmp_path / "in", tmp_path / "s", distro="foxy")

    assert chosen.streams[1].values[7].tolist() == [7, 8, 9, 3.5, 4, 4.5]
    assert "sensor_msgs/msg/JointState in humble" in " ".join(chosen.notes)
    assert "sensor_msgs/msg/JointState in foxy" in " ".join(asked.notes)


def test_messages_that_the_chosen_definition_does_not_fit_are_kept_as_bytes(tmp_path):
    bag = ros2_bag(tmp_path / "in/bag")
    older(bag)
    with closing(sqlite3.connect(bag / "bag.db3")) as database:
        database.execute("UPDATE topics SET type = 'std_msgs/msg/Float64' WHERE name = '/joints'")
        database.commit()

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "s")

    arm = episode.streams[1]
    data = bytes(HUMBLE.serialize_cdr(joints(HUMBLE, 0), "sensor_msgs/msg/JointState"))
    assert files["bag/bag.db3"].num_messages == 48
    assert (arm.kind, arm.clock.kind) == ("event", "log")
    assert units_of(arm, stored)[0] == data
    assert any("not what that definition says" in note for note in episode.notes)


def test_a_bag_without_messages_has_no_content(tmp_path):
    bag = ros2_bag(tmp_path / "in/bag", messages(HUMBLE, range(1)))
    with closing(sqlite3.connect(bag / "bag.db3")) as database:
        database.execute("DELETE FROM messages")
        database.commit()
    (bag / "metadata.yaml").unlink()

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["bag/bag.db3"].reason == "NO_CONTENT"


def test_a_database_that_is_no_bag_is_unsupported(tmp_path):
    (tmp_path / "in").mkdir()
    with closing(sqlite3.connect(tmp_path / "in/a.db3")) as database:
        database.execute("CREATE TABLE things (id INTEGER)")
        database.commit()

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.db3"].reason == "UNSUPPORTED_FORMAT"


def test_a_name_that_means_something_in_an_address_is_read(tmp_path):
    ros2_bag(tmp_path / "in/what? 50%#1")

    _, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert len(episodes) == 1
