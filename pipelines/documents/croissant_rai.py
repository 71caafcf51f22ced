"""Croissant RAI 1.0: what is said about collection, making, persons and use of a training set.

In: the facts. Out: the properties of the vocabulary that a fact or an answer fills; the rest are
absent. What people said (answers `rai.<property>`) stands behind what is on record. Names are those
of the vocabulary: the reference library spells two of them otherwise.
"""

from __future__ import annotations

from typing import Final

from pipelines.documents import wording
from pipelines.documents.facts import DocumentFacts

TYPES: Final = {  # the vocabulary's own words for a way to collect
    "crawled": "Web Scraping",
    "licensed": "Secondary Data analysis",
    "public": "Secondary Data analysis",
    "third_party": "Secondary Data analysis",
    "user": "User-generated content data",
}
ONE: Final = frozenset({  # properties that hold one text
    "annotationsPerItem", "dataAnnotationProtocol", "dataCollection", "dataCollectionMissingData",
    "dataCollectionRawData", "dataImputationProtocol", "dataManipulationProtocol",
    "dataReleaseMaintenancePlan", "dataSocialImpact",
})  # fmt: skip
MANY: Final = frozenset({
    "annotatorDemographics", "dataAnnotationAnalysis", "dataAnnotationPlatform", "dataBiases",
    "dataCollectionTimeframe", "dataCollectionType", "dataLimitations",
    "dataPreprocessingProtocol", "dataUseCases", "machineAnnotationTools",
    "personalSensitiveInformation",
})  # fmt: skip
DATES: Final = "dataCollectionTimeframe"  # holds days, no words


def rai_properties(facts: DocumentFacts) -> dict[str, str | list[str]]:
    """The properties that a fact or an answer fills, under the prefix `rai`."""
    known = _on_record(facts)
    found: dict[str, str | list[str]] = {}
    for name in sorted(ONE | MANY):
        said = facts.answers.get(f"rai.{name}", "") if name != DATES else ""
        texts = [text for text in (*known.get(name, ()), said) if text]
        if texts:
            found[f"rai:{name}"] = " ".join(texts) if name in ONE else texts
    return found


def _on_record(facts: DocumentFacts) -> dict[str, tuple[str, ...]]:
    line, *settings = wording.making(facts)
    ways = {TYPES.get(one.acquisition, "Others") for one in facts.sources}
    return {
        "dataCollection": (wording.collection(facts),),
        "dataCollectionMissingData": (wording.left_out(facts),),
        "dataCollectionRawData": ("; ".join(_raw(facts)),),
        "dataCollectionTimeframe": tuple(day.isoformat() for day in facts.acquired),
        "dataCollectionType": tuple(sorted(ways)),
        "dataManipulationProtocol": (line,),
        "dataPreprocessingProtocol": tuple(settings),
        "dataReleaseMaintenancePlan": wording.upkeep(facts),
        "dataUseCases": (f"Cleared for: {wording.use(facts)}",),
        "personalSensitiveInformation": wording.persons(facts),
    }


def _raw(facts: DocumentFacts) -> list[str]:
    """The recordings that the clips were cut from, one a source."""
    sources = sorted(facts.sources, key=lambda one: one.source_id)
    return [" ".join(filter(None, (one.title, one.link))) for one in sources]
