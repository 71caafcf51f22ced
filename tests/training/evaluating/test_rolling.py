"""Controls change the actions after the context, and nothing else; one prediction serves all."""

import numpy as np
import pytest
import torch

from tests.training.conftest import small
from tests.training.models import MODES
from training.evaluating.foreseen import foresee
from training.evaluating.held_out import read_windows
from training.evaluating.plan import Plan
from training.evaluating.rolling import Rolled, partners, with_other_actions, without_actions
from training.loader import shapes_of, windows_at
from training.model.world import world_of


def held(cleared, num=6):
    found = read_windows(cleared, small(), split="train", length=12, num=num, seed=0)
    assert found is not None
    return found


def test_a_partner_is_of_the_same_source_and_another_clip():
    sources, clips = list("aaabbc"), ["1", "1", "2", "3", "3", "4"]
    for draw in range(5):
        found = partners(sources, clips, seed=0, draw=draw)

        assert found[:2] == (2, 2)  # the only other clip
        assert found[2] in {0, 1}
        assert found[3:5] == (4, 3)  # no other clip: the other window
        assert found[5] == 5  # nobody else
    assert len({partners(["a"] * 9, list("abcdefghi"), seed=0, draw=one) for one in range(5)}) > 1


def test_other_actions_begin_after_the_context_and_come_from_the_source(cleared):
    windows = held(cleared)
    changed = with_other_actions(windows, 4, seed=0, draw=0)
    others = partners(windows.sources, windows.clips, seed=0, draw=0)

    assert np.array_equal(changed.action_BTA[:, :4], windows.batch.action_BTA[:, :4])
    assert np.array_equal(changed.action_BTA[:, 4:], windows.batch.action_BTA[list(others)][:, 4:])
    assert not np.array_equal(changed.action_BTA[:, 4:], windows.batch.action_BTA[:, 4:])
    assert np.array_equal(changed.state_BTS, windows.batch.state_BTS)
    assert all(windows.clips[one] != windows.clips[at] for at, one in enumerate(others))


def test_a_window_alone_gets_its_own_actions_in_another_order(cleared):
    alone = held(cleared).of([0])
    changed = with_other_actions(alone, 4, seed=0, draw=0).action_BTA[0, 4:]
    own = alone.batch.action_BTA[0, 4:]

    assert not np.array_equal(changed, own)
    assert np.array_equal(np.sort(changed, axis=0), np.sort(own, axis=0))


def test_no_action_masks_every_channel_after_the_context(cleared):
    windows = held(cleared)
    changed = without_actions(windows.batch, 4)

    assert not changed.action_mask_BTA[:, 4:].any()
    assert np.array_equal(changed.action_mask_BTA[:, :4], windows.batch.action_mask_BTA[:, :4])
    assert windows.batch.action_mask_BTA[:, 4:].all()


def test_windows_are_spread_over_sources_and_clips(cleared):
    windows = held(cleared, num=7)

    assert sorted(windows.sources).count("acorn") == 4
    assert len(set(windows.clips)) == 7
    again, other = (
        held(cleared, num=7),
        read_windows(cleared, small(), split="train", length=12, num=7, seed=1),
    )
    assert other is not None
    assert np.array_equal(again.batch.window_B, windows.batch.window_B)
    assert not np.array_equal(other.batch.window_B, windows.batch.window_B)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_foreseen_once_is_what_would_be_predicted_each_time(cleared, mode):
    config = small(model={"mode": mode, "width": 16, "depth": 2, "heads": 2, "kv_heads": 1})
    model = world_of(config, shapes_of(cleared.manifest))
    torch.nn.init.normal_(model.dynamics.latent_head.weight, std=0.3)
    rolled = Rolled(model=model, context=4, seed=0, memory=12, euler_steps=2)
    windows = held(cleared)
    found = foresee(rolled, windows, Plan(batch=4))

    for chunk in (np.arange(4), np.arange(4, 6)):
        tensors = rolled.tensors(windows_at(windows.batch, chunk))
        z_BTNC = rolled.latents(tensors)
        predicted = rolled.predicted(tensors, z_BTNC)
        true, again = found.at(chunk)
        assert torch.equal(true, z_BTNC)
        assert torch.equal(again.z_BTNC, predicted.z_BTNC)
        assert torch.equal(again.state_BTS, predicted.state_BTS)
    assert found.digest() == foresee(rolled, windows, Plan(batch=4)).digest()
