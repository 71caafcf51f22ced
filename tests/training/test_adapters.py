"""What was learned on one domain is in its adapter alone, and goes with it to the last bit."""

import pickle
from dataclasses import replace

import pytest
import torch

from tests.training.models import MODES, dynamics_of, seen_frames, slots_for
from training.errors import CheckpointError
from training.model.adapters import (
    adapted_domains,
    add_adapter,
    base_digest,
    drop_adapter,
    load_adapter,
    save_adapter,
    trainable,
)
from training.model.linear import AdaptedLinear


@pytest.fixture(params=MODES)
def dynamics(request):
    return dynamics_of(request.param)


def answer(dynamics, seen=None):
    with torch.no_grad():
        return dynamics(slots_for(dynamics, seen or seen_frames()))


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
    before, base = answer(dynamics), base_digest(dynamics)
    add_adapter(dynamics, "birch", rank=4)
    learn(dynamics, "birch")
    after = answer(dynamics)  # the windows are of acorn, birch and cedar

    assert base_digest(dynamics) == base
    assert same(before, after, [0, 2])
    assert not torch.allclose(before[0][1], after[0][1], atol=1e-3)


def test_dropping_an_adapter_leaves_the_base_and_the_others_as_they_were(dynamics):
    before = answer(dynamics)
    for domain in ("acorn", "birch"):
        add_adapter(dynamics, domain, rank=4)
        learn(dynamics, domain)
    both = answer(dynamics)
    drop_adapter(dynamics, "acorn")
    one = answer(dynamics)

    assert adapted_domains(dynamics) == ("birch",)
    assert same(both, one, [1, 2])
    assert same(before, one, [0, 2])
    assert not [name for name in dynamics.state_dict() if ".low.0." in name]

    drop_adapter(dynamics, "birch")
    assert same(before, answer(dynamics), slice(None))


def test_a_broken_adapter_hurts_no_other_domain(dynamics):
    before = answer(dynamics)
    add_adapter(dynamics, "birch", rank=4)
    for weight in trainable(dynamics, "birch"):
        torch.nn.init.constant_(weight, float("nan"))

    assert same(before, answer(dynamics), [0, 2])


def test_an_adapter_alone_is_saved_and_comes_back(dynamics, tmp_path):
    add_adapter(dynamics, "birch", rank=4)
    learn(dynamics, "birch")
    save_adapter(dynamics, "birch", tmp_path / "birch.adapter")
    fresh = dynamics_of("diffusion" if dynamics.diffusion else "regression")

    assert load_adapter(fresh, tmp_path / "birch.adapter") == "birch"
    assert same(answer(dynamics), answer(fresh), slice(None))
    assert [path.name for path in tmp_path.iterdir()] == ["birch.adapter"]
    whole = sum(one.numel() for one in fresh.parameters())
    held = sum(one.numel() for one in torch.load(tmp_path / "birch.adapter")["weights"].values())
    assert held == sum(one.numel() for one in trainable(fresh, "birch")) < whole


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


def test_an_adapter_goes_on_its_own_base_only(dynamics, tmp_path):
    add_adapter(dynamics, "birch", rank=4)
    save_adapter(dynamics, "birch", tmp_path / "one")
    torch.nn.init.ones_(dynamics.place)

    with pytest.raises(CheckpointError, match="was trained on the base") as caught:
        load_adapter(dynamics, tmp_path / "one")
    assert (caught.value.code, caught.value.subject) == ("ADAPTER_OTHER_BASE", "birch")


def test_an_unknown_domain_and_a_missing_adapter_are_refused(dynamics, tmp_path):
    with pytest.raises(CheckpointError, match="knows no domain 'oak'") as unknown:
        add_adapter(dynamics, "oak", rank=4)
    with pytest.raises(CheckpointError, match="has no adapter") as missing:
        save_adapter(dynamics, "birch", tmp_path / "one")

    assert (unknown.value.code, missing.value.code) == ("DOMAIN_UNKNOWN", "ADAPTER_MISSING")


class Evil:
    """Opens a file when it is unpickled."""

    def __reduce__(self):
        return (open, ("ran", "w"))


@pytest.mark.parametrize("kind", ["missing", "text", "code", "other"])
def test_a_file_that_is_no_adapter_is_refused_and_not_run(dynamics, tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "one"
    if kind == "text":
        path.write_text("not weights")
    if kind == "code":
        path.write_bytes(pickle.dumps(Evil(), protocol=2))
    if kind == "other":
        torch.save({"weights": {}}, path)

    with pytest.raises(CheckpointError, match="is not an adapter") as caught:
        load_adapter(dynamics, path)
    assert caught.value.code == "ADAPTER_UNREADABLE"
    assert not (tmp_path / "ran").exists()
