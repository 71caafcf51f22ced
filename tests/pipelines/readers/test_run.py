"""Reading a group: episodes one by one, one line a path, nothing of what is refused."""

from __future__ import annotations

import tracemalloc

import pytest

from pipelines.readers.reading import Group
from pipelines.readers.registry import readers
from pipelines.readers.spool import spool_group
from pipelines.records import content_id
from tests.pipelines.readers import many
from tests.pipelines.readers.recordings import found_in, whole


@pytest.fixture(autouse=True)
def reader(monkeypatch):
    many.register(monkeypatch)


def written(tmp_path, **texts):
    folder = tmp_path / "in"
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder, Group(source_id="demo", reader="many", files=tuple(found_in(folder)))


def read(tmp_path, **texts):
    folder, group = written(tmp_path, **texts)
    return whole(folder, group, tmp_path)


def laid_down(tmp_path, **texts):
    folder, group = written(tmp_path, **texts)
    reader = readers()["many"]
    return spool_group(folder, group, {}, scratch=tmp_path, batch_id="b", reader=reader)


def test_a_file_of_several_episodes_names_each_and_tells_their_sums(tmp_path):
    result = read(tmp_path, a="demo_2 5\ndemo_10 7\n")

    (line,) = result.files
    assert [one.part for one in result.episodes] == ["demo_2", "demo_10"]
    assert line.episodes == tuple(one.episode_id for one in result.episodes)
    assert (line.num_messages, line.duration_ns) == (12, 12 * 10**7)
    assert [(doc["name"], doc["num_messages"]) for doc in line.streams] == [("state", 12)]


def test_an_episode_is_named_by_source_files_and_part(tmp_path):
    result = read(tmp_path, a="left 5\n")

    assert result.episodes[0].episode_id == content_id("demo", [result.files[0].sha256], "left")


def test_each_file_of_a_group_names_its_own_episodes(tmp_path):
    result = read(tmp_path, a="one 5\n", b="two 7\nthree 1\n")

    assert [len(line.episodes) for line in result.files] == [1, 2]


@pytest.mark.parametrize("code", ["CORRUPT", "TRUNCATED"])
def test_nothing_counts_of_a_file_that_is_refused_after_its_first_episodes(code, tmp_path):
    result = read(tmp_path, a=f"one 5\ntwo 7\n!{code}\n")

    assert (result.episodes, result.files[0].reason) == ((), code)


def test_what_belongs_to_a_refused_part_waits_for_it(tmp_path):
    result = read(tmp_path, a="one 5\n", b="!CORRUPT\n")

    assert result.episodes == ()
    assert [(line.path, line.reason) for line in result.files] == [
        ("a", "PARTS_MISSING"),
        ("b", "CORRUPT"),
    ]
    assert result.files[0].evidence["part"] == "b"


def test_two_episodes_of_one_name_and_a_file_not_spoken_of_are_errors_of_the_reader(tmp_path):
    twice = read(tmp_path, a="one 5\none 7\n")
    silent = read(tmp_path, a="#\n")

    assert [each.files[0].reason for each in (twice, silent)] == ["READER_ERROR"] * 2


def test_rows_of_a_thousand_episodes_are_laid_down_without_holding_them(tmp_path):
    laid_down(tmp_path, a="warm 5\n")
    text = "".join(f"demo_{number} 4000\n" for number in range(1_000))
    tracemalloc.start()

    spooled = laid_down(tmp_path, a=text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(spooled.episodes) == 1_000
    assert spooled.files[0].num_messages == 4_000_000
    assert sum(batch.num_rows for _, batch in spooled.batches()) == 1_000
    assert spooled.rows is not None
    assert spooled.rows.stat().st_size > 64_000_000
    assert peak < 16_000_000


def test_rows_of_what_is_refused_stay_out(tmp_path):
    spooled = laid_down(tmp_path, a="one 5\n!CORRUPT\n")

    assert (spooled.episodes, list(spooled.batches())) == ((), [])
