"""Layers and decisions as documents: read from the JSON form of the rights page, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from typing import Any, Final, cast

import rfc8785

from licensing.facts import reading, vocabulary
from licensing.facts.bases import basis_doc, read_bases, stated
from licensing.facts.canonical import doc_digest
from licensing.facts.model import Decision, Layer, Signal
from licensing.facts.reading import Read

_CAWG_ENTRIES: Final = ("data_mining", "ai_inference", "ai_training", "ai_generative_training")
_CAWG_USES: Final = ("allowed", "notAllowed", "constrained")
TDMREP_PLACES: Final = (
    "tdmrep_file",
    "tdmrep_header",
    "tdmrep_html",
    "tdmrep_epub",
    "tdmrep_pdf",
    "tdmrep",
)
SCHEMES: Final = (
    *TDMREP_PLACES,
    *("cawg", "plus", "aipref", "content_signal", "robots", "natural_language", "rsl", "unread"),
)
_RSL_USES: Final = ("all", "ai-train", "ai-input", "ai-index", "search")


def read_layers(docs: Sequence[Mapping[str, Any]]) -> tuple[Layer, ...]:
    """The layers that `docs` state; raises BadCase naming the field that cannot be read."""
    return tuple(_layer(doc, "layers") for doc in reading.sequence(docs, "layers"))


def layer_doc(layer: Layer) -> dict[str, Any]:
    """The JSON form of `layer`, with nothing that equals its default."""
    doc = stated(layer, without=_NESTED)
    doc["basis"] = [basis_doc(one) for one in layer.basis]
    if layer.signals is not None:
        doc["signals"] = [_signal_doc(one) for one in layer.signals]
    if layer.breach is not None:
        found, cured = layer.breach
        doc["breach"] = {"found": found.isoformat()}
        if cured:
            doc["breach"]["cured"] = cured.isoformat()
    return doc


def decision_doc(decision: Decision) -> dict[str, Any]:
    """The JSON form of `decision`."""
    doc = {
        one.name: reading.plain(getattr(decision, one.name))
        for one in fields(decision)
        if one.name != "verdict"
    }
    return {"verdict": decision.verdict.word, **doc}


def decision_digest(decision: Decision) -> str:
    """64 hex digits over the canonical JSON of `decision`."""
    return doc_digest(decision_doc(decision))


def _layer(doc: object, field: str) -> Layer:
    stated = reading.mapping(doc, field)
    values = reading.fields(stated, _LAYER)
    for needed in ("layer", "basis"):
        if needed not in values:
            raise reading.refuse(needed, "required, and not stated")
    return Layer(**values)


def _signals(value: object, field: str) -> tuple[Signal, ...]:
    return tuple(_signal(one, field) for one in reading.sequence(value, field))


def _signal(doc: object, field: str) -> Signal:
    stated = reading.mapping(doc, field)
    reading.known_keys(stated, (*SCHEMES, "valid", "same_holder"))
    schemes = [key for key in stated if key in SCHEMES]
    if len(schemes) != 1:
        raise reading.refuse(field, f"expected one scheme, got {', '.join(schemes) or 'none'}")
    scheme = schemes[0]
    flags = {
        key: reading.boolean(stated[key], key)
        for key in ("valid", "same_holder")
        if stated.get(key) is not None
    }
    return Signal(scheme=scheme, value=_statement(scheme, stated[scheme]), **flags)


def _statement(scheme: str, value: object) -> object:
    """What was found, checked as far as a wrong form is our own mistake and not the declarer's."""
    if scheme == "cawg":
        entries = reading.mapping(value, scheme)
        reading.known_keys(entries, _CAWG_ENTRIES)
        return {key: reading.one_of(_CAWG_USES)(use, key) for key, use in sorted(entries.items())}
    if scheme == "rsl":
        uses = reading.mapping(value, scheme)
        reading.known_keys(uses, _RSL_USES)
        states = reading.one_of(("allowed", "conditional", "reserved"))
        return {key: states(state, key) for key, state in sorted(uses.items())}
    if scheme == "natural_language":
        return reading.one_of(("reserved", "allowed"))(value, scheme)
    if scheme not in TDMREP_PLACES:
        return reading.text(value, scheme)
    try:
        rfc8785.dumps(cast("Any", value))
    except (rfc8785.CanonicalizationError, RecursionError) as error:
        raise reading.refuse(scheme, "a value that JSON cannot carry") from error
    return value


def _breach(value: object, field: str) -> tuple[date, date | None]:
    stated = reading.mapping(value, field)
    days = reading.fields(stated, {"found": reading.day, "cured": reading.day})
    found, cured = days.get("found"), days.get("cured")
    if found is None:
        raise reading.refuse("found", "required in a breach, and not stated")
    if cured is not None and cured < found:
        raise reading.refuse("cured", f"{cured} lies before the breach was found, {found}")
    return (found, cured)


_LAYER: Final[dict[str, Read]] = {
    "layer": reading.one_of(vocabulary.LAYER_KINDS),
    "basis": read_bases,
    "item": reading.text,
    "part": reading.text,
    "stream": reading.text,
    "region": reading.text,
    "holder": reading.text,
    "span": reading.span,
    "layer_id": reading.text,
    "signals": _signals,
    "substantial": reading.boolean,
    "covers_output": reading.boolean,
    "archived_proof": reading.boolean,
    "minor": reading.boolean,
    "taken_down": reading.boolean,
    "territory": reading.place,
    "withdrawn": reading.day,
    "breach": _breach,
}


_NESTED: Final = frozenset({"basis", "signals", "breach"})


def _signal_doc(signal: Signal) -> dict[str, Any]:
    flags = {"valid": signal.valid, "same_holder": signal.same_holder}
    return {signal.scheme: signal.value} | {
        key: flag for key, flag in flags.items() if flag is not None
    }
