"""The order of samples: a formula, whatever the ranks and wherever a run stops."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import ConfigError, Refused
from training.sampler import (
    BLOCK,
    Cursor,
    Segment,
    chain_of,
    cursor_of,
    link,
    permute,
    plan_order,
    replay,
    take,
)
from training.windows import Span, Windows, WindowSpec

DIGEST = "ab" * 32
SPEC = WindowSpec(length=4, stride=2)


def windows(*counts):
    """Windows of sources a, b, c ... with these counts each, one clip a source."""
    spans = [
        Span(source_id=chr(97 + at), clip_id="0", camera="", num_frames=2 + 2 * count, row=at)
        for at, count in enumerate(counts)
    ]
    return Windows(spans=tuple(spans), spec=SPEC)


def deliver(plan, num_steps, *, batch, worlds=(1,), dead=None, position=0):
    """Window ids of `num_steps` steps, each cut into ranks and put together again by slot."""
    dead = np.zeros(plan.num_windows, dtype=bool) if dead is None else dead
    out = []
    for step in range(num_steps):
        ids, position = take(plan, position, size=batch, dead=dead)
        world = worlds[step % len(worlds)]
        whole = np.empty_like(ids)
        for rank in range(world):
            whole[rank::world] = ids[rank::world]
        out.append(whole)
    return np.concatenate(out), position


@given(st.integers(1, 3000), st.integers(0, 2**63 - 1))
def test_a_permutation_hits_every_place_once(size, seed):
    got = permute(np.arange(size), size, str(seed).encode())

    assert np.array_equal(np.sort(got), np.arange(size))


def test_a_large_permutation_is_a_bijection_and_not_the_identity():
    got = permute(np.arange(1_000_000), 1_000_000, b"key")

    assert len(np.unique(got)) == 1_000_000
    assert abs(np.corrcoef(got, np.arange(1_000_000))[0, 1]) < 0.01


@given(st.integers(1, 60), st.integers(0, 99), st.integers(1, 7), st.lists(st.integers(1, 4)))
def test_every_window_once_an_epoch_over_all_ranks(count, seed, batch, worlds):
    plan = plan_order(windows(count), DIGEST, seed)
    ids, _ = deliver(plan, 3 * count, batch=batch, worlds=worlds or [1])

    for epoch in range(batch):
        seen = ids[epoch * count : (epoch + 1) * count]
        assert np.array_equal(np.sort(seen), np.arange(count))


@settings(max_examples=30)
@given(st.integers(0, 10), st.sets(st.integers(0, 29), max_size=20))
def test_a_resumed_run_gets_what_an_uninterrupted_one_gets(stop, gone):
    plan = plan_order(windows(10, 20), DIGEST, 7, weights={"a": 1.0, "b": 3.0})
    dead = np.isin(np.arange(30), list(gone))
    whole, _ = deliver(plan, 11, batch=5, dead=dead)
    first, position = deliver(plan, stop, batch=5, dead=dead, worlds=(1, 2)) if stop else ([], 0)
    second, _ = deliver(plan, 11 - stop, batch=5, dead=dead, worlds=(3,), position=position)

    assert np.array_equal(whole, np.concatenate([np.array(first, np.int64), second]))
    assert not np.isin(whole, list(gone)).any()


def test_the_order_depends_on_manifest_seed_and_epoch():
    plans = [plan_order(windows(50), *of) for of in ((DIGEST, 1), (DIGEST, 2), ("cd" * 32, 1))]
    orders = [plan.draw(np.arange(50)).tolist() for plan in plans]
    later = plans[0].draw(np.arange(50, 100)).tolist()

    assert len({tuple(order) for order in (*orders, later)}) == 4


def test_a_mixture_is_exact_in_every_block_and_fair_inside_a_source():
    table = windows(30, 300, 7)
    plan = plan_order(table, DIGEST, 3, weights={"a": 0.5, "b": 0.3, "c": 0.2})
    ids = plan.draw(np.arange(3 * BLOCK))
    owner = np.searchsorted(table.ends, ids, side="right")

    for block in owner.reshape(3, BLOCK):
        assert np.bincount(block).tolist() == list(plan.quotas)
    assert sum(plan.quotas) == BLOCK
    for _, first, count in plan.sources:
        exposures = np.bincount(ids, minlength=len(table))[first : first + count]
        assert exposures.max() - exposures.min() <= 1


def test_a_source_without_weight_is_not_drawn():
    plan = plan_order(windows(10, 10), DIGEST, 0, weights={"b": 1.0})

    assert plan.draw(np.arange(500)).min() >= 10


@pytest.mark.parametrize(
    ("weights", "code"),
    [({"a": 1.0, "b": 1e-9}, "WEIGHT_TOO_SMALL"), ({"zebra": 1.0}, "CONFIG_INVALID")],
)
def test_weights_that_cannot_be_kept_are_refused(weights, code):
    with pytest.raises(ConfigError) as caught:
        plan_order(windows(10, 10), DIGEST, 0, weights=weights)

    assert caught.value.code == code


def test_a_set_without_windows_is_refused():
    with pytest.raises(ConfigError, match="no clip is as long"):
        plan_order(windows(0), DIGEST, 0)


def test_it_ends_when_everything_is_revoked():
    plan = plan_order(windows(4), DIGEST, 0)

    with pytest.raises(Refused, match="every window"):
        take(plan, 0, size=2, dead=np.ones(4, dtype=bool))


def test_the_order_of_one_manifest_is_pinned():
    plan = plan_order(windows(12, 5), DIGEST, 42)

    assert plan.draw(np.arange(17)).tolist() == GOLDEN_ORDER


def test_a_record_replays_to_the_ids_that_were_chained():
    table = windows(20, 20)
    plan = plan_order(table, DIGEST, 5)
    first, position = deliver(plan, 3, batch=4)
    gone = table.dead(["source:a"])
    second, end = deliver(plan, 4, batch=4, dead=gone, position=position)
    delivered = np.concatenate([first, second]).reshape(7, 4)
    chain = chain_of(
        "0" * 64,
        {step: dict(enumerate(map(int, ids))) for step, ids in enumerate(delivered)},
    )
    segments = (
        Segment(step=0, position=0, sequence=1, digest="x"),
        Segment(step=3, position=position, sequence=2, digest="y", subjects=("source:a",)),
    )
    cursor = Cursor(manifest=DIGEST, seed=5, step=7, position=end, chain=chain, segments=segments)

    again = "0" * 64
    for step, ids in replay(plan, table, cursor, batch=4):
        again = link(again, step, ids)
    assert again == chain
    assert cursor_of(cursor.doc()) == cursor


GOLDEN_ORDER = [2, 5, 14, 12, 7, 1, 16, 6, 11, 0, 3, 4, 15, 13, 10, 8, 9]
