"""LeRobot's own library reads a pack: every picture, every number, every task."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as pq
import pytest

from licensing.request import read_request
from pipelines.export import export_set
from pipelines.keys import trusted_publics
from pipelines.pack import pack_set
from pipelines.render import RenderSpec
from tests.pipelines.small_world import COMMERCIAL, MIT, NOW, add_source, contract, make_world
from training.gate import open_training_set

PYTHON = Path(".peers-lerobot/bin/python").absolute()
READER = Path(__file__).with_name("lerobot_reader.py")
ROUNDING = 2  # of 255: another library turns the same yuv420p into RGB


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Sources of one camera, of two and of none."""
    settings = make_world(tmp_path_factory.mktemp("lerobot"))
    add_source(settings, "open", [MIT], episodes=2, seed=2)
    add_source(settings, "arm", [contract()], seconds=4, seed=3)
    add_source(settings, "pad-only", [MIT], seed=5, video=False)
    add_source(settings, "pair", [MIT], seed=7, cameras=("/rig/left", "/rig/right"))
    spec = RenderSpec(width=32, height=32, fps=10)
    export_set("demo", "commercial", settings, spec=spec, at_once=0, run_id="test", now=NOW)
    return settings


@pytest.fixture(scope="module")
def rows(world):
    """Every row of the set by clip and camera, with its pictures as RGB."""
    import lance

    cleared = open_training_set(
        world.set_uri("demo", 1), read_request(COMMERCIAL), keys=trusted_publics(world), now=NOW
    )
    data = lance.dataset(f"{cleared.uri}/data.lance")
    index = cleared.index.to_pylist()
    media = data.read_blobs("media", ids=[one["_rowid"] for one in index], preserve_order=True)
    return {
        (row["clip_id"], row["camera"]): row | {"pictures": pictures(raw, row["num_frames"])}
        for row, (_, raw) in zip(index, media, strict=True)
    }


def pictures(raw, count):
    if not raw:
        return np.zeros((count, 0))
    codec = av.CodecContext.create("h264", "r")
    frames = [one for packet in codec.parse(raw) for one in codec.decode(packet)]
    frames += [one for packet in codec.parse(None) for one in codec.decode(packet)]
    frames += codec.decode(None)
    return np.stack([one.to_ndarray(format="rgb24") for one in frames])


def read_by_library(folders, target):
    """What the library hands out of each data set, as arrays by name."""
    if not PYTHON.exists():
        pytest.skip("LeRobot is not installed: make peers")
    libraries = target / "ffmpeg"  # the decoder of LeRobot looks for FFmpeg by its usual names
    libraries.mkdir()
    (site,) = PYTHON.parent.parent.glob("lib/python3*/site-packages")
    for one in (site / "av.libs").iterdir():
        name = re.sub(r"-[0-9a-f]{8}(\.so\.[0-9]+).*", r"\1", one.name)
        (libraries / name).symlink_to(one)
    done = subprocess.run(
        [PYTHON, READER, target, *folders],
        env={**os.environ, "PYTHONPATH": "", "LD_LIBRARY_PATH": str(libraries)},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [dict(np.load(target / f"{number}.npz")) for number in range(len(folders))]


@pytest.mark.soak
def test_the_library_hands_out_every_picture_and_number(world, rows, tmp_path):
    pack_set("demo", str(tmp_path / "pack"), world, as_format="lerobot", now=NOW)
    folders = sorted((tmp_path / "pack").glob("layout-*"))
    assert len(folders) == 3
    read = read_by_library(folders, tmp_path)
    seen = [held(*one, rows) for one in zip(folders, read, strict=True)]
    assert set().union(*seen) == set(rows)


def held(folder, items, rows):
    """Compare one data set with the rows that it holds; return which they are."""
    features = json.loads((folder / "meta/info.json").read_bytes())["features"]
    cameras = {
        one["info"]["camera"]: name for name, one in features.items() if one["dtype"] == "video"
    }
    seen = set()
    for one in pq.read_table(folder / "meta/episodes").to_pylist():
        own = slice(one["dataset_from_index"], one["dataset_to_index"])
        for camera in cameras or {"": ""}:
            row = rows[one["clip_id"], camera]
            seen.add((one["clip_id"], camera))
            compare({name: all_[own] for name, all_ in items.items()}, row)
            if camera:
                shown = np.moveaxis(items[cameras[camera]][own], 1, -1) * 255
                assert np.abs(shown - row["pictures"]).max() <= ROUNDING
    return seen


def compare(items, row):
    """The numbers of one episode with those of its row."""
    shape = (row["num_frames"], -1)
    valid = np.array(row["valid"]).reshape(shape)
    expected = {
        "action": np.array(row["action"], np.float32),
        "observation.state": np.array(row["state"], np.float32),
        "valid.action": valid[:, : row["action_width"]],
        "valid.state": valid[:, row["action_width"] :],
        "frame_ts_ns": np.array(row["frame_ts_ns"]),
    }
    for name, own in expected.items():
        assert items[name].dtype == own.dtype
        assert np.array_equal(items[name].reshape(shape), own.reshape(shape))
    assert items["frame_index"].tolist() == list(range(row["num_frames"]))
    assert np.allclose(items["timestamp"], np.arange(row["num_frames"]) / row["fps"])
    assert set(items["task"]) == {row["source_id"]}
