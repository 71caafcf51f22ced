"""What would turn a decision: the worklist of licensing staff, for one case and for a corpus."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from licensing.decide import decide
from licensing.facts import Basis, Layer, Verdict, doc_digest, layer_doc
from licensing.facts.vocabulary import GRADES, PERSON_LAYERS
from licensing.request import Request
from licensing.rulebook import Rulebook

_CAP: Final = 3
_MOST_KEYS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some hours of one source under the same layers."""

    source_id: str
    layers: tuple[Layer, ...]
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock:
    """New grants or answers (`source/key`) and the hours that they free together."""

    keys: tuple[str, ...]
    hours: float
    sources: tuple[str, ...]


def rank_unlocks(parts: Iterable[Part], request: Request, rulebook: Rulebook) -> tuple[Unlock, ...]:
    """Which new grant or answer frees the most hours for `request`; the most first.

    Each distinct set of layers of a source is tried once, however many parts stand under it.
    """
    hours: dict[tuple[str, str], float] = {}
    layers: dict[tuple[str, str], tuple[Layer, ...]] = {}
    for part in parts:
        key = (part.source_id, doc_digest([layer_doc(one) for one in part.layers]))
        hours[key] = hours.get(key, 0.0) + part.hours
        layers[key] = part.layers
    sets = {key: _named(key[0], own, request, rulebook=rulebook) for key, own in layers.items()}
    wanted = {one for own in sets.values() for one in own}
    ranked = [_freed(one, sets, hours) for one in wanted]
    return tuple(sorted(ranked, key=lambda one: (-one.hours, len(one.keys), one.keys)))


def unlock_sets(
    layers: Sequence[Layer], request: Request, rulebook: Rulebook
) -> tuple[tuple[str, ...], ...]:
    """The smallest sets of new grants or answers that would give permit, at most three in a set.

    Every set is tried: the facts are added to the layers and the case is decided again. No set
    means that more than three are needed, or that something forbids what no grant can lift.
    """
    if decide(layers, request, rulebook).verdict is Verdict.PERMIT:
        return ()
    blocked = [one for one in layers if _blocks(one, request, rulebook)]
    keys = {key for layer in blocked or layers for key in _keys(layer)}
    if len({_keys(layer)[0] for layer in blocked}) > _CAP or len(keys) > _MOST_KEYS:
        return ()
    found: list[tuple[str, ...]] = []
    for size in range(1, _CAP + 1):
        for chosen in itertools.combinations(sorted(keys), size):
            if any(set(one) <= set(chosen) for one in found):
                continue
            changed = [_unlocked(layer, chosen) for layer in layers]
            if decide(changed, request, rulebook).verdict is Verdict.PERMIT:
                found.append(chosen)
    return tuple(found)


def _blocks(layer: Layer, request: Request, rulebook: Rulebook) -> bool:
    """Does this layer alone stand in the way?"""
    alone = decide([layer], request, rulebook)
    return alone.verdict is not Verdict.PERMIT and alone.reasons != ("NO_LAYERS",)


def _named(
    source_id: str, layers: Sequence[Layer], request: Request, *, rulebook: Rulebook
) -> tuple[frozenset[str], ...]:
    found = unlock_sets(layers, request, rulebook)
    return tuple(frozenset(f"{source_id}/{key}" for key in one) for one in found)


def _freed(
    keys: frozenset[str],
    sets: Mapping[tuple[str, str], Sequence[frozenset[str]]],
    hours: Mapping[tuple[str, str], float],
) -> Unlock:
    freed = [key for key, own in sets.items() if any(one <= keys for one in own)]
    return Unlock(
        keys=tuple(sorted(keys)),
        hours=sum(hours[key] for key in freed),
        sources=tuple(sorted({source_id for source_id, _ in freed})),
    )


def _keys(layer: Layer) -> tuple[str, ...]:
    """What somebody could bring for this layer, by name."""
    label = ":".join(one for one in (layer.layer, layer.item, layer.part, layer.stream) if one)
    keys = ["consent" if layer.layer in PERSON_LAYERS else "agreement"]
    if any(one.grade and GRADES.index(one.grade) > 1 for one in layer.basis):
        keys.append("evidence")
    if any(one.same_holder is not False for one in layer.signals or ()):
        keys.append("signal-settled")
    return tuple(f"{key}:{label}" for key in keys)


def _unlocked(layer: Layer, chosen: Sequence[str]) -> Layer:
    """The layer as it would be with the `chosen` facts."""
    for key in set(_keys(layer)) & set(chosen):
        word = key.partition(":")[0]
        if word == "agreement":
            layer = replace(layer, basis=(*layer.basis, Basis(type="contract", sublicense=True)))
        elif word == "consent":
            release = Basis(
                type="consent", scope=("use",), commercial=True, specific=True, grade="E0"
            )
            layer = replace(layer, basis=(*layer.basis, release), minor=False)
        elif word == "evidence":
            bases = tuple(replace(one, grade="E1") if one.grade else one for one in layer.basis)
            layer = replace(layer, basis=bases)
        else:
            layer = replace(layer, signals=())
    return layer
