"""The model looks back only, and nothing that is masked has any influence."""

from dataclasses import replace

import pytest
import torch

from tests.training.conftest import small
from tests.training.models import GRID, LATENT, MODES, dynamics_of, seen_frames, sizes_of, slots_for
from training.errors import ConfigError
from training.loader import Shapes
from training.model.blocks import compile_blocks
from training.model.dynamics import Dynamics
from training.model.tokenizer import Tokenizer
from training.model.world import weights_digest, world_of

SHAPES = Shapes(height=64, width=64, num_actions=3, num_states=2, domains=("acorn", "birch"))


@pytest.fixture(params=MODES)
def dynamics(request):
    return dynamics_of(request.param)


@pytest.fixture
def seen():
    return seen_frames()


def answer(dynamics, seen):
    with torch.no_grad():
        return dynamics(slots_for(dynamics, seen))


def changed(tensor, at):
    other = tensor.clone()
    other[:, at] += 1
    return other


@pytest.mark.parametrize("name", ["z_BTNC", "action_BTA", "state_BTS", "dt_BT"])
def test_a_later_frame_changes_nothing_before_it(dynamics, seen, name):
    before = answer(dynamics, seen)
    after = answer(dynamics, replace(seen, **{name: changed(getattr(seen, name), 3)}))

    # by regression the first slot is that of frame 1; a slot holds its own frame's command and
    # time step, the state before, and the latents before (regression) or its own (diffusion)
    late = name == "state_BTS" or (name == "z_BTNC" and not dynamics.diffusion)
    upto = 3 + late - (not dynamics.diffusion)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one[:, :upto], other[:, :upto])
        assert not torch.equal(one[:, upto], other[:, upto])


def test_a_masked_channel_has_no_influence(dynamics, seen):
    for kind in ("action", "state"):
        values, masks = f"{kind}_BT{kind[0].upper()}", f"{kind}_mask_BT{kind[0].upper()}"
        mask = getattr(seen, masks).clone()
        mask[:, :, 1] = False
        hidden = replace(seen, **{masks: mask})
        other = getattr(seen, values).clone()
        other[:, :, 1] = 99

        same = answer(dynamics, replace(hidden, **{values: other}))
        for one, two in zip(answer(dynamics, hidden), same, strict=True):
            assert torch.equal(one, two)


def test_a_clip_without_actions_gets_the_learned_null_action(dynamics, seen):
    none = replace(seen, action_mask_BTA=torch.zeros_like(seen.action_mask_BTA))
    before = answer(dynamics, none)[0]
    torch.nn.init.normal_(dynamics.no_action)

    assert not torch.equal(before, answer(dynamics, none)[0])


def test_a_clip_without_video_is_not_looked_at(dynamics, seen):
    blind = replace(seen, video_B=torch.tensor([False, True, True]))
    other = seen.z_BTNC.clone()
    other[0] += 1

    states = [answer(dynamics, replace(blind, z_BTNC=z))[1] for z in (blind.z_BTNC, other)]
    assert torch.equal(*states)


def test_a_patch_knows_where_it_stands_beside_others(dynamics, seen):
    """Without learned places, the turn in space alone tells patches apart."""
    torch.nn.init.zeros_(dynamics.place)
    z_BTNC = seen.z_BTNC[:, :, :1].expand_as(seen.z_BTNC).clone()
    z_BTNC[:, :, 0] += 1  # one patch differs; the others hear it from different sides
    slots = replace(slots_for(dynamics, seen), z_BTNC=z_BTNC[:, -seen_slots(dynamics, seen) :])
    with torch.no_grad():
        heard = dynamics(slots)[0]

    assert not torch.allclose(heard[:, :, 1], heard[:, :, 3], atol=1e-6)


def seen_slots(dynamics, seen):
    return seen.z_BTNC.shape[1] - (not dynamics.diffusion)


@torch.no_grad()
def test_a_fresh_model_says_that_nothing_moves(seen):
    fresh = Dynamics(sizes_of("regression"), GRID)
    z_next, state_next = fresh(slots_for(fresh, seen))

    assert torch.equal(z_next, seen.z_BTNC[:, :-1])
    assert torch.equal(state_next, seen.state_BTS[:, :-1])


@pytest.mark.parametrize("mode", MODES)
def test_half_precision_stays_near_full(mode, seen):
    dynamics = dynamics_of(mode)
    whole = answer(dynamics, seen)
    with torch.autocast("cpu", torch.bfloat16):
        half = answer(dynamics, seen)

    for one, other in zip(whole, half, strict=True):
        assert (one - other).abs().max() < 0.1 * one.abs().max()


@pytest.mark.filterwarnings("ignore:The .grad attribute:UserWarning")  # torch looks at it itself
def test_blocks_compile_whole_and_say_the_same(dynamics, seen):
    """One graph for the blocks in space and one for those in time: nothing breaks a graph."""
    graphs = []

    def keep(graph, _examples):
        graphs.append(graph)
        return graph.forward

    slots = slots_for(dynamics, seen)
    plain = dynamics(slots)
    compile_blocks(dynamics, backend=keep)
    compiled = dynamics(slots)

    assert torch.equal(plain[0], compiled[0])
    assert len(graphs) == 2


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


@pytest.mark.parametrize(("key", "changes"), [("mode", ("guess", 2)), ("heads", ("diffusion", 3))])
def test_a_senseless_model_is_refused(key, changes):
    mode, heads = changes
    with pytest.raises(ConfigError, match=f"model.{key} = "):
        sizes_of(mode, heads=heads, kv_heads=heads)
