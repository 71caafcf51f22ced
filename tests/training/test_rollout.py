"""A rollout by caches gives the frames that the whole history gives, and sees no later one."""

from dataclasses import replace

import pytest
import torch

from tests.training.models import FRAMES, MODES, doubled, dynamics_of, seen_frames
from training.model.noise import Draw, normal
from training.model.rollout import Rollout, rollout
from training.model.slots import frames_of, mixed, slots_after, slots_at

CONTEXT, STEPS, SEED = 2, 4, 7


@pytest.fixture(params=MODES)
def dynamics(request):
    return dynamics_of(request.param).double()


def noise(draw, frame, like):
    keys = [(SEED, frame, row) for row in range(len(like))]
    return normal(draw, like.shape[2:], keys=keys, device=like.device)


@torch.no_grad()
def without_caches(dynamics, seen, context):
    """Every frame from the whole history again, written out as section by section it is said."""
    z_BTNC, state_BTS = seen.z_BTNC.clone(), seen.state_BTS.clone()
    known = seen.state_mask_BTS.clone()
    known[:, context:] = known[:, context - 1 : context]
    whole = replace(seen, z_BTNC=z_BTNC, state_BTS=state_BTS, state_mask_BTS=known)
    for frame in range(context, z_BTNC.shape[1]):
        upto = frames_of(whole, slice(frame + 1))
        if not dynamics.diffusion:
            z, state = dynamics(slots_after(upto))
            z_BTNC[:, frame], state_BTS[:, frame] = z[:, -1].clamp(-1, 1), state[:, -1]
            continue
        history = torch.stack([noise(Draw.CONTEXT, at, z_BTNC) for at in range(frame)], dim=1)
        here = noise(Draw.FRAME, frame, z_BTNC)
        state = state_BTS[:, : frame + 1]
        for at in range(STEPS):
            level = torch.full((len(here), frame + 1), 60)
            level[:, -1] = 64 * at // STEPS
            past = mixed(z_BTNC[:, :frame], history, level[:, :-1])
            shown = torch.cat([past, here[:, None]], dim=1)
            x, state = dynamics(slots_at(upto, shown, level))
            here = here + (x[:, -1] - here) / (1 - at / STEPS) / STEPS
        z_BTNC[:, frame], state_BTS[:, frame] = here.clamp(-1, 1), state[:, -1]
    return z_BTNC, state_BTS


def by_steps(going, seen, first):
    found = [
        going.step(seen.action_BTA[:, at], seen.action_mask_BTA[:, at], seen.dt_BT[:, at])
        for at in range(first, seen.dt_BT.shape[1])
    ]
    return torch.stack([z for z, _ in found], 1), torch.stack([state for _, state in found], 1)


@pytest.mark.parametrize("context", [1, 2, 4])
def test_caches_change_nothing(dynamics, context):
    seen = doubled(seen_frames())
    z_BTNC, state_BTS = without_caches(dynamics, seen, context)
    going = Rollout(dynamics, euler_steps=STEPS, seed=SEED)
    going.observe(frames_of(seen, slice(context)))
    z_new, state_new = by_steps(going, seen, context)

    assert (z_new - z_BTNC[:, context:]).abs().max() < 1e-9
    assert (state_new - state_BTS[:, context:]).abs().max() < 1e-9
    assert z_new[:, -1].std() > 0.1


def test_frames_may_be_observed_in_any_number_of_pieces(dynamics):
    seen = doubled(seen_frames())
    going = [Rollout(dynamics, seed=SEED) for _ in range(2)]
    going[0].observe(frames_of(seen, slice(4)))
    for piece in (slice(1), slice(1, 3), slice(3, 4)):
        going[1].observe(frames_of(seen, piece))

    one, other = (by_steps(each, seen, 4) for each in going)
    assert (one[0] - other[0]).abs().max() < 1e-9
    assert (one[1] - other[1]).abs().max() < 1e-9


def test_a_rollout_keeps_the_context_and_never_sees_what_it_predicts(dynamics):
    seen = doubled(seen_frames())
    first = rollout(dynamics, seen, CONTEXT)
    hidden = replace(
        seen,
        z_BTNC=torch.cat([seen.z_BTNC[:, :CONTEXT], 0 * seen.z_BTNC[:, CONTEXT:]], dim=1),
        state_BTS=torch.cat([seen.state_BTS[:, :CONTEXT], 0 * seen.state_BTS[:, CONTEXT:]], dim=1),
    )

    assert torch.equal(first[:, :CONTEXT], seen.z_BTNC[:, :CONTEXT])
    assert torch.equal(first, rollout(dynamics, hidden, CONTEXT))


def test_the_same_seed_dreams_the_same_frames():
    dynamics, seen = dynamics_of("diffusion").double(), doubled(seen_frames())
    one, same, other = (rollout(dynamics, seen, CONTEXT, seed=seed) for seed in (1, 1, 2))

    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_window_is_rolled_out_the_same_in_any_batch(dynamics):
    """Rows are drawn for by their number, not by how many there are."""
    seen = doubled(seen_frames())
    names = [name for name in seen.__dataclass_fields__ if name != "earlier"]
    two = replace(seen, **{name: getattr(seen, name)[:2] for name in names})
    whole = rollout(dynamics, seen, CONTEXT)

    assert (whole[:2] - rollout(dynamics, two, CONTEXT)).abs().max() < 1e-9


def test_a_bounded_memory_forgets_the_oldest_frames(dynamics):
    seen = doubled(seen_frames(12))
    going = [Rollout(dynamics, seed=SEED, memory=memory) for memory in (0, 3, 11)]
    for one in going:
        one.observe(frames_of(seen, slice(CONTEXT)))
    whole, short, long = (by_steps(one, seen, CONTEXT)[0] for one in going)

    assert torch.equal(whole, long)
    assert (whole[:, :2] - short[:, :2]).abs().max() < 1e-9  # nothing was forgotten yet
    assert not torch.allclose(whole[:, -1], short[:, -1], atol=1e-4)


def test_a_rollout_needs_a_frame_to_start_from(dynamics):
    seen = doubled(seen_frames())

    with pytest.raises(AssertionError, match="observes a frame"):
        by_steps(Rollout(dynamics), seen, FRAMES - 1)
