"""What was learned on one domain is in its adapter alone, and goes with it to the last bit."""

from dataclasses import replace

import pytest
import torch

from tests.training.models import MODES, dynamics_of, seen_frames, slots_for
from training.errors import CheckpointError
from training.model.adapters import (
    adapted_domains,
    add_adapter,
    trainable,
)
from training.model.linear import AdaptedLinear


@pytest.fixture(params=MODES)
def dynamics(request):
    return dynamics_of(request.param)


def answer(dynamics, seen=None):
    with torch.no_grad():
        return dynamics(slots_for(dynamics, seen or seen_frames()))


def weights_of(dynamics):
    """Those of the base, without adapters."""
    every = dynamics.state_dict()
    return {name: one.clone() for name, one in every.items() if ".low." not in name}


def learn(dynamics, domain, steps=3):
    """Train the adapter towards something that the base does not say."""
    weights = trainable(dynamics, domain)
    optimizer = torch.optim.AdamW(weights, lr=0.05, weight_decay=0.1)
    row = dynamics.domains.index(domain)
    seen = replace(seen_frames(), domain_B=torch.full((3,), row))
    for _ in range(steps):
        optimizer.zero_grad()
        (dynamics(slots_for(dynamics, seen))[0] - 1).square().mean().backward()
        optimizer.step()


def same(one, other, rows):
    return all(torch.equal(a[rows], b[rows]) for a, b in zip(one, other, strict=True))


def test_a_fresh_adapter_says_nothing(dynamics):
    before = answer(dynamics)
    add_adapter(dynamics, "birch", rank=4)

    assert adapted_domains(dynamics) == ("birch",)
    assert same(before, answer(dynamics), slice(None))


def test_training_an_adapter_moves_its_own_domain_and_nothing_else(dynamics):
    before, base = answer(dynamics), weights_of(dynamics)
    add_adapter(dynamics, "birch", rank=4)
    learn(dynamics, "birch")
    after = answer(dynamics)  # the windows are of acorn, birch and cedar

    assert all(torch.equal(one, base[name]) for name, one in weights_of(dynamics).items())
    assert same(before, after, [0, 2])
    assert not torch.allclose(before[0][1], after[0][1], atol=1e-3)


def test_without_one_adapter_the_base_and_the_others_are_as_they_were(dynamics):
    before = answer(dynamics)
    for domain in ("acorn", "birch"):
        add_adapter(dynamics, domain, rank=4)
        learn(dynamics, domain)
    both, weights = answer(dynamics), dynamics.state_dict()
    rest = dynamics_of("diffusion" if dynamics.diffusion else "regression")
    add_adapter(rest, "birch", rank=4)
    rest.load_state_dict({name: one for name, one in weights.items() if ".low.0." not in name})
    one = answer(rest)

    assert adapted_domains(rest) == ("birch",)
    assert same(both, one, [1, 2])
    assert same(before, one, [0, 2])
    assert not same(before, both, [0])


def test_a_broken_adapter_hurts_no_other_domain(dynamics):
    before = answer(dynamics)
    add_adapter(dynamics, "birch", rank=4)
    for weight in trainable(dynamics, "birch"):
        torch.nn.init.constant_(weight, float("nan"))

    assert same(before, answer(dynamics), [0, 2])


def test_only_the_adapter_is_given_to_the_optimiser(dynamics):
    everything = trainable(dynamics)
    add_adapter(dynamics, "birch", rank=2)
    add_adapter(dynamics, "cedar", rank=2)
    some = trainable(dynamics, "cedar")

    assert len(everything) + 2 * len(some) == len(list(dynamics.parameters()))
    assert {id(one) for one in dynamics.parameters() if one.requires_grad} == {
        id(one) for one in some
    }
    layers = [one for one in dynamics.modules() if isinstance(one, AdaptedLinear)]
    assert len(some) == 2 * len(layers) + 1 == 2 * 4 * len(dynamics.blocks) + 1


def test_an_unknown_domain_and_a_missing_adapter_are_refused(dynamics):
    with pytest.raises(CheckpointError, match="knows no domain 'oak'") as unknown:
        add_adapter(dynamics, "oak", rank=4)
    with pytest.raises(CheckpointError, match="has no adapter") as missing:
        trainable(dynamics, "birch")

    assert (unknown.value.code, missing.value.code) == ("DOMAIN_UNKNOWN", "ADAPTER_MISSING")
