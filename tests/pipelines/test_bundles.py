"""Bundles: in order, none lost, no bundle above its bounds unless one item is."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipelines.bundles import bundled

WEIGHTS = st.lists(st.integers(0, 50), max_size=40)


@given(weights=WEIGHTS, most=st.integers(1, 8), heaviest=st.integers(0, 60))
def test_every_item_is_in_one_bundle_and_bounds_hold(weights, most, heaviest):
    found = list(bundled(weights, lambda one: one, most=most, heaviest=heaviest))

    assert [one for bundle in found for one in bundle] == weights
    assert all(len(one) <= most for one in found)
    assert all(sum(one) <= heaviest or len(one) == 1 for one in found)


@given(weights=WEIGHTS, most=st.integers(1, 8), heaviest=st.integers(0, 60))
def test_a_bundle_is_closed_only_when_the_next_item_does_not_fit(weights, most, heaviest):
    found = list(bundled(weights, lambda one: one, most=most, heaviest=heaviest))

    for bundle, after in pairwise(found):
        assert len(bundle) == most or sum(bundle) + after[0] > heaviest
