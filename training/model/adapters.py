"""What a model knows of one domain alone, so that it can go when that domain's rights end.

An adapter is trained with everything else frozen, on its own domain's windows, and lies in a file
of its own that names the base it was trained on. Without it the base is what it was, to the last
bit.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Final

import torch
from torch import nn

from training.errors import CheckpointError
from training.model.dynamics import Dynamics
from training.model.linear import AdaptedEmbedding, AdaptedLinear
from training.model.world import weights_digest

SCHEMA: Final = "clearway.adapter/1"


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


def drop_adapter(dynamics: Dynamics, domain: str) -> None:
    """Take a domain's adapter away: nothing of it is left, and other domains do not change."""
    row = _row(dynamics, domain)
    for layer in _layers(dynamics).values():
        if row in layer.low:
            del layer.low[row]


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


def base_digest(dynamics: Dynamics) -> str:
    """sha256 over all weights but those of adapters: which base an adapter belongs to."""
    return weights_digest(dynamics, leaving_out=".low.")


def save_adapter(dynamics: Dynamics, domain: str, path: Path) -> None:
    """Write a domain's adapter, and nothing else, by rename.

    Raises:
        CheckpointError: DOMAIN_UNKNOWN, ADAPTER_MISSING.
    """
    weights = _weights(dynamics, domain)
    doc = {
        "schema": SCHEMA,
        "domain": domain,
        "base": base_digest(dynamics),
        "weights": {name: one.detach().cpu().clone() for name, one in weights.items()},
    }
    scratch = path.with_name(f"{path.name}.tmp")
    torch.save(doc, scratch)
    scratch.replace(path)


def load_adapter(dynamics: Dynamics, path: Path) -> str:
    """Put an adapter that was saved onto the base it was trained on; returns its domain.

    Raises:
        CheckpointError: ADAPTER_UNREADABLE, ADAPTER_OTHER_BASE, DOMAIN_UNKNOWN.
    """
    doc = _read(path)
    domain, saved = str(doc["domain"]), doc["weights"]
    if doc["base"] != base_digest(dynamics):
        raise CheckpointError(
            f"{path} was trained on the base {doc['base'][:12]}, this is "
            f"{base_digest(dynamics)[:12]}",
            code="ADAPTER_OTHER_BASE",
            subject=domain,
            way_out="load the checkpoint that the adapter was trained on",
        )
    rank = min(min(one.shape) for one in saved.values() if one.dim() > 1)
    add_adapter(dynamics, domain, rank=rank)
    with torch.no_grad():
        for name, weight in _weights(dynamics, domain).items():
            weight.copy_(saved[name])
    return domain


def _read(path: Path) -> dict[str, Any]:
    """Weights and text only: nothing in the file is run."""
    try:
        doc = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise _unreadable(path, str(error).partition("\n")[0]) from error
    if not isinstance(doc, dict) or doc.get("schema") != SCHEMA:
        raise _unreadable(path, f"expected a document of {SCHEMA}")
    return doc


def _unreadable(path: Path, why: str) -> CheckpointError:
    return CheckpointError(
        f"{path} is not an adapter: {why}",
        code="ADAPTER_UNREADABLE",
        subject=str(path),
        way_out="give a file that `save_adapter` wrote",
    )


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
