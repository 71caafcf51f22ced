"""The layers of a thing that is made from others, by kind of operation.

Comes in: a derivation and the layers of its inputs. Goes out: the layers of its output, which are
then decided like any others. No operation frees anything by itself: a right ends only by a named
rule that counsel has signed, and what the operation may newly create is `unknown` until somebody
answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from licensing.facts import Basis, Layer, layer_doc, reading, vocabulary
from licensing.facts.reading import Read

_UNKNOWN: Final = (Basis(type="unknown"),)
_SEEN: Final = frozenset({"likeness", "personal_data"})
_AUTHORED: Final = frozenset({"copyright", "neighbouring", "game_av"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """One thing made from others: by which operation, out of what, with which tool and code.

    `copyright_ends` names counsel's rule that no copyright reaches the facts extracted; `verified`
    says whether anonymity was shown; `tool_terms` are the layers that the generator's terms lay
    upon what it made.
    """

    op: str
    inputs: tuple[str, ...]
    output: str
    tool: str | None = None
    code_version: str | None = None
    copyright_ends: str | None = None
    verified: bool | None = None
    biometric: bool | None = None


_READERS: Final[dict[str, Read]] = {
    "op": reading.one_of(vocabulary.OPS),
    "inputs": reading.texts,
    "output": reading.text,
    "tool": reading.text,
    "code_version": reading.text,
    "copyright_ends": reading.text,
    "verified": reading.boolean,
    "biometric": reading.boolean,
}


def read_derivation(doc: object) -> Derivation:
    """The derivation that `doc` states; raises BadCase naming the field that cannot be read."""
    values = reading.fields(reading.mapping(doc, "derivation"), _READERS)
    for needed in ("op", "inputs", "output"):
        if not values.get(needed):
            raise reading.refuse(needed, "required in a derivation, and not stated")
    if values["output"] in values["inputs"]:
        raise reading.refuse("output", "a thing cannot be made out of itself")
    return Derivation(**values)


def derivation_doc(derivation: Derivation) -> dict[str, Any]:
    """The JSON form of `derivation`, with nothing that is unknown."""
    stated = {one.name: reading.plain(getattr(derivation, one.name)) for one in fields(derivation)}
    return {key: value for key, value in stated.items() if value is not None}


def derive(
    derivation: Derivation,
    inputs: Mapping[str, Sequence[Layer]],
    *,
    tool_terms: Sequence[Layer] = (),
) -> tuple[Layer, ...]:
    """The layers of what `derivation` makes out of `inputs`, by the id of each input.

    copy and collection keep every layer, a collection under the item it came from; all others merge
    them. Extraction of facts ends copyright only by counsel's rule, and may create a biometric
    layer. Anonymising answers the layers of persons as far as it was verified. Synthesis and
    training keep all layers, for a model may repeat what it saw. Raises BadCase for an input
    whose layers are not given.
    """
    missing = sorted(set(derivation.inputs) - set(inputs))
    if missing:
        raise reading.refuse("inputs", f"the layers of {missing[0]!r} are not given")
    kept = [
        _carried(layer, derivation, name)
        for name in derivation.inputs
        for layer in inputs[name]
        if not _ended(layer, derivation)
    ]
    return _once((*kept, *_created(kept, derivation), *tool_terms))


def _carried(layer: Layer, derivation: Derivation, name: str) -> Layer:
    """One layer of an input as it lies on the output."""
    if derivation.op == "collection":
        return replace(layer, item=layer.item or name)
    if derivation.op == "anonymise" and layer.layer in vocabulary.PERSON_LAYERS:
        shown = Basis(type="anonymised", verified=derivation.verified)
        return replace(layer, basis=(*layer.basis, shown))
    return layer


def _ended(layer: Layer, derivation: Derivation) -> bool:
    return (
        derivation.op == "fact_extraction"
        and derivation.copyright_ends is not None
        and layer.layer in _AUTHORED
    )


def _created(kept: Sequence[Layer], derivation: Derivation) -> list[Layer]:
    """What the operation may newly create: asked for, never assumed away."""
    if derivation.op != "fact_extraction" or derivation.biometric is False:
        return []
    shown = [one for one in kept if one.layer in _SEEN]
    return [
        Layer(layer="biometric", basis=_UNKNOWN, item=one.item, part="extracted", stream=one.stream)
        for one in shown
    ]


def _once(layers: Iterable[Layer]) -> tuple[Layer, ...]:
    """Every layer once: inputs that share one lay it on the output once."""
    return tuple({str(layer_doc(one)): one for one in layers}.values())
