"""EU AI Act, Art. 53(1)(d): the public summary of training content, numbered as the form is.

In: the facts. Out: `eu_summary.md` and `eu_summary.json`, whose form `eu_summary.schema.json`
states. The form describes a model; for a single training set this is a draft and says so. A field
that neither a fact nor an answer fills is absent and named as missing; the final form refuses. The
fields follow a reading of the template of 24 July 2025 (Annex to C(2025) 5235) by others: compare
with it before a publication.
"""

from __future__ import annotations

from typing import Final

from pipelines.documents.eu_sources import MODALITIES, SOURCES, month
from pipelines.documents.facts import DocumentFacts, hours_text
from pipelines.documents.form_words import contents, is_in_union, refusals, schemes
from pipelines.documents.forms import answer, yes_or_no
from pipelines.documents.required import require
from pipelines.documents.sections import Form, Section, asked, form_files, missing_of

BINS: Final = (  # of audio and video, in hours; what reaches a limit is in the bin above it
    (10_000, "less than 10,000 hours"),
    (1_000_000, "10,000 to 1 million hours"),
)
TOP_BIN: Final = "more than 1 million hours"
WORDS: Final = frozenset({"audio", "event"})  # streams in which there may be language
OTHERS: Final = {"action": "actions", "state": "states", "event": "events"}


def build(facts: DocumentFacts, *, draft: bool = True) -> dict[str, bytes]:
    """Write `eu_summary.md` and `eu_summary.json`; the final form refuses where a field is missing.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING or DOCUMENT_FIELD_INVALID.
    """
    mandatory: dict[str, object] = {f"{one.source_id}.title": one.title for one in facts.sources}
    mandatory |= {f"{one.source_id}.acquisition": one.acquisition for one in facts.sources}
    mandatory |= {"hours": draft or facts.hours()}
    require(facts, mandatory, document="eu_summary.json")
    return form_files(facts, FORM, "eu_summary", draft=draft)


def missing(facts: DocumentFacts) -> tuple[str, ...]:
    """The fields that neither a fact nor an answer fills."""
    return missing_of(facts, FORM)


def size_range(hours: float) -> str:
    """The bin of the form in which so many hours of audio or video are."""
    return next((name for limit, name in BINS if hours < limit), TOP_BIN)


def _head(facts: DocumentFacts) -> Section:
    values = {
        "version": answer(facts, "eu.head.version") or str(facts.version),
        "last_update": f"{facts.valid:%d/%m/%y}",
    }
    return Section(values=values | _optional(facts, "head", "earlier_versions"))


def _provider(facts: DocumentFacts) -> Section:
    """1.1: a provider outside the Union has a representative in it; one of unknown seat, too."""
    in_union = is_in_union(facts)
    names = ("provider_contact",) if in_union else ("provider_contact", "representative")
    said, lost = asked(facts, "eu.1.1", *names)
    known = {} if in_union is None else {"in_union": in_union}
    values = {"provider_name": facts.organisation.name, **known, **said}
    return Section(values=values, missing=lost)


def _model(facts: DocumentFacts) -> Section:
    said, lost = asked(facts, "eu.1.2", "model_names", "dependencies", "placed_on_market")
    return Section(values=said, missing=lost)


def _modalities(facts: DocumentFacts) -> Section:
    hours = facts.hours()
    ongoing = yes_or_no(facts, "eu.1.3.continuously_trained")
    said, lost = asked(facts, "eu.1.3", "linguistic") if WORDS & {*hours} else ({}, ())
    values = {
        "modalities": [_modality(facts, name, hours=each) for name, each in hours.items()],
        "latest_acquisition": month(facts.acquired[1]),
        "linguistic": "not applicable: the set holds no text and no sound",
        **said,
        **_optional(facts, "1.3", "other_characteristics", "comments"),
    }
    if lost:
        values.pop("linguistic")
    if ongoing is None:
        return Section(values=values, missing=("eu.1.3.continuously_trained", *lost))
    return Section(values={**values, "continuously_trained": ongoing}, missing=lost)


def _modality(facts: DocumentFacts, stream: str, *, hours: float) -> dict[str, str]:
    sources = [one for one in facts.sources if stream in one.hours]
    binned = {"size_range": size_range(hours)} if stream in MODALITIES else {}
    named = {} if stream in MODALITIES else {"name": OTHERS.get(stream, stream)}
    return {
        "modality": MODALITIES.get(stream, "other"),
        **named,
        **binned,
        "size": hours_text(hours),
        "unit": "hours",
        "types_of_content": answer(facts, f"eu.1.3.types_of_content.{stream}") or contents(sources),
    }


def _reservations(facts: DocumentFacts) -> Section:
    signatory = yes_or_no(facts, "eu.3.1.code_signatory")
    found = ", ".join(f"{name} at {number}" for name, number in schemes(facts.sources).items())
    why = ", ".join(f"{code}: {number}" for code, number in refusals(facts).items())
    measures = (
        "Statements about use, machine-readable or in words, are looked for among the files of a "
        "source before they are used, and decide with its licences whether it may be. Found at "
        f"sources of this set: {found or 'none'}. Sources that were refused, by reason: "
        f"{why or 'none'}."
    )
    values = {"measures": measures, **_optional(facts, "3.1", "comments")}
    if signatory is None:
        return Section(values=values, missing=("eu.3.1.code_signatory",))
    return Section(values={**values, "code_signatory": signatory})


def _illegal(facts: DocumentFacts) -> Section:
    said, lost = asked(facts, "eu.3.2", "illegal_content")
    return Section(values=said, missing=lost)


def _more(facts: DocumentFacts) -> Section:
    return Section(values=_optional(facts, "3.3", "other"))


def _optional(facts: DocumentFacts, number: str, *names: str) -> dict[str, str]:
    """Fields that the form allows to be empty."""
    return asked(facts, f"eu.{number}", *names)[0]


FORM: Final = Form(
    title="EU AI Act, Article 53(1)(d): public summary of training content",
    asks_about="a model and all data that it was trained on",
    sections=(
        ("head", "of the summary", _head),
        ("1.1", "Provider", _provider),
        ("1.2", "Model", _model),
        ("1.3", "Modalities, size and characteristics of the training data", _modalities),
        *SOURCES,
        ("3.1", "Respect of reservations of text and data mining", _reservations),
        ("3.2", "Removal of illegal content", _illegal),
        ("3.3", "Other information", _more),
    ),
)
