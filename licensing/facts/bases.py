"""Bases as documents: the fields that each kind of basis may state, read and written back.

A contract is a box of limits with what it bars, what it demands of us and, for a sublicence, the
chain of agreements above it. A field that a kind does not have is refused: ignored, it would fail
open.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import fields
from functools import cache
from typing import Any, Final, cast

from licensing.facts import reading, vocabulary
from licensing.facts.model import Basis, Evidence, Obligation, Restriction
from licensing.facts.reading import Read

_ACTIONS: Final = reading.some_of(vocabulary.ACTIONS)
_BOX: Final[dict[str, Read]] = {
    "actions": _ACTIONS,
    "territory": reading.places,
    "release": reading.some_of(vocabulary.RELEASES),
    "model_kind": reading.some_of(vocabulary.MODEL_KINDS),
    "purpose": reading.some_of(vocabulary.PURPOSES),
    "streams": reading.some_of(vocabulary.STREAMS),
    "commercial": reading.boolean,
}
_EVIDENCE: Final[dict[str, Read]] = {
    "digest": reading.sha256,
    "clause": reading.text,
    "url": reading.text,
    "observed": reading.day,
    "grade": reading.one_of(vocabulary.GRADES),
    "found": reading.text,
}
_OBLIGATION: Final[dict[str, Read]] = {
    "duty": reading.text,
    "state": reading.one_of(vocabulary.OBLIGATION_STATES),
    "trigger": reading.text,
    "deadline": reading.day,
    "precedent": reading.boolean,
    "clause": reading.text,
    "text": reading.text,
}


def read_bases(value: object, field: str) -> tuple[Basis, ...]:
    """The bases that a list of documents states; raises BadCase naming the field."""
    return tuple(_basis(one, field) for one in reading.sequence(value, field))


def basis_doc(basis: Basis) -> dict[str, Any]:
    """The JSON form of `basis`, with nothing that equals its default."""
    doc = stated(basis, without=_NESTED) | dict.fromkeys(basis.unread)
    if basis.class_ is not None:
        doc["class"] = basis.class_
    if basis.chain:
        doc["chain"] = [_link_doc(one) for one in basis.chain]
    for name in ("evidence", "restrictions", "obligations"):
        if getattr(basis, name):
            doc[name] = [stated(one) for one in getattr(basis, name)]
    return doc


def stated(fact: Any, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:  # noqa: ANN401
    """Every field of a fact that differs from its default, in its JSON form."""
    doc, kind = {}, cast("Hashable", type(fact))
    for name, usual in _defaults(kind):
        value = getattr(fact, name)
        if value is not usual and value != usual and name not in without:
            doc[name] = reading.plain(value)
    return doc


@cache
def _defaults(kind: Any) -> tuple[tuple[str, object], ...]:  # noqa: ANN401  any dataclass
    return tuple((one.name, one.default) for one in fields(kind))


def _basis(doc: object, field: str) -> Basis:
    given = dict(reading.mapping(doc, field))
    kind = reading.one_of(BASIS_FIELDS.keys())(given.pop("type", None), "type")
    own = BASIS_FIELDS[kind]
    values = reading.fields(given, _EVERY_BASIS | own)
    if kind in _NEEDS_ID and "id" not in values:
        raise reading.refuse("id", f"required for {kind}, and not stated")
    if "class" in values:
        values["class_"] = values.pop("class")
    return Basis(type=kind, unread=_unread(given, kind), **values)


def _unread(given: Mapping[str, Any], kind: str) -> tuple[str, ...]:
    """The terms of an agreement or approval that are null: the paper was not read for them."""
    if kind not in {"contract", "statutory"}:
        return ()
    return tuple(sorted(key for key in given if given[key] is None and key in _LIMITS))


def _chain(value: object, field: str) -> tuple[Basis, ...]:
    return tuple(_link(one, field) for one in reading.sequence(value, field))


def _link(doc: object, field: str) -> Basis:
    given = reading.mapping(doc, field)
    values = reading.fields(given, _LINK)
    return Basis(type="contract", unread=_unread(given, "contract"), **values)


def _link_doc(link: Basis) -> dict[str, Any]:
    return {key: value for key, value in basis_doc(link).items() if key != "type"}


def _evidence(value: object, field: str) -> tuple[Evidence, ...]:
    listed = reading.sequence(value, field)
    return tuple(
        Evidence(**reading.fields(reading.mapping(one, field), _EVIDENCE)) for one in listed
    )


def _restrictions(value: object, field: str) -> tuple[Restriction, ...]:
    return tuple(_restriction(one, field) for one in reading.sequence(value, field))


def _restriction(doc: object, field: str) -> Restriction:
    given = reading.mapping(doc, field)
    for key, value in given.items():
        if value is None or value in ([], ()):
            raise reading.refuse(key, "a restriction states what it bars, or leaves the field out")
    return Restriction(**reading.fields(given, _BOX | {"clause": reading.text}))


def _obligations(value: object, field: str) -> tuple[Obligation, ...]:
    return tuple(_obligation(one, field) for one in reading.sequence(value, field))


def _obligation(doc: object, field: str) -> Obligation:
    values = reading.fields(reading.mapping(doc, field), _OBLIGATION)
    if "duty" not in values:
        raise reading.refuse("duty", "required in an obligation, and not stated")
    return Obligation(**values)


_EVERY_BASIS: Final[dict[str, Read]] = {
    "id": reading.text,
    "instrument_id": reading.text,
    "grade": reading.one_of(vocabulary.GRADES),
    "evidence": _evidence,
    "recorded": reading.day,
    "void_from": reading.day,
}
_LIMITS: Final[dict[str, Read]] = _BOX | {
    "valid": reading.interval,
    "sublicense": reading.boolean,
    "survival": _ACTIONS,
    "on_end": reading.one_of(("destroy_models",)),
    "restrictions": _restrictions,
    "obligations": _obligations,
    "unmapped": reading.texts,
}
_PARTIES: Final[dict[str, Read]] = {"licensor": reading.text, "licensee": reading.text}
_LINK: Final[dict[str, Read]] = (
    _LIMITS
    | _PARTIES
    | {key: _EVERY_BASIS[key] for key in ("id", "instrument_id", "grade", "evidence")}
)
_TERMS: Final[dict[str, Read]] = _LIMITS | _PARTIES | {"chain": _chain}
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
    "capacity": reading.one_of(vocabulary.CAPACITIES),
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
    "statutory": {
        "valid": reading.interval,
        "lawful_access": reading.boolean,
        "enabled": reading.boolean,
    },
    "rsl": _RSL,
    "custom": {"class": reading.one_of(_CLASSES), "url": reading.text},
    "aggregator_claim": {},
    "anonymised": {"verified": reading.boolean},
    "unknown": {},
    "none": {},
}
_NEEDS_ID: Final = frozenset({"public_licence", "expression", "statutory", "aggregator_claim"})
_NESTED: Final = frozenset({"unread", "class_", "chain", "evidence", "restrictions", "obligations"})
