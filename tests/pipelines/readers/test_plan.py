"""What each path of a source is taken for: by content, never by name."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pipelines.readers.recordings import (
    doom_log,
    film,
    found_in,
    jpeg,
    lines,
    planned,
    read_all,
    whole,
)

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
NOISE = np.random.default_rng(3).integers(0, 256, 20_000, np.uint8).tobytes()


PICTURES = b"".join(bytes(9) + jpeg(number) for number in range(20))


@pytest.mark.parametrize(
    ("name", "data", "status", "reason"),
    [
        ("a.mp4", b"", "quarantined", "EMPTY_FILE"),
        ("a.mp4", b"<!DOCTYPE html><html></html>", "quarantined", "NOT_THE_FORMAT"),
        ("a.mcap", LFS, "quarantined", "NOT_THE_FORMAT"),
        ("a.mcap", b"\x88MCAP0\r\n" + PICTURES, "quarantined", "NOT_THE_FORMAT"),
        ("a.bin", NOISE, "quarantined", "NOT_THE_FORMAT"),
        ("a.mp4", b"hello, this is text\n", "quarantined", "NOT_THE_FORMAT"),
        ("a.pkl", b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x01.", "quarantined",
         "UNSAFE_CONTENT"),
        ("a.parquet", b"PAR1" + bytes(100), "quarantined", "TRUNCATED"),
        ("a.wv", b"wvpk" + bytes(40), "quarantined", "NO_STREAM"),
        ("a.wav", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40), "quarantined", "NO_STREAM"),
        ("a.mp4", b"\x89PNG\r\n\x1a\n" + bytes(50), "unsupported", "UNSUPPORTED_FORMAT"),
        ("a.7z", b"7z\xbc\xaf'\x1c" + bytes(50), "unsupported", "UNSUPPORTED_FORMAT"),
        ("a.jsonl.xz", b"\xfd7zXZ\x00" + bytes(50), "unsupported", "UNSUPPORTED_FORMAT"),
        ("a.rar", b"Rar!\x1a\x07\x01\x00" + bytes(50), "unsupported", "UNSUPPORTED_FORMAT"),
        ("a.jsonl.lz4", b"\x04\x22\x4d\x18" + bytes(50), "unsupported", "UNSUPPORTED_FORMAT"),
        ("a.bag", b"#ROSBAG V1.2\n" + bytes(50), "unsupported", "UNSUPPORTED_FORMAT"),
        ("a.zip", b"PK\x03\x04" + bytes(50), "unsupported", "UNSUPPORTED_FORMAT"),
        ("a.bin", "some words".encode("utf-16"), "unsupported", "UNSUPPORTED_FORMAT"),
        ("a.jsonl", b"\n\n", "quarantined", "NO_CONTENT"),
        ("a.jsonl", b'{"t_ns":1,"x":' + b"[" * 5000 + b"]" * 5000 + b"}\n", "quarantined",
         "UNSAFE_CONTENT"),
        ("LICENSE.crafter", b"MIT License\n", "companion", ""),
        ("tdmrep.json", b'[{"location": "/*", "tdm-reservation": 1}]', "companion", ""),
        ("LIESMICH", "Über".encode("latin-1"), "quarantined", "NOT_THE_FORMAT"),
        ("README.de.md", ("Lies mich, " * 20 + "Ü\n").encode("latin-1"), "companion", ""),
        ("files.json", b'{"a": 1}\n', "companion", ""),
        ("README.md", b"# Read me\n", "companion", ""),
        ("terms.html", b"<html></html>", "companion", ""),
        ("paper.pdf", b"%PDF-1.7\n", "companion", ""),
        ("paper.pdf", b"<!DOCTYPE html><html></html>", "quarantined", "NOT_THE_FORMAT"),
        ("book.epub", b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/epub+zip", "companion", ""),
        ("robots.txt", b"", "companion", ""),
        ("a.mp4.headers", b"HTTP/1.1 200 OK\r\nTDM-Reservation: 1\r\n", "companion", ""),
        ("a.http", b"a: 1, 2\nb: 3, 4\n", "companion", ""),
        ("site.rsl", b"<rsl/>", "companion", ""),
        ("a.xmp", b" ", "companion", ""),
        ("a.c2pa", b"\0\0\0\x28jumb" + bytes(32), "companion", ""),
        ("LICENSE", LFS, "companion", ""),
        ("TERMS", b"<!DOCTYPE html><html></html>", "companion", ""),
        ("readme", "Read me".encode("utf-16"), "companion", ""),
        ("license.txt", b'{"a": 1}\n{"a": 2}\n', "companion", ""),
        ("license.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "unsupported", "UNSUPPORTED_FORMAT"),
    ],
)  # fmt: skip
def test_a_file_that_no_reader_takes_is_listed_apart(name, data, status, reason, tmp_path):
    (tmp_path / name).write_bytes(data)

    plan = planned(tmp_path)

    assert [(line.path, line.status, line.reason) for line in plan.files] == [
        (name, status, reason)
    ]
    assert plan.groups == ()


@pytest.mark.parametrize(
    ("head", "looks"),
    [
        (b"HL2DEMO\x00", "Source demo"),
        (b"PBDEMS2\x00", "Source 2 demo"),
        (b"MPQ\x1b", "StarCraft II"),
        (b"\x10\x00\x00\x00\x01\x02\x03\x04" + bytes(12) + b"TAGame.Replay_Soccar_TA", "Rocket"),
        (b"\x00" + (20_240_101).to_bytes(4, "little") + b"\x0b\x20" + b"0f" * 16, "osu!"),
        (b"\x7f\xe2\xa2\x1c", "Unreal"),
        (b"PK\x03\x04" + bytes(26) + b"recording.tmcpr", "Minecraft"),
        (b"PK\x03\x04" + bytes(26) + b"observation$pov.npy", "MineRL"),
        (b"PK\x03\x04" + bytes(26) + b"x.npy", "NumPy"),
    ],
)
def test_a_replay_without_a_reader_is_named(head, looks, tmp_path):
    (tmp_path / "a.replay").write_bytes(head + bytes(100))

    (line,) = planned(tmp_path).files

    assert (line.status, line.reason) == ("unsupported", "UNSUPPORTED_FORMAT")
    assert looks in line.evidence["looks"]


def test_names_do_not_matter(tmp_path):
    film(tmp_path / "in/a.mp4").rename(tmp_path / "in/-weird $name | 'x'.txt")
    doom_log(tmp_path / "in/b.lmp", 10).rename(tmp_path / "in/b.dat")
    lines(tmp_path / "in/c.jsonl", [{"t_ns": n, "x": n} for n in range(3)]).rename(
        tmp_path / "in/лог"
    )

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert {line.status for line in files.values()} == {"ingested"}
    assert len(episodes) == 3


def test_a_log_and_a_film_of_one_name_make_one_group(tmp_path):
    film(tmp_path / "a/x.mp4")
    lines(tmp_path / "a/x.jsonl", [{"t_ns": n, "x": n} for n in range(30)])
    film(tmp_path / "b/x.mp4", frames=31)

    groups = planned(tmp_path).groups

    assert [[each.path for each in group.files] for group in groups] == [
        ["a/x.jsonl", "a/x.mp4"],
        ["b/x.mp4"],
    ]
    assert [group.reader for group in groups] == ["events", "video"]


def test_equal_bytes_are_read_once_and_listed_at_every_path(tmp_path):
    film(tmp_path / "in/a.mp4")
    (tmp_path / "in/copy.mp4").write_bytes((tmp_path / "in/a.mp4").read_bytes())

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert len(episodes) == 1
    assert files["a.mp4"].num_frames == files["copy.mp4"].num_frames == 30
    assert files["a.mp4"].episodes == files["copy.mp4"].episodes == (episodes[0].episode_id,)


def test_an_episode_is_named_by_content_and_not_by_place(tmp_path):
    film(tmp_path / "one/a.mp4")
    (tmp_path / "two/deep").mkdir(parents=True)
    (tmp_path / "two/deep/b.mp4").write_bytes((tmp_path / "one/a.mp4").read_bytes())

    _, (first,), _ = read_all(tmp_path / "one", tmp_path / "s")
    _, (second,), _ = read_all(tmp_path / "two", tmp_path / "s")

    assert first.episode_id == second.episode_id


def test_reading_leaves_the_source_as_it_was(tmp_path):
    film(tmp_path / "in/a.ts", kind="mpegts")
    lines(tmp_path / "in/a.jsonl", [{"t_ns": n, "x": n} for n in range(30)])
    before = found_in(tmp_path / "in")

    read_all(tmp_path / "in", tmp_path / "s")

    assert found_in(tmp_path / "in") == before


def test_a_file_that_is_gone_is_unreadable_and_may_be_tried_again(tmp_path):
    film(tmp_path / "a.mp4")
    (group,) = planned(tmp_path).groups
    (tmp_path / "a.mp4").unlink()

    (line,) = whole(tmp_path, group, tmp_path).files

    assert (line.reason, line.retryable) == ("UNREADABLE", True)
