"""Fold dated facts into the layers of RIGHTS section 11: pure, from values to documents.

The end of an agreement or consent closes its interval, and so does that of a rule that counsel
approved. The end of any other basis cannot: a public licence has none. It marks the layer instead,
never in a way that frees more than before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

TIMED = ("contract", "consent")
APPROVED = "statutory"
FIRST_DAY = "0001-01-01"
_DUTY = ("duty", "state", "trigger", "deadline", "precedent", "clause", "text")
# What a reservation of mining can reach: copyright and the rights related to it.
RESERVABLE = ("copyright", "neighbouring", "sui_generis_db", "game_av")
# How facts hang together; no rule reads it.
_INSIDE = ("layer_id", "signals_captured", "said", "about", "where", "again")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing said about the rights in a source."""

    fact_id: str
    source_id: str
    kind: str
    doc: Mapping[str, Any]
    valid_from: str | None
    valid_to: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FactEnd:
    """The end of a fact: from which day, why, and when it was recorded."""

    fact_id: str
    kind: str
    ends_at: date
    reason: str
    recorded_at: datetime


def fold(facts: Sequence[Fact], ends: Mapping[str, Sequence[FactEnd]]) -> list[dict[str, Any]]:
    """Return the layers that `facts` make up once `ends`, by fact, have come."""
    layers = {
        one.fact_id: {**_plain(one.doc), "layer_id": one.fact_id, "basis": []}
        | ({"signals": []} if one.doc.get("signals_captured") else {})
        for one in facts
        if one.kind == "layer"
    }
    papers = _papers(facts)
    for fact in sorted(facts, key=lambda one: one.doc.get("layer_id") == "*"):
        if fact.kind == "layer":
            _mark(layers[fact.fact_id], ends.get(fact.fact_id, ()))
        elif fact.kind == "basis":
            layer = layers[fact.doc["layer_id"]]
            _add_basis(layer, fact, ends.get(fact.fact_id, ()))
            _bind(layer["basis"][-1], papers, facts)
        elif fact.kind == "signal" and fact.fact_id not in ends:
            for layer in _signalled(layers, fact.doc):
                _add_signal(layer, _plain(fact.doc))
        elif fact.kind == "captured":
            for layer in _signalled(layers, fact.doc):
                layer.setdefault("signals", [])
    return list(layers.values())


def ends_by_fact(facts: Sequence[Fact], ends: Iterable[FactEnd]) -> dict[str, list[FactEnd]]:
    """The ends of each fact; a basis ends with the instrument that it rests on, too."""
    own: dict[str, list[FactEnd]] = {}
    for end in ends:
        own.setdefault(end.fact_id, []).append(end)
    papers = {
        name: own[one.fact_id]
        for one in facts
        if one.kind == "instrument" and one.fact_id in own
        for name in (one.fact_id, one.doc.get("id"))
    }
    for one in facts:
        if one.kind == "basis" and one.doc.get("instrument_id") in papers:
            own.setdefault(one.fact_id, []).extend(papers[one.doc["instrument_id"]])
    return own


def _add_basis(layer: dict[str, Any], fact: Fact, ends: Iterable[FactEnd]) -> None:
    basis, ended = _plain(fact.doc), tuple(ends)
    if basis.get("type") in TIMED:
        _close(basis, ended)
    elif basis.get("type") == APPROVED:
        _close(basis, ended)  # an approval that is taken back says nothing of a licence beside it
        _mark(layer, (one for one in ended if one.kind != "withdrawn"))
    else:
        _mark(layer, ended)
    layer["basis"].append(basis)


def _close(basis: dict[str, Any], ends: Iterable[FactEnd]) -> None:
    for end in ends:
        start, until = basis.get("valid") or (None, None)
        last = end.ends_at.isoformat()
        if end.kind == "void" or basis.get("valid") == [] or last <= (start or FIRST_DAY):
            basis["valid"] = []
        else:
            basis["valid"] = [start or FIRST_DAY, min(until or last, last)]


def _papers(facts: Iterable[Fact]) -> dict[str, dict[str, Any]]:
    """What proves each instrument, by its id: the evidence that was kept of it."""
    found = {}
    for one in facts:
        if one.kind == "instrument" and one.doc.get("id"):
            said = one.doc.get("evidence") or {}
            proof = {
                "digest": one.doc.get("evidence_sha256"),
                "url": one.doc.get("url"),
                "grade": said.get("grade"),
                "found": said.get("found"),
                "observed": said.get("observed"),
            }
            found[str(one.doc["id"])] = {key: value for key, value in proof.items() if value}
    return found


def _bind(basis: dict[str, Any], papers: Mapping[str, Any], facts: Iterable[Fact]) -> None:
    """Put beside a basis what proves its instrument, and how its duties stand."""
    name = str(basis.get("instrument_id", ""))
    if name in papers and "evidence" not in basis:
        basis["evidence"] = [papers[name]]
    for one in facts:
        if name and one.kind == "obligation" and one.doc["instrument"] == name:
            state = {key: one.doc[key] for key in _DUTY if key in one.doc}
            duties = basis.setdefault("obligations", [])
            same = [each for each in duties if each["duty"] == state["duty"]]
            basis["obligations"] = [each for each in duties if each not in same]
            basis["obligations"].append({**(same[0] if same else {}), **state})


def _mark(layer: dict[str, Any], ends: Iterable[FactEnd]) -> None:
    for end in ends:
        if end.kind == "breach":
            layer["breach"] = {"found": end.ends_at.isoformat()}
        elif end.kind in {"withdrawn", "ended"}:
            layer["withdrawn"] = end.ends_at.isoformat()
        if end.kind in {"taken_down", "ended", "void"}:
            layer["taken_down"] = True


def _signalled(
    layers: Mapping[str, dict[str, Any]], said: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The layers that a signal speaks of: one, or all that a reservation can reach.

    What is said about one file reaches the layers of that file and those of the whole source. The
    name of an erased one is the list of those that it may have had.
    """
    if said["layer_id"] != "*":
        return [layers[said["layer_id"]]]
    about = said.get("about")
    items = {None, *([about] if isinstance(about, str) else about or ())}
    return [
        one
        for one in layers.values()
        if one["layer"] in RESERVABLE and (not about or one.get("item") in items)
    ]


def _plain(doc: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in doc.items() if name not in _INSIDE}


def _add_signal(layer: dict[str, Any], signal: Mapping[str, Any]) -> None:
    """Add a signal unless the layer states it already, perhaps in more words."""
    stated = layer.setdefault("signals", [])
    if signal not in stated and not any(
        signal.items() <= one.items() for one in stated if _flat(one) and _flat(signal)
    ):
        stated.append(dict(signal))


def _flat(signal: Mapping[str, Any]) -> bool:
    return all(isinstance(value, str | int | bool | None) for value in signal.values())
