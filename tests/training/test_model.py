"""The model looks back only, and nothing that is masked has any influence."""

from dataclasses import replace

import pytest
import torch

from tests.training.conftest import small
from training.loader import Shapes
from training.model.dynamics import Dynamics, Seen, rollout
from training.model.tokenizer import Tokenizer
from training.model.world import weights_digest, world_of

BATCH, FRAMES, TOKENS, LATENT, ACTIONS, STATES = 2, 5, 4, 8, 3, 2
SHAPES = Shapes(height=64, width=64, num_actions=ACTIONS, num_states=STATES, num_domains=2)


@pytest.fixture
def dynamics():
    torch.manual_seed(0)
    model = Dynamics(
        small().model, num_tokens=TOKENS, num_actions=ACTIONS, num_states=STATES, num_domains=2
    )
    for head in (model.latent_head, model.state_head):  # fresh ones say "nothing moves"
        torch.nn.init.normal_(head.weight)
    torch.nn.init.normal_(model.no_action)
    return model.eval()


@pytest.fixture
def seen():
    torch.manual_seed(1)
    return Seen(
        z_BTNC=torch.randn(BATCH, FRAMES, TOKENS, LATENT),
        action_BTA=torch.randn(BATCH, FRAMES, ACTIONS),
        action_mask_BTA=torch.ones(BATCH, FRAMES, ACTIONS, dtype=torch.bool),
        state_BTS=torch.randn(BATCH, FRAMES, STATES),
        state_mask_BTS=torch.ones(BATCH, FRAMES, STATES, dtype=torch.bool),
        dt_BT=torch.full((BATCH, FRAMES), 0.1),
        domain_B=torch.tensor([0, 1]),
        video_B=torch.tensor([True, True]),
    )


def changed(tensor, at):
    other = tensor.clone()
    other[:, at] += 1
    return other


@pytest.mark.parametrize("name", ["z_BTNC", "action_BTA", "state_BTS", "dt_BT"])
@torch.no_grad()
def test_a_later_frame_changes_nothing_before_it(dynamics, seen, name):
    before = dynamics(seen)
    after = dynamics(replace(seen, **{name: changed(getattr(seen, name), 3)}))

    # entry t of the answer is frame t + 1; its action and time step are those of t + 1
    upto = 3 if name in {"z_BTNC", "state_BTS"} else 2
    assert torch.equal(before[0][:, :upto], after[0][:, :upto])
    assert torch.equal(before[1][:, :upto], after[1][:, :upto])
    assert not torch.equal(before[0][:, upto], after[0][:, upto])


@torch.no_grad()
def test_a_masked_channel_has_no_influence(dynamics, seen):
    mask = seen.action_mask_BTA.clone()
    mask[:, :, 1] = False
    hidden = replace(seen, action_mask_BTA=mask)
    action = seen.action_BTA.clone()
    action[:, :, 1] = 99

    assert torch.equal(dynamics(hidden)[0], dynamics(replace(hidden, action_BTA=action))[0])


@torch.no_grad()
def test_a_clip_without_actions_gets_the_learned_null_action(dynamics, seen):
    none = replace(seen, action_mask_BTA=torch.zeros_like(seen.action_mask_BTA))
    before = dynamics(none)[0]
    dynamics.no_action += torch.randn_like(dynamics.no_action)

    assert not torch.equal(before, dynamics(none)[0])


@torch.no_grad()
def test_a_clip_without_video_is_not_looked_at(dynamics, seen):
    blind = replace(seen, video_B=torch.tensor([False, True]))
    other = seen.z_BTNC.clone()
    other[0] += 1

    assert torch.equal(dynamics(blind)[1], dynamics(replace(blind, z_BTNC=other))[1])


@torch.no_grad()
def test_a_fresh_model_says_that_nothing_moves(seen):
    fresh = Dynamics(
        small().model, num_tokens=TOKENS, num_actions=ACTIONS, num_states=STATES, num_domains=2
    )
    z_next, state_next = fresh(seen)

    assert torch.equal(z_next, seen.z_BTNC[:, :-1])
    assert torch.equal(state_next, seen.state_BTS[:, :-1])


@torch.no_grad()
def test_a_rollout_keeps_the_context_and_never_sees_what_it_predicts(dynamics, seen):
    first = rollout(dynamics, seen, 2)
    hidden = replace(
        seen,
        z_BTNC=torch.cat([seen.z_BTNC[:, :2], torch.zeros_like(seen.z_BTNC[:, 2:])], dim=1),
        state_BTS=torch.cat(
            [seen.state_BTS[:, :2], torch.zeros_like(seen.state_BTS[:, 2:])], dim=1
        ),
    )

    assert torch.equal(first[:, :2], seen.z_BTNC[:, :2])
    assert torch.equal(first, rollout(dynamics, hidden, 2))


@torch.no_grad()
def test_the_tokenizer_keeps_shapes_and_bounds():
    tokenizer = Tokenizer(64, 32, small().model)
    frames = torch.rand(2, 3, 64, 32, 3)
    z_BTNC = tokenizer.encode(frames)

    assert z_BTNC.shape == (2, 3, tokenizer.num_tokens, LATENT)
    assert z_BTNC.abs().max() <= 1
    assert tokenizer(frames).shape == frames.shape


def test_the_same_seed_makes_the_same_weights():
    one, same, other = (world_of(small(seed=seed), SHAPES) for seed in (1, 1, 2))

    assert weights_digest(one) == weights_digest(same) != weights_digest(other)
