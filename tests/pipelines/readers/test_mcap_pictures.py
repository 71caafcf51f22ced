"""Topics of pictures in which some are missing, damaged, or unlike the others."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from tests.pipelines.readers.bags import HUMBLE, IMAGE, image, joints, units_of
from tests.pipelines.readers.recordings import jpeg, picture, read_all
from tests.pipelines.readers.test_mcap_kinds import ros_log

PHOTO = "sensor_msgs/msg/CompressedImage"


def photos(pictures: list[bytes]) -> list[Any]:
    kind: Any = HUMBLE.types[PHOTO]
    return [
        kind(joints(HUMBLE, step).header, "jpeg", np.frombuffer(data, np.uint8))
        for step, data in enumerate(pictures)
    ]


def png(number: int) -> bytes:
    context: Any = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt = 96, 64, "rgb24"
    context.time_base = Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
    return bytes(next(iter([*context.encode(frame), *context.encode(None)])))


@pytest.mark.parametrize("place", [0, 3])
@pytest.mark.parametrize("data", [b"", b"\0" * 300])
def test_one_photo_that_is_none_costs_one_picture(tmp_path, place, data):
    pictures = [jpeg(step) for step in range(6)]
    pictures[place] = data
    ros_log(tmp_path / "in/a.mcap", PHOTO, photos(pictures))

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")
    _, (partial,), stored = read_all(tmp_path / "in", tmp_path / "s", accept_partial=True)

    assert (files["a.mcap"].reason, episodes) == ("CORRUPT", [])
    assert (files["a.mcap"].num_messages, files["a.mcap"].num_frames) == (6, 5)
    (eye,) = partial.streams
    assert (eye.kind, len(partial.gaps), len(eye.ts_ns)) == ("video", 1, 5)
    assert set(pictures) - {data} <= set(units_of(eye, stored))


def test_photos_of_which_none_decodes_make_a_log_corrupt(tmp_path):
    ros_log(tmp_path / "in/a.mcap", PHOTO, photos([b"\0" * 300] * 4))

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.mcap"].reason, episodes) == ("CORRUPT", [])
    assert (files["a.mcap"].num_messages, files["a.mcap"].num_frames) == (4, 0)


@pytest.mark.parametrize("harm", ["short", "empty", "huge", "zero"])
@pytest.mark.parametrize("place", [0, 3])
def test_one_image_that_is_not_as_long_as_it_says_costs_one_picture(tmp_path, harm, place):
    told = [image(HUMBLE, step) for step in range(6)]
    bad = told[place]
    bad.data = {"short": bad.data[:50], "empty": bad.data[:0], "zero": bad.data[:0]}.get(
        harm, bad.data
    )
    bad.height = {"huge": 60_000, "zero": 0}.get(harm, bad.height)
    ros_log(tmp_path / "in/a.mcap", IMAGE, told)

    files, episodes, _ = read_all(tmp_path / "in", tmp_path / "s")
    _, (partial,), stored = read_all(tmp_path / "in", tmp_path / "s", accept_partial=True)

    assert (files["a.mcap"].reason, episodes) == ("CORRUPT", [])
    assert (files["a.mcap"].num_messages, files["a.mcap"].num_frames) == (6, 5)
    (eye,) = partial.streams
    assert [unit[0] for unit in units_of(eye, stored)] == [n for n in range(6) if n != place]


def test_images_that_change_their_size_are_a_stream_a_size(tmp_path):
    small = [image(HUMBLE, step) for step in range(4)]
    for one in small[2:]:
        one.height, one.data = 3, one.data[: len(one.data) // 2]
    ros_log(tmp_path / "in/a.mcap", IMAGE, small)

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.mcap"].num_messages, files["a.mcap"].num_frames) == (4, 4)
    first, second = episode.streams
    assert (first.name, second.name) == ("/it", "/it#2")
    assert [(one.width, one.height) for one in episode.streams] == [(8, 6), (8, 3)]
    assert [unit[0] for unit in units_of(second, stored)] == [2, 3]


def test_photos_of_two_codecs_are_a_stream_a_codec(tmp_path):
    pictures = [png(step) if step % 2 else jpeg(step) for step in range(6)]
    ros_log(tmp_path / "in/a.mcap", PHOTO, photos(pictures))

    files, (episode,), stored = read_all(tmp_path / "in", tmp_path / "s")

    assert (files["a.mcap"].status, files["a.mcap"].num_frames) == ("ingested", 6)
    assert [one.codec for one in episode.streams] == ["mjpeg", "png"]
    assert units_of(episode.streams[1], stored) == pictures[1::2]
