"""Zarr replay buffers: folders and zips, cut into episodes; what is not there is not invented."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr

from tests.pipelines.readers.recordings import picture, read_all
from tests.pipelines.readers.test_hdf5 import frames

PICTURES = np.stack([picture(number) for number in range(9)])


def buffer(path: Path, *, ends=(4, 9), packed: bool = False) -> Path:
    """Write nine steps of actions and pictures, two episodes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    root = zarr.open_group(str(path), mode="w", zarr_format=2)
    data, meta = root.create_group("data"), root.create_group("meta")
    data.create_array("action", data=np.arange(27, dtype=np.float32).reshape(9, 3), chunks=(4, 3))
    data.create_array("camera0_rgb", data=PICTURES, chunks=(1, 64, 96, 3))
    meta.create_array("episode_ends", data=np.array(ends, np.int64))
    if packed:
        shutil.make_archive(str(path), "zip", path)
        shutil.rmtree(path)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_a_buffer_is_cut_where_its_episodes_end(tmp_path, packed):
    buffer(tmp_path / "in/cup.zarr", packed=packed)

    lines, episodes, stored = read_all(tmp_path / "in", tmp_path / "scratch", rate_hz=10)

    assert [one.part for one in episodes] == ["episode_0", "episode_1"]
    by_name = {one.name: one for one in episodes[1].streams}
    assert by_name["action"].values[0].tolist() == [12.0, 13.0, 14.0]
    assert by_name["action"].ts_ns.tolist() == [step * 100_000_000 for step in range(5)]
    shown = frames(by_name["camera0_rgb"], stored)
    assert [one.tolist() for one in shown] == PICTURES[4:].tolist()
    taken = [line for line in lines.values() if line.status == "ingested"]
    assert sum(line.num_messages for line in taken) == 9
    assert sum(line.num_frames for line in taken) == 9
    assert {line.status for line in lines.values()} <= {"ingested", "companion"}


def chunk(root: Path, name: str) -> Path:
    return next(one for one in sorted((root / "data" / name).rglob("*")) if one.name[0] != ".")


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda root: chunk(root, "camera0_rgb").unlink(), "PARTS_MISSING"),
        (lambda root: chunk(root, "action").write_bytes(b"\xff" * 40), "CORRUPT"),
    ],
)
def test_chunks_that_are_not_there_or_do_not_decode(tmp_path, harm, reason):
    harm(buffer(tmp_path / "in/cup.zarr"))

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert reason in {line.reason for line in lines.values()}
    assert episodes == []


@pytest.mark.parametrize(("ends", "reason"), [
    ((4, 8), "PARTS_DISAGREE"), ((9, 4), "CORRUPT"), ((), "NO_CONTENT"),
])  # fmt: skip
def test_ends_that_do_not_fit_are_refused(tmp_path, ends, reason):
    buffer(tmp_path / "in/cup.zarr", ends=ends)

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert reason in {line.reason for line in lines.values()}
    assert episodes == []


def test_a_zip_that_was_cut_is_found(tmp_path):
    path = buffer(tmp_path / "in/cup.zarr", packed=True).with_suffix(".zarr.zip")
    path.write_bytes(path.read_bytes()[:-200])

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert {line.status for line in lines.values()} <= {"quarantined", "unsupported"}
    assert episodes == []


def packed_by(codec: Any, path: Path) -> Path:
    """Write four steps of noise that an older codec packs."""
    root = zarr.open_group(str(path), mode="w", zarr_format=2)
    data, meta = root.create_group("data"), root.create_group("meta")
    noise = np.random.default_rng(7).normal(size=(4, 200))
    data.create_array("state", data=noise, chunks=(2, 200), compressors=codec)
    meta.create_array("episode_ends", data=np.array([4], np.int64))
    return path


@pytest.mark.parametrize("codec", [
    numcodecs.Blosc(), numcodecs.Blosc("zstd"), numcodecs.Zlib(), numcodecs.Zstd(),
])  # fmt: skip
@pytest.mark.parametrize("left", [0.5, 0.999])
def test_a_chunk_that_was_cut_is_found(tmp_path, codec, left):
    path = packed_by(codec, tmp_path / "in/cup.zarr")
    whole, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")
    cut = chunk(path, "state")
    cut.write_bytes(cut.read_bytes()[: int(cut.stat().st_size * left)])

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert "quarantined" not in {line.status for line in whole.values()}
    assert "CORRUPT" in {line.reason for line in lines.values()}
    assert episodes == []


@pytest.mark.parametrize("name", ["data/state", "data/camera0_rgb"])
def test_a_flipped_byte_in_a_zip_is_found(tmp_path, name):
    path = buffer(tmp_path / "in/cup.zarr", packed=True).with_suffix(".zarr.zip")
    data = bytearray(path.read_bytes())
    at = data.index(name.replace("state", "action").encode() + b"/0")
    data[at + 60] ^= 0x10
    path.write_bytes(data)

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert {line.reason for line in lines.values()} == {"CORRUPT"}
    assert episodes == []


def test_numbers_that_are_not_there_are_noted(tmp_path):
    chunk(buffer(tmp_path / "in/cup.zarr"), "action").unlink()

    _, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert any("action: 1 chunks are not there" in note for note in episodes[0].notes)
