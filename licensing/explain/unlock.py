"""What would turn a decision: the worklist of licensing staff, for one case and for a corpus."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from licensing.checklist import is_question
from licensing.decide import decide
from licensing.facts import Basis, Decision, Layer, Verdict, doc_digest, layer_doc, read_layers
from licensing.facts.vocabulary import GRADES, PERSON_LAYERS, STREAMS
from licensing.request import Request, read_request
from licensing.rulebook import Rulebook

_CAP: Final = 3
_MOST_KEYS: Final = 12


Told = Callable[[int, int], None]  # how many of how many are tried


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some hours of one source under the same layers."""

    source_id: str
    layers: tuple[Layer, ...]
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlock:
    """New grants or answers (`source/key`) and the hours that they free together.

    Without keys: the hours that no set of this size frees.
    """

    keys: tuple[str, ...]
    hours: float
    sources: tuple[str, ...]


def rank_unlocks(
    parts: Iterable[Part],
    request: Request,
    rulebook: Rulebook,
    *,
    told: Told = lambda _done, _total: None,
) -> tuple[Unlock, ...]:
    """Which new grant or answer frees the most hours for `request`; the most first.

    Layers that say the same are tried once, however many parts and sources stand under them. What
    is held back and in no set comes last, without keys.
    """
    blocked: dict[str, list[_Blocked]] = {}
    for part, sets in _tried(tuple(parts), request, rulebook, told=told):
        if sets is not None:
            blocked.setdefault(part.source_id, []).append((part.hours, sets))
    ranked = [_freed(source_id, held) for source_id, held in blocked.items()]
    found = sorted(
        (one for each in ranked for one in each),
        key=lambda one: (-one.hours, len(one.keys), one.keys),
    )
    return (*found, *_never(blocked))


def single_unlocks(
    parts: Iterable[Part],
    request: Request,
    rulebook: Rulebook,
    *,
    told: Told = lambda _done, _total: None,
) -> tuple[tuple[str, ...], ...]:
    """For each part the new grants or answers of which one alone would give permit."""
    return tuple(
        tuple(min(one) for one in sets or () if len(one) == 1)
        for _, sets in _tried(tuple(parts), request, rulebook, told=told)
    )


def unlock_sets(
    layers: Sequence[Layer], request: Request, rulebook: Rulebook
) -> tuple[tuple[str, ...], ...]:
    """The smallest sets of new grants or answers that would give permit, at most three in a set.

    Every set is tried: the facts are added to the layers and the case is decided again. No set
    means that more than three are needed, or that something forbids what no grant can lift.
    """
    found = _sets(layers, request, rulebook)
    return tuple(tuple(sorted(one)) for one in found or ())


def decision_unlocks(decision: Decision, rulebook: Rulebook) -> tuple[tuple[str, ...], ...]:
    """The unlock sets of a decision: its proof holds every layer that was in scope."""
    layers = read_layers([one["facts"] for one in decision.proof["layers"]])
    return unlock_sets(layers, read_request(decision.proof["request"]), rulebook)


_Blocked: TypeAlias = tuple[float, tuple[frozenset[str], ...]]


def _tried(
    parts: Sequence[Part], request: Request, rulebook: Rulebook, *, told: Told
) -> Iterator[tuple[Part, tuple[frozenset[str], ...] | None]]:
    """Each part with its sets; layers that say the same are tried once, whoever has them."""
    tried: dict[str, tuple[frozenset[str], ...] | None] = {}
    for number, part in enumerate(parts, 1):
        plain = tuple(
            one if is_question(one) else replace(one, layer_id=None) for one in part.layers
        )
        said = doc_digest([layer_doc(one) for one in plain])
        if said not in tried:
            tried[said] = _sets(plain, request, rulebook)
        yield part, tried[said]
        told(number, len(parts))


def _sets(
    layers: Sequence[Layer], request: Request, rulebook: Rulebook
) -> tuple[frozenset[str], ...] | None:
    """The sets in the order of their size and words; None where there is nothing to unlock.

    A whole permits only if each of its layers does alone, and that is tried once for each of the
    few things that can be brought for the layer: only a set that passes is decided as a whole.
    """
    if decide(layers, request, rulebook).verdict is Verdict.PERMIT:
        return None
    stands = _standing(layers, request, rulebook)
    nothing = frozenset[str]()
    blocked = [one for number, one in enumerate(layers) if not stands(number, nothing)]
    keys = sorted({key for layer in blocked or layers for key in _keys(layer)})
    if len({_keys(layer)[0] for layer in blocked}) > _CAP or len(keys) > _MOST_KEYS:
        return ()
    found: list[frozenset[str]] = []
    for size in range(1, _CAP + 1):
        for chosen in map(frozenset, itertools.combinations(keys, size)):
            if any(one <= chosen for one in found):
                continue
            if not all(stands(number, chosen) for number in range(len(layers))):
                continue
            changed = [one for layer in layers for one in _unlocked(layer, chosen)]
            if decide(changed, request, rulebook).verdict is Verdict.PERMIT:
                found.append(chosen)
    return tuple(found)


def _standing(
    layers: Sequence[Layer], request: Request, rulebook: Rulebook
) -> Callable[[int, frozenset[str]], bool]:
    """Does a layer, with what was chosen for it, stand in nobody's way? Each is tried once."""
    own = [frozenset(_keys(layer)) for layer in layers]
    tried: dict[tuple[int, frozenset[str]], bool] = {}

    def stands(number: int, chosen: frozenset[str]) -> bool:
        case = (number, chosen & own[number])
        if case not in tried:
            alone = decide(_unlocked(layers[number], case[1]), request, rulebook)
            tried[case] = alone.verdict is Verdict.PERMIT or alone.reasons == ("NO_LAYERS",)
        return tried[case]

    return stands


def _freed(source_id: str, blocked: Sequence[_Blocked]) -> list[Unlock]:
    """Each set that frees something of a source, with all the hours that it frees."""
    wanted = {one for _, sets in blocked for one in sets}
    return [
        Unlock(
            keys=tuple(sorted(f"{source_id}/{key}" for key in keys)),
            hours=sum(hours for hours, sets in blocked if any(one <= keys for one in sets)),
            sources=(source_id,),
        )
        for keys in wanted
    ]


def _never(blocked: Mapping[str, Sequence[_Blocked]]) -> list[Unlock]:
    held = {
        source_id: sum(hours for hours, sets in own if not sets)
        for source_id, own in sorted(blocked.items())
        if not all(sets for _, sets in own)
    }
    return [Unlock(keys=(), hours=sum(held.values()), sources=tuple(held))] if held else []


def _keys(layer: Layer) -> tuple[str, ...]:
    """What somebody could bring for this layer, by name."""
    if is_question(layer):
        return (f"answer:{layer.part}",)
    label = ":".join(one for one in (layer.layer, layer.item, layer.part, layer.stream) if one)
    keys = ["consent" if layer.layer in PERSON_LAYERS else "agreement"]
    if any(one.grade and GRADES.index(one.grade) > 1 for one in layer.basis):
        keys.append("evidence")
    if any(one.same_holder is not False for one in layer.signals or ()):
        keys.append("signal-settled")
    said = tuple(f"{key}:{label}" for key in keys)
    if layer.stream is None or layer.stream in STREAMS:
        return said
    return (f"stream-mapped:{layer.stream}", *(said if layer.basis else ()))


def _unlocked(layer: Layer, chosen: Collection[str]) -> tuple[Layer, ...]:
    """The layer as it would be with the `chosen` facts; none if it stood for a question only."""
    for key in sorted(set(_keys(layer)) & set(chosen)):
        word = key.partition(":")[0]
        if word == "answer":
            return ()
        if word == "agreement":
            signed = Basis(type="contract", sublicense=True, licensor=layer.holder)
            layer = replace(layer, basis=(*layer.basis, signed))
        elif word == "consent":
            release = Basis(
                type="consent", scope=("use",), commercial=True, specific=True, grade="E0"
            )
            layer = replace(layer, basis=(*layer.basis, release), minor=False)
        elif word == "evidence":
            bases = tuple(replace(one, grade="E1") if one.grade else one for one in layer.basis)
            layer = replace(layer, basis=bases)
        elif word == "stream-mapped":
            if not layer.basis:
                return ()
            layer = replace(layer, stream=None)
        else:
            layer = replace(layer, signals=())
    return (layer,)
