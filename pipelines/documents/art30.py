"""GDPR, Art. 30(1): the record of processing that a training set with persons in it needs.

In: the facts. Out: `art30.md` and `art30.json`. Categories of data come from the layers about
persons, their grounds from what the decisions rest on, retention from duties and ends; what only
the controller knows is asked of people. No person, and no id of one, is named. A set without such a
layer has a record that says so and asks nothing.
"""

from __future__ import annotations

from typing import Any, Final

from pipelines.documents.facts import DocumentFacts, SourceFacts
from pipelines.documents.form_words import is_in_union
from pipelines.documents.forms import answer
from pipelines.documents.required import require
from pipelines.documents.sections import Form, Section, asked, form_files, missing_of

RETENTION: Final = "limit-retention"
SECURITY: Final = "secure-copies"
LAYERS: Final = {
    "biometric": "biometric data",
    "likeness": "pictures of persons",
    "personal_data": "personal data in recordings",
    "voice": "voices",
}


def build(facts: DocumentFacts, *, draft: bool = True) -> dict[str, bytes]:
    """Write `art30.md` and `art30.json`; the final form refuses where a field is missing.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING.
    """
    mandatory: dict[str, object] = {}
    for source in facts.sources:
        for layer in source.layers:
            if layer.layer in LAYERS:
                mandatory[f"{source.source_id}.{layer.layer}.bases"] = layer.bases
    require(facts, mandatory, document="art30.json")
    return form_files(facts, FORM, "art30", draft=draft)


def missing(facts: DocumentFacts) -> tuple[str, ...]:
    """The fields that neither a fact nor an answer fills."""
    return missing_of(facts, FORM)


def _controller(facts: DocumentFacts) -> Section:
    values = {"controller": facts.organisation.name, "personal_data": bool(_with_persons(facts))}
    outside = () if is_in_union(facts) else ("representative",)
    section = _asked(facts, {}, "controller_contact", "protection_officer", *outside)
    return Section(values={**values, **section.values}, missing=section.missing)


def _purposes(facts: DocumentFacts) -> Section:
    if not _with_persons(facts):
        return Section(values={})
    told = {
        name: _said(value)
        for name, value in sorted(facts.request.items())
        if name not in {"name", "title"}
    }
    more = answer(facts, "art30.purposes")
    values = {"request": facts.request_name, "use": told, **({"purposes": more} if more else {})}
    return Section(values=values)


def _categories(facts: DocumentFacts) -> Section:
    layers = [
        {
            "source": one.source_id,
            "category": LAYERS[each.layer],
            "stream": each.stream or "all",
            "ground": list(each.bases),
            "evidence": each.grade,
            "until": each.ends.isoformat() if each.ends else None,
            "clips": one.num_clips,
        }
        for one in _with_persons(facts)
        for each in one.layers
        if each.layer in LAYERS
    ]
    return _asked(facts, {"data": layers}, "categories_of_subjects")


def _recipients(facts: DocumentFacts) -> Section:
    return _asked(facts, {"release": str(facts.request.get("release", "none"))}, "recipients")


def _transfers(facts: DocumentFacts) -> Section:
    return _asked(facts, {}, "transfers")


def _retention(facts: DocumentFacts) -> Section:
    found = _with_persons(facts)
    values = {
        "limited_by_duty": [one.source_id for one in found if RETENTION in one.duties],
        "rights_end": [
            {"source": one.source_id, "on": one.ends.isoformat()} for one in found if one.ends
        ],
        "clearance_ends_by": facts.not_after.isoformat(),
    }
    return _asked(facts, values, "retention")


def _security(facts: DocumentFacts) -> Section:
    owed = [one.source_id for one in _with_persons(facts) if SECURITY in one.duties]
    return _asked(facts, {"owed_by_duty": owed}, "security")


def _asked(facts: DocumentFacts, values: dict[str, Any], *names: str) -> Section:
    """A section of the record: of a set without persons nothing is said and nothing asked."""
    if not _with_persons(facts):
        return Section(values={})
    said, lost = asked(facts, "art30", *names)
    return Section(values={**values, **said}, missing=lost)


def _with_persons(facts: DocumentFacts) -> list[SourceFacts]:
    return [one for one in facts.sources if one.personal]


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


FORM: Final = Form(
    title="GDPR, Article 30(1): record of processing",
    asks_about="all processing of a controller",
    sections=(
        ("a", "Controller, representative and protection officer", _controller),
        ("b", "Purposes of the processing", _purposes),
        ("c", "Categories of data subjects and of personal data", _categories),
        ("d", "Categories of recipients", _recipients),
        ("e", "Transfers to third countries", _transfers),
        ("f", "Time limits for erasure", _retention),
        ("g", "Security measures", _security),
    ),
)
