"""Sourcing classes in the style of Fairly Trained: on what each source was come by, once.

In: the facts. Out: `sourcing.json` and `sourcing.md`. Each source stands in exactly one class, that
of its weakest layer; what rests on a statute, on terms of its own or on nothing on record does not
qualify. The scheme's own page was not read: this is evidence for an application,
not a certificate.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pipelines.documents.facts import DocumentFacts, LicenceFact, SourceFacts, hours_text
from pipelines.documents.forms import json_bytes, text_bytes
from pipelines.documents.markdown import plain, table
from pipelines.documents.required import require

CLASSES: Final = {
    "a": "provided under contract for training by a party with the rights",
    "b": "open licence fit for the use",
    "c": "public domain everywhere",
    "d": "fully owned by the developer",
    "x": "statutory exception or unknown: does not qualify",
}
WEAKEST_FIRST: Final = "xabcd"
PUBLIC_DOMAIN: Final = frozenset({"CC0-1.0", "PDDL-1.0", "CC-PDM-1.0"})
PERSONAL: Final = frozenset({"consent", "statement"})  # grounds of layers about persons
OURS: Final = frozenset({"own", "synthetic"})


def build(facts: DocumentFacts) -> dict[str, bytes]:
    """Write `sourcing.json` and `sourcing.md`.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING.
    """
    mandatory: dict[str, object] = {
        f"{one.source_id}.acquisition": one.acquisition for one in facts.sources
    }
    require(facts, mandatory, document="sourcing.json")
    rows = [_row(source) for source in facts.sources]
    doc = {
        "set": facts.set_id,
        "content_sha256": facts.content_digest,
        "developer": facts.organisation.name,
        "day": facts.valid.isoformat(),
        "classes": CLASSES,
        "sources": rows,
        "hours": _totals(facts),
        "qualifies": all(one["class"] != "x" for one in rows),
    }
    return {"sourcing.json": json_bytes(doc), "sourcing.md": text_bytes([*_page(facts, doc)])}


def class_of(source: SourceFacts) -> str:
    """The class of a source, a key of CLASSES: the weakest of its layers, each by its best ground.

    What persons said about themselves is no licence and neither lifts nor lowers a class.
    """
    if not source.layers or any(one.verdict != "permit" for one in source.layers):
        return "x"
    named = {one.concluded: _class(one) for one in source.licences}
    found = [
        max((named.get(base, "x") for base in papers), key=WEAKEST_FIRST.index)
        for layer in source.layers
        if (papers := [base for base in layer.bases if base not in PERSONAL])
    ]
    unlicensed = "d" if source.acquisition in OURS and not source.licences else "x"
    return min(found, key=WEAKEST_FIRST.index, default=unlicensed)


def is_public_domain(concluded: str) -> bool:
    """Whether a licence gives a work up, or marks it as given up, in all countries."""
    return concluded.removeprefix("LicenseRef-") in PUBLIC_DOMAIN


def _class(licence: LicenceFact) -> str:
    if licence.kind == "agreement":
        return "a"
    if licence.kind != "public licence":
        return "x"
    return "c" if is_public_domain(licence.concluded) else "b"


def _row(source: SourceFacts) -> dict[str, Any]:
    return {
        "source": source.source_id,
        "title": source.title,
        "class": class_of(source),
        "acquisition": source.acquisition,
        "provider": source.creator,
        "instruments": [
            {
                "name": one.concluded,
                "declared": one.declared,
                "kind": one.kind,
                "instrument": one.instrument,
                "evidence": one.grade,
                "ends": one.ends.isoformat() if one.ends else None,
            }
            for one in source.licences
        ],
        "decisions": list(source.decisions),
        "hours": {name: hours_text(each) for name, each in sorted(source.hours.items())},
        "fictional": source.fictional,
    }


def _totals(facts: DocumentFacts) -> dict[str, dict[str, str]]:
    """Hours by class and modality; a class without a source has none."""
    found: dict[str, dict[str, float]] = {name: {} for name in CLASSES}
    for source in facts.sources:
        own = found[class_of(source)]
        for name, hours in sorted(source.hours.items()):
            own[name] = own.get(name, 0.0) + hours
    return {
        name: {one: hours_text(hours) for one, hours in own.items()} for name, own in found.items()
    }


def _page(facts: DocumentFacts, doc: dict[str, Any]) -> Iterator[str]:
    outside = [one["source"] for one in doc["sources"] if one["class"] == "x"]
    yield from (
        f"# Sourcing of {plain(facts.set_id)}",
        "",
        f"Made by {plain(facts.organisation.name)}, as decided on {facts.valid}. Content sha256 "
        f"`{facts.content_digest}`.",
        "",
    )
    yield from table(
        ("source", "class", "instrument", "evidence", "hours"),
        [
            (
                f"{one['title']} ({one['source']})",
                one["class"],
                ", ".join(_named(each) for each in one["instruments"]),
                ", ".join(each["evidence"] for each in one["instruments"]),
                ", ".join(f"{name} {hours}" for name, hours in one["hours"].items()),
            )
            for one in doc["sources"]
        ],
    )
    yield ""
    yield from table(
        ("class", "what it means", "sources", "hours"),
        [
            (
                name,
                says,
                sum(one["class"] == name for one in doc["sources"]),
                ", ".join(f"{one} {hours}" for one, hours in doc["hours"][name].items()),
            )
            for name, says in CLASSES.items()
        ],
    )
    told = f"Do not qualify: {plain(', '.join(outside))}." if outside else "Every source qualifies."
    yield from ("", told)


def _named(instrument: dict[str, str]) -> str:
    number = instrument["instrument"]
    return f"{instrument['name']} ({number})" if number else instrument["name"]
