"""EuRoC and TUM folders: cameras listed with times, tables beside them, what is not there."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.pipelines.readers.recordings import EPOCH_NS, picture, read_all


def png(number: int, *, deep: bool = False) -> bytes:
    """Encode one picture as PNG, 16 bits a pixel if `deep`."""
    sink = io.BytesIO()
    pixels = "gray16be" if deep else "gray"
    with av.open(sink, "w", format="image2pipe") as container:
        stream: Any = container.add_stream("png", rate=1)
        stream.width, stream.height, stream.pix_fmt = 96, 64, pixels
        frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24").reformat(format=pixels)
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return sink.getvalue()


def euroc(root: Path, *, frames: int = 5) -> Path:
    """Write a camera at 20 Hz and an IMU at 200 Hz."""
    camera, imu = root / "mav0/cam0", root / "mav0/imu0"
    (camera / "data").mkdir(parents=True)
    imu.mkdir(parents=True)
    stamps = [EPOCH_NS + step * 50_000_000 for step in range(frames)]
    for number, stamp in enumerate(stamps):
        (camera / f"data/{stamp}.png").write_bytes(png(number))
    listed = "".join(f"{stamp},{stamp}.png\r\n" for stamp in stamps)
    (camera / "data.csv").write_text("#timestamp [ns],filename\r\n" + listed)
    (camera / "sensor.yaml").write_text("sensor_type: camera\n")
    rows = "".join(f"{EPOCH_NS + step * 5_000_000},{step},0,9.8\n" for step in range(40))
    (imu / "data.csv").write_text(
        "#timestamp [ns],w_x [rad s^-1],w_y [rad s^-1],a_z [m s^-2]\n" + rows
    )
    return root


def tum(root: Path) -> Path:
    """Write colour and depth pictures and a pose for each."""
    for name in ("rgb", "depth"):
        (root / name).mkdir(parents=True)
    stamps = [f"1305031102.{175304 + step * 33333:06d}" for step in range(6)]
    for name in ("rgb", "depth"):
        for number, stamp in enumerate(stamps):
            (root / name / f"{stamp}.png").write_bytes(png(number, deep=name == "depth"))
        listed = "".join(f"{stamp} {name}/{stamp}.png\n" for stamp in stamps)
        (root / f"{name}.txt").write_text(f"# {name} images\n# timestamp filename\n{listed}")
    poses = "".join(f"{stamp} 1.0 -2.5e-1 0 0 0 0 1\n" for stamp in stamps)
    (root / "groundtruth.txt").write_text("# timestamp tx ty tz qx qy qz qw\n" + poses)
    (root / "README.txt").write_text("recorded in a hall\n")
    return root


def test_a_euroc_folder_is_one_episode(tmp_path):
    euroc(tmp_path / "in")

    lines, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch")

    by_name = {one.name: one for one in episode.streams}
    assert (by_name["cam0"].num_frames, by_name["cam0"].codec) == (5, "png")
    assert np.diff(by_name["cam0"].ts_ns).tolist() == [50_000_000] * 4
    assert by_name["imu0"].channels == ("w_x", "w_y", "a_z")
    assert by_name["imu0"].clock.epoch == "unix"
    assert lines["mav0/cam0/sensor.yaml"].status == "companion"
    assert lines["mav0/cam0/data.csv"].num_messages == 5
    assert lines["mav0/imu0/data.csv"].num_messages == 40
    pictures = [line for path, line in lines.items() if path.endswith(".png")]
    assert [(one.status, one.num_frames) for one in pictures] == [("ingested", 1)] * 5


def test_a_tum_folder_is_one_episode(tmp_path):
    tum(tmp_path / "in/desk")

    lines, (episode,), _ = read_all(tmp_path / "in", tmp_path / "scratch")

    by_name = {one.name: one for one in episode.streams}
    assert {name: one.num_frames for name, one in by_name.items()} == {
        "rgb": 6, "depth": 6, "groundtruth": 0,
    }  # fmt: skip
    assert by_name["groundtruth"].channels == ("tx", "ty", "tz", "qx", "qy", "qz", "qw")
    assert int(by_name["rgb"].ts_ns[0]) == 1_305_031_102_175_304_000
    assert lines["desk/README.txt"].status == "companion"
    assert lines["desk/groundtruth.txt"].num_messages == 6


@pytest.mark.parametrize("make", [euroc, tum])
def test_a_listed_picture_that_is_not_there_is_missed(tmp_path, make):
    make(tmp_path / "in")
    gone = sorted((tmp_path / "in").rglob("*.png"))[-1]
    gone.unlink()

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert "PARTS_MISSING" in {line.reason for line in lines.values()}
    assert episodes == []


@pytest.mark.parametrize("make", [euroc, tum])
def test_a_picture_that_does_not_decode_is_damage(tmp_path, make):
    make(tmp_path / "in")
    path = sorted((tmp_path / "in").rglob("*.png"))[-1]
    path.write_bytes(path.read_bytes()[:60] + bytes(80))

    lines, episodes, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert "CORRUPT" in {line.reason for line in lines.values()}
    assert episodes == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#timestamp [ns],w_x\n1,2\n3,4,5\n7,8\n", "CORRUPT"),
        ("#timestamp [ns],w_x\n1,2\n3\n", "TRUNCATED"),
        ("#timestamp [ns],w_x\n1,x\n", "CORRUPT"),
        ("#timestamp [ns],w_x\nnow,2\n", "CLOCK_BROKEN"),
        ("#timestamp [ns],w_x\n", "NO_CONTENT"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused(tmp_path, text, reason):
    path = tmp_path / "in/mav0/imu0/data.csv"
    path.parent.mkdir(parents=True)
    path.write_text(text)

    lines, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert lines["mav0/imu0/data.csv"].reason == reason


@pytest.mark.parametrize(("rows", "reason"), [
    ("1.5 1 2\n2.5 1\n", "CORRUPT"), ("1.5 1 1e--\n", "CORRUPT"),
])  # fmt: skip
def test_a_table_of_poses_that_cannot_be_read_is_refused(tmp_path, rows, reason):
    tum(tmp_path / "in")
    (tmp_path / "in/accelerometer.txt").write_text(rows)

    lines, _, _ = read_all(tmp_path / "in", tmp_path / "scratch")

    assert lines["accelerometer.txt"].reason == reason
