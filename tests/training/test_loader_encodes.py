"""However a film is encoded, a window shows what a decode from the start shows, to the last bit."""

import io

import av
import numpy as np
import pytest
import torch

from tests.training.conftest import opened
from tests.training.encodes import DEFAULT, RENDERED, film, film_set, scene
from training.errors import DeviceError
from training.loader import Asked, Feed, FeedSpec, windows_in
from training.loader.h264 import order_of
from training.loader.pixels import Converter

NUM_FRAMES, SIZE, LENGTH = 61, 64, 9
ENCODES = {
    "rendered": RENDERED,
    "defaults": DEFAULT,
    "short groups": {"g": "12", "bf": "3"},
    "five B-frames, four slices": {"g": "30", "bf": "5", "slices": "4", "b_strategy": "0"},
    "delimiters": {"g": "20", "bf": "2", "x264-params": "aud=1:b-pyramid=none"},
    "scaling lists": {"g": "25", "x264-params": "cqm=jvt"},  # the order is not told: all decoded
    "baseline": {"profile": "baseline", "g": "10"},
}


def film_of(tmp_path, options):
    return film(tmp_path / "film.mp4", scene(7, NUM_FRAMES, SIZE), options, size=SIZE)


def sequential(media):
    with av.open(io.BytesIO(media), "r", format="h264") as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def every_window(cleared, *, threads=1, decode_on="cpu"):
    windows = windows_in(cleared, length=LENGTH, stride=1)
    feed = Feed(cleared, windows, FeedSpec(decode_threads=threads, decode_on=decode_on))
    ids = np.arange(len(windows))
    try:
        return feed.read(Asked(step=0, slots=ids, windows=ids, sequence=0))
    finally:
        feed.close()


@pytest.mark.parametrize("name", ENCODES)
def test_every_window_equals_a_sequential_decode(tmp_path, name):
    one = film_of(tmp_path, ENCODES[name])
    cleared = opened(film_set(tmp_path, {"acorn": [one]}, size=SIZE))

    batch = every_window(cleared)

    true = sequential(one.media)
    assert len(true) == NUM_FRAMES
    assert batch.lost == ()
    for first, frames in enumerate(batch.frames_BTHWC):
        assert np.array_equal(frames, true[first : first + LENGTH]), first
    assert len(batch.frames_BTHWC) == NUM_FRAMES - LENGTH + 1


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("name", ENCODES)
def test_a_gpu_decodes_to_the_same_bits(tmp_path, name):
    one = film_of(tmp_path, ENCODES[name])
    cleared = opened(film_set(tmp_path, {"acorn": [one]}, size=SIZE))

    batch = every_window(cleared, decode_on="cuda:0")

    assert batch.lost == ()
    assert np.array_equal(batch.frames_BTHWC, every_window(cleared).frames_BTHWC)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a CUDA device is there")
@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_a_machine_without_a_gpu_decoder_is_told_so(cleared, device):
    with pytest.raises(DeviceError, match="no decoder on cuda") as caught:
        every_window(cleared, decode_on=device)

    assert caught.value.code == "GPU_DECODER_MISSING"


def test_two_threads_show_the_same_and_windows_that_touch_are_read_once(tmp_path):
    one = film_of(tmp_path, ENCODES["short groups"])
    cleared = opened(film_set(tmp_path, {"acorn": [one]}, size=SIZE))
    windows = windows_in(cleared, length=LENGTH, stride=1)
    feed = Feed(cleared, windows, FeedSpec(decode_threads=1))
    ids = np.arange(len(windows))

    one_thread, two = every_window(cleared), every_window(cleared, threads=2)
    frames = one_thread.frames_BTHWC.nbytes
    asked = Asked(step=0, slots=ids, windows=ids, sequence=0)

    assert np.array_equal(one_thread.frames_BTHWC, two.frames_BTHWC)
    assert feed.cost(asked) == frames + len(one.media)
    feed.close()


@pytest.mark.parametrize("name", ["defaults", "short groups", "five B-frames, four slices"])
def test_the_order_of_showing_is_read_from_the_packets(tmp_path, name):
    one = film_of(tmp_path, ENCODES[name])
    with av.open(str(one.path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    times = sorted(packet.pts or 0 for packet in packets)
    starts = [at for at, key in enumerate(one.keys) if key]

    for start, end in zip(starts, [*starts[1:], NUM_FRAMES], strict=True):
        order = order_of(one.units[start:end])
        assert order is not None
        assert [start + place for place in order.shown] == [
            times.index(packet.pts or 0) for packet in packets[start:end]
        ]
        if end - start > 8:
            assert 0 < sum(order.needed) < end - start  # some B-frames are nobody's reference


def test_an_order_that_cannot_be_told_is_not_guessed(tmp_path):
    units = film_of(tmp_path, ENCODES["defaults"]).units
    interlaced = film_of(tmp_path, {"x264-params": "interlaced=1"}).units
    scaled = film_of(tmp_path, ENCODES["scaling lists"]).units

    assert order_of(interlaced) is None
    assert order_of(scaled) is None
    assert order_of(units[1:]) is None  # no parameters, no beginning
    assert order_of([units[0], units[0]]) is None  # two beginnings
    assert order_of([units[0], units[1], units[1]]) is None  # one place for two
    assert order_of([units[0][:40]]) is None
    assert order_of([b""]) is None


def test_groups_that_look_back_beyond_their_beginning_are_not_delivered(tmp_path):
    """With open groups a picture may be decoded from before its group: then it has no weight."""
    one = film_of(tmp_path, {"x264-params": "open-gop=1:keyint=12:min-keyint=12:bframes=3"})
    cleared = opened(film_set(tmp_path, {"acorn": [one]}, size=SIZE))

    batch = every_window(cleared)

    true = sequential(one.media)
    assert batch.lost
    for first, (frames, weight) in enumerate(zip(batch.frames_BTHWC, batch.weight_B, strict=True)):
        shown = true[first : first + LENGTH] if weight else np.zeros_like(frames)
        assert np.array_equal(frames, shown), first


@pytest.mark.parametrize("size", [(64, 64), (48, 80), (72, 40), (50, 34)])
def test_both_ways_to_rgb_give_the_same_bytes(size):
    height, width = size
    rng = np.random.default_rng(3)
    luma = rng.integers(0, 256, (height * 3 // 2, width), dtype=np.uint8)
    frame = av.VideoFrame.from_ndarray(luma, format="yuv420p")
    tagged = av.VideoFrame.from_ndarray(luma, format="yuv420p")
    tagged.colorspace, tagged.color_range = 1, 2  # BT.709, all 256 values

    for one in (frame, tagged):
        straight, copied = np.zeros((2, height, width, 3), np.uint8)
        Converter().write(one, straight)
        Converter(direct=False).write(one, copied)
        assert np.array_equal(straight, copied)
        assert np.array_equal(straight, one.to_ndarray(format="rgb24"))
        assert straight.any()
        from_device = one.reformat(format="nv12")
        Converter().write(from_device, copied)
        assert np.array_equal(straight, copied)
