"""Listing, hashing and writing files, on a folder and in a bucket."""

from __future__ import annotations

import errno
import hashlib
import os
from functools import partial

import pytest

from pipelines import storage


def test_a_folder_lists_every_path_sorted(tmp_path):
    for name in ("b/2.txt", "a.txt", "b/1.txt", "-odd |$'name", "Ж.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    listed = list(storage.list_files(str(tmp_path)))
    assert [one.path for one in listed] == ["-odd |$'name", "a.txt", "b/1.txt", "b/2.txt", "Ж.txt"]
    assert all(one.problem == "" for one in listed)


def test_a_link_out_of_the_folder_is_listed_and_never_followed(tmp_path):
    outside, source = tmp_path / "outside", tmp_path / "source"
    outside.mkdir()
    source.mkdir()
    (outside / "secret").write_text("secret")
    (source / "inside.txt").write_text("inside")
    (source / "file").symlink_to(outside / "secret")
    (source / "folder").symlink_to(outside)
    (source / "twin").symlink_to(source / "inside.txt")
    (source / "dead").symlink_to(source / "nothing")
    (source / "ring").symlink_to(source / "ring")
    os.mkfifo(source / "pipe")
    found = {one.path: (one.problem, one.size_bytes) for one in storage.list_files(str(source))}
    assert found == {
        "dead": ("UNREADABLE", 0),
        "file": ("UNSAFE_CONTENT", 0),
        "folder": ("UNSAFE_CONTENT", 0),
        "inside.txt": ("", 6),
        "pipe": ("UNSAFE_CONTENT", 0),
        "ring": ("UNREADABLE", 0),
        "twin": ("", 6),
    }


def test_a_name_that_is_not_utf8_is_listed_with_its_problem(tmp_path):
    (tmp_path / os.fsdecode(b"bad\xff.mp4")).write_bytes(b"x")
    (only,) = storage.list_files(str(tmp_path))
    assert (only.path, only.problem) == ("bad\\xff.mp4", "UNREADABLE")


def test_a_file_is_hashed_in_chunks(tmp_path):
    data = bytes(range(256)) * 40_000
    (tmp_path / "f").write_bytes(data)
    assert storage.hash_file(f"{tmp_path}/f") == (hashlib.sha256(data).hexdigest(), len(data))


def test_writing_replaces_a_file_at_once_and_leaves_nothing_beside_it(tmp_path):
    uri = storage.join(str(tmp_path), "deep", "paper.json")
    storage.write_bytes(uri, b"one")
    storage.write_bytes(uri, b"two")
    assert storage.read_bytes(uri) == b"two"
    assert [one.path for one in storage.list_files(str(tmp_path))] == ["deep/paper.json"]


@pytest.mark.parametrize("system", ["copies", "cannot", "has no such call"])
def test_bytes_are_copied_with_the_system_or_without_it(tmp_path, monkeypatch, system):
    data = bytes(range(256)) * 9_000  # more than a chunk
    if system == "cannot":
        monkeypatch.setattr(os, "copy_file_range", partial(_refused, errno.EXDEV))
    elif system == "has no such call":
        monkeypatch.delattr(os, "copy_file_range")
    (tmp_path / "a").write_bytes(data)
    with (tmp_path / "a").open("rb") as source, (tmp_path / "b").open("w+b") as target:
        ends = source.fileno(), target.fileno()
        sizes = [storage.copy_bytes(*ends, 2_000_000) for _ in range(3)]
        digest = storage.feed(hashlib.sha256(), descriptor=ends[1], start=7, size=2_000_000)
    assert sizes == [2_000_000, len(data) - 2_000_000, 0]
    assert (tmp_path / "b").read_bytes() == data
    assert digest.digest() == hashlib.sha256(data[7:2_000_007]).digest()


def test_a_full_disk_is_no_reason_to_copy_in_another_way(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "copy_file_range", partial(_refused, errno.ENOSPC))
    with (tmp_path / "a").open("w+b") as file, pytest.raises(OSError, match="No space left"):
        storage.copy_bytes(file.fileno(), file.fileno(), 1)


def _refused(number, *_):
    raise OSError(number, os.strerror(number))


def test_deleting_a_prefix_twice_is_fine(tmp_path):
    storage.write_bytes(f"{tmp_path}/a/b", b"x")
    storage.delete_prefix(f"{tmp_path}/a")
    storage.delete_prefix(f"{tmp_path}/a")
    assert not storage.exists(f"{tmp_path}/a")
    assert storage.size_of(f"{tmp_path}/a/b") == -1


@pytest.fixture
def bucket(monkeypatch):
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ENDPOINT", f"http://{host}:{port}"),
        ("AWS_ALLOW_HTTP", "true"),
    ):
        monkeypatch.setenv(name, value)
    yield f"s3://recordings?endpoint_override={host}:{port}&scheme=http&allow_bucket_creation=true"
    server.stop()
