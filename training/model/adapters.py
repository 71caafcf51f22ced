"""What a model knows of one domain alone, so that it can go when that domain's rights end.

An adapter is trained with everything else frozen, on its own domain's windows, and lies in
checkpoints of its own that name the base it was trained on. Without it the base is what it was, to
the last bit.
"""

from __future__ import annotations

import torch
from torch import nn

from training.errors import CheckpointError
from training.model.dynamics import Dynamics
from training.model.linear import AdaptedEmbedding, AdaptedLinear


def add_adapter(dynamics: Dynamics, domain: str, rank: int) -> None:
    """Give a domain an adapter that does nothing yet; its weights depend on the sizes only.

    Raises:
        CheckpointError: DOMAIN_UNKNOWN.
    """
    row = _row(dynamics, domain)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(row))
        for layer in _layers(dynamics).values():
            layer.low[row] = layer.fresh_low(rank)


def name_domain(dynamics: Dynamics, domain: str) -> None:
    """Give a domain that the base never saw a number, so that an adapter can be made for it."""
    if domain not in dynamics.domains:
        dynamics.domains = (*dynamics.domains, domain)


def grow_domains(dynamics: Dynamics, domains: tuple[str, ...]) -> None:
    """Give the base itself a vector, zero at first, for each domain that comes after its own."""
    new = len(domains) - dynamics.domain.num_embeddings
    if new <= 0:
        return
    known = dynamics.domain.weight
    dynamics.domains, dynamics.domain.num_embeddings = domains, len(domains)
    rows = known.new_zeros(new, known.shape[1])
    dynamics.domain.weight = nn.Parameter(torch.cat([known.detach(), rows]))


def part_of(dynamics: Dynamics, domain: str) -> str:
    """What the names of all weights of a domain's adapter hold; "" without a domain: every name."""
    return f".low.{_row(dynamics, domain)}." if domain else ""


def adapted_domains(dynamics: Dynamics) -> tuple[str, ...]:
    """The domains that have an adapter."""
    rows = {int(row) for layer in _layers(dynamics).values() for row in layer.low}
    return tuple(dynamics.domains[row] for row in sorted(rows))


def trainable(model: nn.Module, adapter: str = "") -> list[nn.Parameter]:
    """What an optimiser may move: every weight, or those of one domain's adapter alone.

    With an adapter, everything else is frozen: the base, and the adapters of other domains.
    """
    if not adapter:
        return list(model.parameters())
    model.requires_grad_(requires_grad=False)
    weights = [
        weight
        for part in model.modules()
        if isinstance(part, Dynamics)
        for weight in _weights(part, adapter).values()
    ]
    for weight in weights:
        weight.requires_grad_()
    return weights


def _weights(dynamics: Dynamics, domain: str) -> dict[str, nn.Parameter]:
    row = _row(dynamics, domain)
    found = {
        f"{name}.{part}": weight
        for name, layer in _layers(dynamics).items()
        if row in layer.low
        for part, weight in layer.low[row].named_parameters()
    }
    if not found:
        raise CheckpointError(
            f"domain {domain!r} has no adapter, got {adapted_domains(dynamics)}",
            code="ADAPTER_MISSING",
            subject=domain,
            way_out="train an adapter for it first",
        )
    return found


def _layers(dynamics: Dynamics) -> dict[str, AdaptedLinear | AdaptedEmbedding]:
    return {
        name: layer
        for name, layer in dynamics.named_modules()
        if isinstance(layer, AdaptedLinear | AdaptedEmbedding)
    }


def _row(dynamics: Dynamics, domain: str) -> str:
    if domain not in dynamics.domains:
        raise CheckpointError(
            f"the model knows no domain {domain!r}, it knows {', '.join(dynamics.domains)}",
            code="DOMAIN_UNKNOWN",
            subject=domain,
            way_out="take a model that was trained on this source",
        )
    return str(dynamics.domains.index(domain))
