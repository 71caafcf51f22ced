"""Doom demo logs: tic i is frame i, exactly."""

from __future__ import annotations

import hashlib

import pytest

from tests.pipelines.readers.recordings import FREEDOOM, doom_log, film, read_all


def test_tic_i_is_frame_i(tmp_path):
    film(tmp_path / "in/a.mp4", frames=40, rate=35)
    doom_log(tmp_path / "in/a.lmp", 40)

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    video, keys = episode.streams
    assert keys.ts_ns.tolist() == video.ts_ns.tolist()
    fire, turn = keys.channels.index("fire"), keys.channels.index("turn")
    assert keys.values[:, fire].nonzero()[0].tolist() == [0, 10, 20, 30]
    assert set(keys.values[:, turn]) == {-3.0}
    assert (files["a.lmp"].num_messages, files["a.mp4"].num_frames) == (40, 40)


def test_one_tic_too_few_disagrees(tmp_path):
    film(tmp_path / "in/a.mp4", frames=40)
    doom_log(tmp_path / "in/a.lmp", 39)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert {line.reason for line in files.values()} == {"PARTS_DISAGREE"}
    assert (files["a.lmp"].num_messages, files["a.mp4"].num_frames) == (39, 40)
    assert episodes == []


def test_a_demo_alone_ticks_35_times_a_second(tmp_path):
    doom_log(tmp_path / "in/a.lmp", 71)

    _, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert episode.streams[0].ts_ns[35] == 10**9
    assert episode.streams[0].clock.kind == "tick"


def test_a_demo_without_its_end_mark_is_truncated(tmp_path):
    doom_log(tmp_path / "in/a.lmp", 50, end=False)

    files, _, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.lmp"].reason, files["a.lmp"].num_messages) == ("TRUNCATED", 50)


def party(tics, *, version=109, players=(1, 0, 1, 1), end=b"\x80"):
    """Return a demo in which player p walks forward at p + 1."""
    wide = 5 if version == 111 else 4
    present = [number for number, flag in enumerate(players) if flag]
    tic = b"".join(bytes([number + 1, 0, 2, *[1] * (wide - 4), 0]) for number in present)
    return bytes([version, 2, 1, 3, 1, 0, 0, 0, 0, *players]) + tic * tics + end


@pytest.mark.parametrize("version", [104, 109, 111])
def test_each_player_has_keys_of_their_own(version, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.lmp").write_bytes(party(70, version=version))

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert [one.name for one in episode.streams] == ["keys", "keys.1", "keys.2"]
    assert [one.values[0, 0] for one in episode.streams] == [1, 3, 4]
    assert files["a.lmp"].num_messages == 70
    assert f"version {version}, skill 2, episode 1, map 3, deathmatch 1" in episode.notes[0]


@pytest.mark.parametrize(
    ("data", "reason", "count"),
    [
        (party(70)[:-6], "TRUNCATED", 69),
        (party(0), "NO_CONTENT", 0),
        (party(0, end=b""), "TRUNCATED", 0),
        (party(70)[:133] + b"\x80" + party(70)[134:], "CORRUPT", 10),
        (b"\xcb\x1dBoom\xe6" + bytes(60), "UNSUPPORTED_FORMAT", 0),
        (b"\xcb\x1dMBF\xe6" + bytes(60), "UNSUPPORTED_FORMAT", 0),
        (b"FORM\x00\x00\x01\x00ZDEM" + bytes(60), "UNSUPPORTED_FORMAT", 0),
    ],
)
def test_a_demo_that_is_not_read_says_why(data, reason, count, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.lmp").write_bytes(data)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.lmp"].reason, files["a.lmp"].num_messages) == (reason, count)
    assert episodes == []


def test_what_stands_behind_the_end_mark_is_counted(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.lmp").write_bytes(party(70) + b"PWAD footer")

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    assert files["a.lmp"].num_messages == 70
    assert "11 bytes behind the end mark not read" in episode.notes


def test_tics_of_a_demo_without_its_end_are_kept_where_that_is_accepted(tmp_path):
    doom_log(tmp_path / "in/a.lmp", 50, end=False)

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s", accept_partial=True)

    assert (files["a.lmp"].num_messages, episode.notes[1]) == (50, "partial: no end mark")


@pytest.mark.skipif(not FREEDOOM.is_dir(), reason="the vendored demo is not in this checkout")
def test_the_demo_of_a_person_reads_tic_for_frame(tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("freedoom2_demo1.lmp", "freedoom2_demo1.mp4", "LICENSE.freedoom"):
        (tmp_path / "in" / name).write_bytes((FREEDOOM / name).read_bytes())

    files, (episode,), _ = read_all(tmp_path / "in", tmp_path / "s")

    digest = hashlib.sha256((FREEDOOM / "freedoom2_demo1.lmp").read_bytes()).hexdigest()
    assert files["freedoom2_demo1.lmp"].sha256 == digest
    assert [one.num_messages or one.num_frames for one in episode.streams] == [2664, 2664]
    assert files["LICENSE.freedoom"].status == "companion"
