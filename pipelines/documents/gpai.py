"""GPAI Code of Practice, copyright chapter: what is on record for each measure.

In: the facts. Out: `gpai_copyright.md` and `gpai_copyright.json`. What a provider commits itself
to and who answers for it are answers of people; beside each stand the figures that show it for this
set, and the commands that compute them again. The chapter was read second-hand: compare the
measures with it before relying on their words.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from pipelines.documents.facts import DocumentFacts
from pipelines.documents.form_words import refusals, schemes
from pipelines.documents.required import require
from pipelines.documents.sections import Form, Section, asked, form_files, missing_of

RESERVATIONS: Final = frozenset({
    "CONSTRAINT_UNPARSED", "SIGNALS_NOT_CAPTURED", "SIGNAL_MALFORMED", "SIGNAL_RESERVED",
    "TDM_RESERVED",
})  # fmt: skip
DECIDED: Final = "clearway audit list decisions"
REPLAYED: Final = "clearway audit replay --all"
SHOWN: Final = "clearway rights show SOURCE"
CLEARED: Final = "clearway clear REQUEST"


def build(facts: DocumentFacts, *, draft: bool = True) -> dict[str, bytes]:
    """Write `gpai_copyright.md` and `gpai_copyright.json`; the final form lacks no field.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING.
    """
    mandatory: dict[str, object] = {
        "rulebook_digest": facts.rulebook_digest,
        "profile": facts.profile,
    }
    mandatory |= {f"{one.source_id}.acquisition": one.acquisition for one in facts.sources}
    require(facts, mandatory, document="gpai_copyright.json")
    return form_files(facts, FORM, "gpai_copyright", draft=draft)


def missing(facts: DocumentFacts) -> tuple[str, ...]:
    """The fields that neither a fact nor an answer fills."""
    return missing_of(facts, FORM)


def _policy(facts: DocumentFacts) -> Section:
    evidence = {
        "provider": facts.organisation.name,
        "profile": facts.profile,
        "rulebook_sha256": facts.rulebook_digest,
        "sources_permitted": len(facts.sources),
        "sources_refused": len(facts.refused),
    }
    return _measure(facts, "1.1", evidence, checks=[CLEARED, REPLAYED])


def _lawful(facts: DocumentFacts) -> Section:
    evidence = {
        "acquired": dict(sorted(Counter(one.acquisition for one in facts.sources).items())),
        "instruments": [
            {"source": one.source_id, "instrument": each.instrument or each.concluded,
             "kind": each.kind, "evidence": each.grade}
            for one in facts.sources
            for each in one.licences
        ],
        "refused": refusals(facts),
    }  # fmt: skip
    return _measure(facts, "1.2", evidence, checks=[SHOWN, DECIDED])


def _reservations(facts: DocumentFacts) -> Section:
    refused = refusals(facts)
    crawled = [one for one in facts.sources if one.acquisition == "crawled"]
    evidence = {
        "schemes": schemes(facts.sources),
        "signals": [
            {"source": one.source_id, "acquisition": one.acquisition, "signals": len(one.signals),
             "schemes": sorted({each.scheme for each in one.signals})}
            for one in facts.sources
        ],
        "crawled": len(crawled),
        "crawled_without_signals": [one.source_id for one in crawled if not one.signals],
        "refused_for_reservations": {
            code: number for code, number in refused.items() if code in RESERVATIONS
        },
        "refused": refused,
    }  # fmt: skip
    return _measure(facts, "1.3", evidence, checks=[SHOWN, CLEARED])


def _output(facts: DocumentFacts) -> Section:
    """1.4: what a model puts out is no fact about a training set."""
    return _measure(facts, "1.4", {}, checks=[])


def _complaints(facts: DocumentFacts) -> Section:
    said, lost = asked(facts, "gpai.1.5", "contact")
    section = _measure(facts, "1.5", {}, checks=[])
    return Section(values={**section.values, **said}, missing=(*section.missing, *lost))


def _measure(
    facts: DocumentFacts, number: str, evidence: dict[str, Any], *, checks: list[str]
) -> Section:
    said, lost = asked(facts, f"gpai.{number}", "statement", "owner")
    day = {"day": facts.valid.isoformat()} if evidence else {}
    shown = {"checked_by": checks} if checks else {}
    return Section(values={**said, **evidence, **day, **shown}, missing=lost)


FORM: Final = Form(
    title="GPAI Code of Practice, copyright chapter: evidence",
    asks_about="a provider and all of its models",
    sections=(
        ("1.1", "Copyright policy", _policy),
        ("1.2", "Lawful access only", _lawful),
        ("1.3", "Machine-readable reservations of rights", _reservations),
        ("1.4", "Measures against infringing output", _output),
        ("1.5", "Contact point and complaints", _complaints),
    ),
)
