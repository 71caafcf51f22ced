"""What is read ahead stays within its bytes, and memory is used again but never under a reader."""

import gc

import numpy as np
import pytest
import torch

from training.loader import Asked, Feed, FeedSpec, windows_in
from training.loader.slabs import Slabs

LENGTH, BATCH = 6, 4


def plan(windows, steps, pulled):
    for step in range(steps):
        pulled.append(step)
        ids = (np.arange(BATCH) + step) % len(windows)
        yield Asked(step=step, slots=np.arange(BATCH), windows=ids, sequence=0, position=step)


@pytest.mark.parametrize(("budget", "ahead"), [(1, 1), (1.0, 1), (2.1, 2), (50.0, 3)])
def test_no_more_is_read_ahead_than_the_budget_of_bytes(cleared, budget, ahead):
    windows = windows_in(cleared, length=LENGTH, stride=1)
    probe = Feed(cleared, windows)
    cost = max(probe.cost(one) for one in plan(windows, 9, []))
    probe.close()
    spec = FeedSpec(prefetch_bytes=int(budget * cost) if isinstance(budget, float) else budget)
    feed = Feed(cleared, windows, spec)
    pulled: list[int] = []
    got = []
    try:
        for asked, batch in feed.follow(plan(windows, 9, pulled)):
            got.append((asked.position, batch.step))
            # those begun, and one that waits for room
            assert len(pulled) - len(got) <= ahead
            if len(got) == 1:
                assert len(pulled) == ahead + 1
    finally:
        feed.close()

    assert got == [(step, step) for step in range(9)]


def test_what_was_read_ahead_is_dropped_with_its_plan(cleared):
    windows = windows_in(cleared, length=LENGTH, stride=1)
    feed = Feed(cleared, windows)
    first = feed.follow(plan(windows, 9, []))
    assert next(first)[1].step == 0
    first.close()  # type: ignore[attr-defined]

    again = [batch.step for _, batch in feed.follow(plan(windows, 3, []))]

    feed.close()
    assert again == [0, 1, 2]


def test_a_batch_keeps_its_frames_while_others_are_read(cleared):
    windows = windows_in(cleared, length=LENGTH, stride=1)
    feed = Feed(cleared, windows, FeedSpec(decode_threads=1))
    ids = np.arange(BATCH)
    asked = Asked(step=0, slots=ids, windows=ids, sequence=0)
    held = feed.read(asked).frames_BTHWC[1:2]  # a view is enough to keep it
    before = held.copy()
    for step in range(1, 6):
        other = Asked(step=step, slots=ids, windows=ids + step, sequence=0)
        feed.read(other)

    feed.close()
    assert np.array_equal(held, before)


def test_memory_is_lent_again_once_nothing_looks_at_it():
    slabs = Slabs()
    frames = slabs.lend((2, 3, 4, 4, 3))
    address = frames.ctypes.data
    view = torch.from_numpy(frames)[1:]
    del frames
    gc.collect()

    other = slabs.lend((2, 3, 4, 4, 3))
    assert other.ctypes.data != address

    view.zero_()
    del view
    gc.collect()
    smaller = slabs.lend((1, 3, 4, 4, 3))
    assert smaller.ctypes.data == address
    assert smaller.shape == (1, 3, 4, 4, 3)
    assert slabs.lend((9, 3, 4, 4, 3)).shape[0] == 9
