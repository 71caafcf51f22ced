"""Layers and decisions as documents: read from the JSON form of the rights page, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import date
from typing import Any, Final, cast

import rfc8785

from licensing.facts import reading, vocabulary
from licensing.facts.model import Basis, Decision, Layer, Signal
from licensing.facts.reading import Read

_ACTIONS: Final = reading.some_of(vocabulary.ACTIONS)
_EVERY_BASIS: Final[dict[str, Read]] = {
    "id": reading.text,
    "instrument_id": reading.text,
    "grade": reading.one_of(vocabulary.GRADES),
    "recorded": reading.day,
    "void_from": reading.day,
}
_TERMS: Final[dict[str, Read]] = {
    "valid": reading.interval,
    "actions": _ACTIONS,
    "territory": reading.places,
    "release": reading.some_of(vocabulary.RELEASES),
    "model_kind": reading.some_of(vocabulary.MODEL_KINDS),
    "purpose": reading.some_of(vocabulary.PURPOSES),
    "streams": reading.some_of(vocabulary.STREAMS),
    "commercial": reading.boolean,
    "sublicense": reading.boolean,
    "survival": _ACTIONS,
    "on_end": reading.one_of(("destroy_models",)),
    "unmapped": reading.texts,
}
_RSL_TOKENS: Final = (
    *("all", "ai-all", "ai-train", "ai-input", "ai-index", "search"),
    *("commercial", "non-commercial", "education", "government", "personal"),
)
_RSL_PAYMENTS: Final = (
    *("none", "free", "attribution", "purchase", "subscription"),
    *("training", "crawl", "use", "contribution", "inference"),
)
_PERSON: Final[dict[str, Read]] = {
    "valid": reading.interval,
    "scope": _ACTIONS,
    "commercial": reading.boolean,
    "specific": reading.boolean,
    "erased": reading.day,
}
_RSL: Final[dict[str, Read]] = {
    "permits": reading.some_of(_RSL_TOKENS),
    "prohibits": reading.some_of(_RSL_TOKENS),
    "payment": reading.one_of(_RSL_PAYMENTS),
    "paid": reading.boolean,
}
_CLASSES: Final = ("research-only", "noncommercial", "all-uses-attribution")
BASIS_FIELDS: Final[dict[str, dict[str, Read]]] = {
    "public_licence": {},
    "expression": {},
    "contract": _TERMS,
    "consent": _PERSON,
    "statutory": {"lawful_access": reading.boolean, "enabled": reading.boolean},
    "rsl": _RSL,
    "custom": {"class": reading.one_of(_CLASSES), "url": reading.text},
    "aggregator_claim": {},
    "anonymised": {"verified": reading.boolean},
    "unknown": {},
    "none": {},
}
_NEEDS_ID: Final = frozenset({"public_licence", "expression", "statutory", "aggregator_claim"})
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
_SCHEMES: Final = (
    *TDMREP_PLACES,
    *("cawg", "plus", "aipref", "content_signal", "robots", "natural_language"),
)


def read_layers(docs: Sequence[Mapping[str, Any]]) -> tuple[Layer, ...]:
    """The layers that `docs` state; raises BadCase naming the field that cannot be read."""
    return tuple(_layer(doc, "layers") for doc in reading.sequence(docs, "layers"))


def layer_doc(layer: Layer) -> dict[str, Any]:
    """The JSON form of `layer`, with nothing that equals its default."""
    doc = _stated(layer)
    doc["basis"] = [_basis_doc(one) for one in layer.basis]
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


def doc_digest(doc: object) -> str:
    """64 hex digits over the canonical JSON of `doc`."""
    return hashlib.sha256(rfc8785.dumps(cast("Any", doc))).hexdigest()


def _layer(doc: object, field: str) -> Layer:
    stated = reading.mapping(doc, field)
    values = reading.fields(stated, _LAYER)
    for needed in ("layer", "basis"):
        if needed not in values:
            raise reading.refuse(needed, "required, and not stated")
    return Layer(**values)


def _bases(value: object, field: str) -> tuple[Basis, ...]:
    return tuple(_basis(one, field) for one in reading.sequence(value, field))


def _basis(doc: object, field: str) -> Basis:
    stated = dict(reading.mapping(doc, field))
    kind = reading.one_of(BASIS_FIELDS.keys())(stated.pop("type", None), "type")
    own = BASIS_FIELDS[kind]
    values = reading.fields(stated, _EVERY_BASIS | own)
    if kind in _NEEDS_ID and "id" not in values:
        raise reading.refuse("id", f"required for {kind}, and not stated")
    if "class" in values:
        values["class_"] = values.pop("class")
    unread = sorted(
        key for key in stated if stated[key] is None and kind == "contract" and key in own
    )
    return Basis(type=kind, unread=tuple(unread), **values)


def _signals(value: object, field: str) -> tuple[Signal, ...]:
    return tuple(_signal(one, field) for one in reading.sequence(value, field))


def _signal(doc: object, field: str) -> Signal:
    stated = reading.mapping(doc, field)
    reading.known_keys(stated, (*_SCHEMES, "valid", "same_holder"))
    schemes = [key for key in stated if key in _SCHEMES]
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
    "basis": _bases,
    "item": reading.text,
    "part": reading.text,
    "stream": reading.text,
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


def _stated(fact: Layer | Basis) -> dict[str, Any]:
    """Every field that differs from its default, in its JSON form."""
    nested = {"basis", "signals", "breach", "unread", "class_"}
    return {
        one.name: reading.plain(getattr(fact, one.name))
        for one in fields(fact)
        if one.name not in nested
        and (one.default is MISSING or getattr(fact, one.name) != one.default)
    }


def _basis_doc(basis: Basis) -> dict[str, Any]:
    doc = _stated(basis) | dict.fromkeys(basis.unread)
    if basis.class_ is not None:
        doc["class"] = basis.class_
    return doc


def _signal_doc(signal: Signal) -> dict[str, Any]:
    flags = {"valid": signal.valid, "same_holder": signal.same_holder}
    return {signal.scheme: signal.value} | {
        key: flag for key, flag in flags.items() if flag is not None
    }
