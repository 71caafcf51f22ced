"""Difference hashes: noise does not count, mirroring is arithmetic, backgrounds tell nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipelines.pictures.hashes import active, difference_hashes, mirrored
from tests.pipelines.scenes import pan

WORD = st.integers(0, 2**64 - 1)


def words(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


def test_a_rising_ramp_has_every_bit_and_a_plain_picture_counts_none():
    ramp = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (90, 1))

    bits, mask = difference_hashes(np.stack([ramp, ramp[:, ::-1], np.full_like(ramp, 9)]))

    assert bits.tolist()[:2] == [2**64 - 1, 0]
    assert mask.tolist() == [2**64 - 1, 2**64 - 1, 0]


def test_the_mirrored_hash_is_the_hash_of_the_mirrored_picture():
    pictures = pan(3, seconds=1)

    bits, mask = mirrored(*difference_hashes(pictures))

    other_bits, other_mask = difference_hashes(np.ascontiguousarray(pictures[:, :, ::-1]))
    assert (mask == other_mask).all()
    assert ((bits ^ other_bits) & mask == 0).all()


@given(st.lists(st.tuples(WORD, WORD), min_size=1, max_size=5))
def test_mirroring_twice_changes_nothing(pairs):
    bits, mask = words(*(one for one, _ in pairs)), words(*(one for _, one in pairs))

    assert [each.tolist() for each in mirrored(*mirrored(bits, mask))] == [
        bits.tolist(),
        mask.tolist(),
    ]


def test_a_bit_that_keeps_its_value_tells_something_only_when_it_leaves_it():
    every, background, blink = words(2**64 - 1)[0], 0b100, 0b001
    bits = words(background, background, background | blink, background)

    found = active(bits, np.full(4, every))

    assert found.tolist() == [0, 0, blink, 0]
    assert active(bits[:0], bits[:0]).tolist() == []


def test_a_bit_that_often_changes_always_tells_something():
    bits = words(0, 1, 0, 1, 1, 0)

    assert (active(bits, np.full(6, 1, np.uint64)) == 1).all()
