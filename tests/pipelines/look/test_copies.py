"""Copies: found however they were made, and nothing else taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from pipelines.look.copies import Hashes, Series, build_index, likenesses
from pipelines.pictures.hashes import difference_hashes
from tests.pipelines.scenes import pan, takes

FPS = 20


def series(pictures, name="x", *, fps=FPS) -> Series:
    quarters = np.arange(len(pictures)) * 4 // fps
    first = np.flatnonzero(np.diff(np.concatenate([[-1], quarters])))
    bits, mask = difference_hashes(np.ascontiguousarray(pictures[first]))
    return Series(
        source_id="s", episode_id=name, stream="video", start_ns=0, count=len(pictures),
        digest=name, slots=quarters[first].astype(np.int64), hashes=Hashes.of(bits, mask),
    )  # fmt: skip


PANS = [pan(seed, seconds=5) for seed in range(24)]
TAKES = [takes(seed, seconds=6) for seed in range(24)]


@pytest.fixture(scope="module", params=[PANS, TAKES], ids=["pans", "takes of a fixed camera"])
def stored(request):
    return request.param, build_index([series(one, str(n)) for n, one in enumerate(request.param)])


def likeness(pictures, number, index, **how):
    found = [one for one in likenesses(series(pictures, **how), index) if one.other == number]
    return found[0] if found else None


def test_other_recordings_are_no_copies(stored):
    pictures, index = stored

    for number, one in enumerate(pictures):
        assert [each.other for each in likenesses(series(one), index)] == [number]


def noisy(pictures):
    noise = np.random.default_rng(5).normal(0, 5, pictures.shape)
    return np.clip(pictures + noise, 0, 255).astype(np.uint8)


def cropped(pictures):
    rows, columns = (np.arange(size) * (size - 4) // size + 2 for size in pictures.shape[1:])
    return pictures[:, rows][:, :, columns]


@pytest.mark.parametrize(
    ("change", "bound"),
    [
        (noisy, 0.05),
        (lambda pictures: (pictures * 0.7 + 20).astype(np.uint8), 0.05),
        (lambda pictures: pictures[:, :, ::-1], 0.001),
        (cropped, 0.25),
    ],
    ids=["noise", "brightness", "mirrored", "cropped"],
)
def test_a_changed_copy_is_found(stored, change, bound):
    pictures, index = stored

    for number, one in enumerate(pictures):
        found = likeness(change(one), number, index)
        assert found is not None
        assert found.distance < bound


def test_a_mirrored_copy_says_so():
    index = build_index([series(PANS[0])])

    assert likeness(PANS[0][:, :, ::-1], 0, index).is_mirrored
    assert not likeness(PANS[0], 0, index).is_mirrored


def test_half_the_rate_is_the_same_recording(stored):
    pictures, index = stored

    for number, one in enumerate(pictures):
        assert likeness(one[::2], number, index, fps=FPS // 2).kind == "near"


def test_an_excerpt_names_its_place():
    index = build_index([series(one, str(n)) for n, one in enumerate(PANS)])

    found = likeness(PANS[2][30:90], 2, index)

    assert (found.low, found.high, found.shift) == (0, 12, -6)
    assert found.kind == "near"


def test_what_stands_around_a_copy_is_left_out():
    index = build_index([series(one, str(n)) for n, one in enumerate(PANS[:4])])
    longer = np.concatenate([pan(90, seconds=2), PANS[1], pan(91, seconds=3)])

    found = likeness(longer, 1, index)

    assert (found.low, found.high, found.shift) == pytest.approx((8, 28, 8), abs=2)


def test_where_nothing_happens_a_likeness_is_only_suspect():
    still = [np.repeat(one[:1], 80, axis=0) for one in PANS[:6]]
    index = build_index([series(one, str(n)) for n, one in enumerate(still)])

    found = [(each.other, each.kind) for each in likenesses(series(noisy(still[3])), index)]

    assert found == [(3, "suspect")]


def test_a_plain_picture_and_an_empty_series_are_like_nothing():
    grey = np.full((80, 90, 160), 90, np.uint8)
    index = build_index([series(grey), series(PANS[0][:0])])

    assert list(likenesses(series(grey), index)) == []
    assert list(likenesses(series(PANS[0][:0]), index)) == []
