"""Chance is a formula of (seed, step, slot), and a window counts by its weight alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.training.conftest import small
from tests.training.models import MODES
from training.config import config_doc, read_config
from training.loader import Batch, Shapes
from training.loop import Job, train
from training.loss import DynamicsLoss, draws_of, to_device
from training.model.world import world_of

CPU = torch.device("cpu")
BATCH, FRAMES = 4, 6
SHAPES = Shapes(height=32, width=32, num_actions=2, num_states=2, domains=("acorn", "birch"))


def config_of(mode, **changes):
    doc = config_doc(small(**changes))
    return read_config({**doc, "model": {**doc["model"], "mode": mode}})


def batch_of(slots=range(BATCH), **changes):
    """A window of each slot, the same whatever other slots stand beside it."""
    drawn = {slot: np.random.default_rng(slot) for slot in slots}
    slots = list(slots)

    def values(*size):
        return np.stack([drawn[slot].normal(size=size).astype(np.float32) for slot in slots])

    frames = [drawn[slot].integers(0, 256, (FRAMES, 32, 32, 3), dtype=np.uint8) for slot in slots]
    whole = Batch(
        step=3,
        sequence=0,
        slots_B=np.array(slots),
        window_B=np.array(slots),
        frames_BTHWC=np.stack(frames),
        action_BTA=values(FRAMES, 2),
        action_mask_BTA=np.ones((len(slots), FRAMES, 2), np.bool_),
        state_BTS=values(FRAMES, 2),
        state_mask_BTS=np.ones((len(slots), FRAMES, 2), np.bool_),
        past_action_BPA=np.zeros((len(slots), 0, 2), np.float32),
        past_action_mask_BPA=np.zeros((len(slots), 0, 2), np.bool_),
        past_state_BQS=np.zeros((len(slots), 0, 2), np.float32),
        past_state_mask_BQS=np.zeros((len(slots), 0, 2), np.bool_),
        dt_BT=np.full((len(slots), FRAMES), 0.1, np.float32),
        domain_B=np.array(slots) % 2,
        video_B=np.ones(len(slots), np.bool_),
        weight_B=np.ones(len(slots), np.float32),
        lost=(),
    )
    return replace(whole, **changes)


def loss_of(batch, config):
    world = world_of(config, SHAPES)
    torch.manual_seed(0)
    for head in (world.dynamics.latent_head, world.dynamics.state_head):
        torch.nn.init.normal_(head.weight)
    tensors = to_device(batch, CPU, draws=draws_of(batch, config, CPU))
    loss = DynamicsLoss(world.dynamics, world.tokenizer)(tensors)
    loss.backward()
    return float(loss.detach()), world.dynamics


def noise_of(batch, config):
    noise = draws_of(batch, config, CPU).noise
    assert noise is not None
    return noise


def test_a_slot_draws_the_same_beside_any_other_slots():
    config = config_of("diffusion", action_dropout=0.5)
    dropped_B = draws_of(batch_of(), config, CPU).dropped_B
    whole = noise_of(batch_of(), config)
    for rank in range(2):
        mine = batch_of(range(rank, BATCH, 2))
        part = noise_of(mine, config)
        assert torch.equal(dropped_B[rank::2], draws_of(mine, config, CPU).dropped_B)
        assert torch.equal(whole.level_BT[rank::2], part.level_BT)
        assert torch.equal(whole.values_BTNC[rank::2], part.values_BTNC)


def test_steps_slots_and_seeds_draw_differently():
    config = config_of("diffusion")
    first = noise_of(batch_of(), config)
    later = noise_of(batch_of(step=4), config)
    other = noise_of(batch_of(), config_of("diffusion", seed=1))

    for values in (later.values_BTNC, other.values_BTNC, first.values_BTNC.flip(0)):
        assert not torch.isclose(first.values_BTNC, values).all(dim=-1).any()
    assert not torch.equal(first.level_BT, later.level_BT)
    assert not torch.equal(first.level_BT, other.level_BT)


def test_draws_have_the_shares_that_they_should_have():
    config, batch = config_of("diffusion", action_dropout=0.25), batch_of(range(400))
    noise = noise_of(batch, config)

    assert 0.18 < draws_of(batch, config, CPU).dropped_B.float().mean() < 0.32
    assert set(noise.level_BT.unique().tolist()) == set(range(64))
    assert abs(float(noise.values_BTNC.mean())) < 0.02
    assert abs(float(noise.values_BTNC.std()) - 1) < 0.02


def test_by_regression_only_actions_are_drawn_for():
    drawn = draws_of(batch_of(), config_of("regression"), CPU)

    assert drawn.noise is None
    assert drawn.dropped_B.shape == (BATCH,)


@pytest.mark.parametrize("mode", MODES)
def test_the_loss_of_a_batch_is_the_sum_over_its_slices(mode):
    config = config_of(mode)
    whole, _ = loss_of(batch_of(), config)
    parts = [loss_of(batch_of(range(rank, BATCH, 2)), config)[0] for rank in range(2)]

    assert sum(parts) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_a_window_of_weight_zero_counts_as_if_it_were_not_there(mode):
    config = config_of(mode)
    lost, _ = loss_of(batch_of(weight_B=np.array([1, 1, 1, 0], np.float32)), config)
    smaller, _ = loss_of(batch_of(range(3)), config)

    assert lost == pytest.approx(smaller, rel=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_telemetry_without_video_trains_the_state_alone(mode):
    loss, dynamics = loss_of(batch_of(video_B=np.zeros(BATCH, np.bool_)), config_of(mode))

    assert loss > 0
    assert dynamics.state_head.weight.grad.abs().max() > 0
    assert dynamics.latent_head.weight.grad.abs().max() == 0
    assert dynamics.latent.weight.grad.abs().max() == 0


@pytest.mark.parametrize("mode", MODES)
def test_bfloat16_gives_the_loss_nearly_and_gradients_in_full(mode):
    config = config_of(mode)
    true, _ = loss_of(batch_of(), config)
    with torch.autocast("cpu", torch.bfloat16):
        half, dynamics = loss_of(batch_of(), config)

    assert half != true
    assert half == pytest.approx(true, rel=0.03)
    for weight in dynamics.parameters():
        assert weight.dtype == torch.float32
        assert weight.grad is None or torch.isfinite(weight.grad).all()


def test_every_weight_learns_from_a_mixed_batch():
    """A weight without a gradient would stop the ranks from averaging."""
    mask = np.ones((BATCH, FRAMES, 2), np.bool_)
    mask[0] = False
    video = np.array([True, True, True, False])
    for mode in MODES:
        _, dynamics = loss_of(batch_of(action_mask_BTA=mask, video_B=video), config_of(mode))
        still = [name for name, one in dynamics.named_parameters() if one.grad is None]
        assert not still


def test_a_clean_frame_counts_ten_times_a_noisy_one():
    config = config_of("diffusion")
    world = world_of(config, SHAPES)  # fresh: it answers zero, whatever it is shown
    batch = batch_of(state_mask_BTS=np.zeros((BATCH, FRAMES, 2), np.bool_))
    drawn, noise = draws_of(batch, config, CPU), noise_of(batch, config)
    losses = []
    for level in (0, 63):
        here = replace(noise, level_BT=torch.full_like(noise.level_BT, level))
        tensors = to_device(batch, CPU, draws=replace(drawn, noise=here))
        losses.append(float(DynamicsLoss(world.dynamics, world.tokenizer)(tensors).detach()))

    assert losses[1] / losses[0] == pytest.approx((0.9 * 63 / 64 + 0.1) / 0.1, rel=1e-4)


def test_a_diffusion_run_that_was_stopped_goes_on_to_the_same_bits(cleared, watch, tmp_path):
    config = config_of("diffusion")
    whole = train(Job(config=config, cleared=cleared, folder=tmp_path / "a"), watch=watch)

    def stop(_what, done, _total):
        if done == 9:
            raise InterruptedError

    cut = Job(config=config, cleared=cleared, folder=tmp_path / "b")
    with pytest.raises(InterruptedError):
        train(cut, watch=watch, progress=stop)

    assert train(cut, watch=watch).losses == whole.losses
