"""SPDX 3.0.1: the bill of materials of a training set, as JSON-LD.

In: the facts. Out: `spdx3.json`: a package for the set, one for what it holds of each source, their
files with digests, licences as found and as decided, persons yes or no. From 1,000 data files on,
files are left to the digest of the whole. Every element is named by the content, none is blank but
the note on creation, as the format wants it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pipelines.documents import wording
from pipelines.documents.facts import DocumentFacts, FileFact, SourceFacts
from pipelines.documents.required import address_of, day_of, is_web_address, last_day, require
from pipelines.documents.spdx_licences import (
    NONE_FOUND,
    NOT_SAID,
    all_of,
    concluded,
    declared,
    expression_elements,
    expression_id,
    why,
)

CONTEXT: Final = "https://spdx.org/rdf/3.0.1/spdx-context.jsonld"
PROFILES: Final = ("core", "dataset", "simpleLicensing", "software")
MANY: Final = 1_000  # data files from which on they are not listed one by one
KINDS: Final = {
    "action": "timeseries", "audio": "audio", "event": "structured", "state": "timeseries",
    "video": "video",
}  # fmt: skip
ANSWERED: Final = {  # answers that have a place of their own
    "rai.dataBiases": "dataset_knownBias",
    "spdx.anonymizationMethodUsed": "dataset_anonymizationMethodUsed",
}
_CREATION: Final = "_:creation"
Json = dict[str, Any]


def build(facts: DocumentFacts) -> dict[str, bytes]:
    """Write `spdx3.json`.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING.
    """
    require(facts, document="spdx3.json")
    elements = [{"creationInfo": _CREATION, **one} for one in _elements(facts)]
    document = {
        "type": "SpdxDocument",
        "spdxId": facts.urn_of("document"),
        "creationInfo": _CREATION,
        "name": f"Bill of materials of {facts.set_id}",
        "profileConformance": list(PROFILES),
        "rootElement": [facts.urn_of("set")],
        "element": sorted(str(one["spdxId"]) for one in elements),
    }
    creation = {
        "type": "CreationInfo",
        "@id": _CREATION,
        "created": day_of(facts.valid),
        "createdBy": [facts.urn_of("organisation")],
        "createdUsing": [facts.urn_of("producer")],
        "specVersion": "3.0.1",
    }
    doc = {"@context": CONTEXT, "@graph": [creation, document, *elements]}
    text = json.dumps(doc, indent=1, sort_keys=True, ensure_ascii=False)
    return {"spdx3.json": f"{text}\n".encode()}


def _elements(facts: DocumentFacts) -> Iterator[Json]:
    sources = sorted(facts.sources, key=lambda one: one.source_id)
    files = sorted(facts.files, key=lambda one: one.path) if len(facts.files) < MANY else []
    maker = "Person" if facts.organisation.kind == "person" else "Organization"
    yield {
        "type": maker,
        "spdxId": facts.urn_of("organisation"),
        "name": facts.organisation.name,
    }
    yield {"type": "Tool", "spdxId": facts.urn_of("producer"), "name": facts.producer}
    yield _set_package(facts)
    for one in sources:
        if one.acquisition != "own":
            yield {"type": "Agent", "spdxId": _origin(facts, one), "name": wording.creator(one)}
        yield _source_package(facts, one)
    yield from (_file(facts, one) for one in files)
    yield from _contents(facts, files)
    yield from _licences(facts, files)


def _set_package(facts: DocumentFacts) -> Json:
    personal = {_personal(one) for one in facts.sources}
    line, *settings = wording.making(facts)
    found = _package(facts, facts.hours()) | {
        "spdxId": facts.urn_of("set"),
        "name": facts.set_id,
        "description": wording.description(facts),
        "originatedBy": [facts.urn_of("organisation")],
        "suppliedBy": facts.urn_of("organisation"),
        "verifiedUsing": [_sha256(facts.content_digest, "over the digests of all rows")],
        "dataset_dataCollectionProcess": _with(facts, wording.collection(facts), "dataCollection"),
        "dataset_datasetSize": facts.num_bytes,
        "dataset_datasetUpdateMechanism": " ".join(wording.upkeep(facts)),
        "dataset_dataPreprocessing": [line, *settings],
        "dataset_hasSensitivePersonalInformation": next(
            one for one in ("yes", "noAssertion", "no") if one in personal
        ),
        "dataset_intendedUse": wording.use(facts),
    }
    for field, name in ANSWERED.items():
        if said := facts.answers.get(field):
            found[name] = [said]
    if ends := last_day(facts):
        found["validUntilTime"] = day_of(ends)
    return found


def _source_package(facts: DocumentFacts, source: SourceFacts) -> Json:
    """What the set holds of a source: made by us, from somebody's recordings."""
    first, last = source.acquired
    where = f" ({source.link})" if source.link else ""
    found = _package(facts, dict(source.hours)) | {
        "spdxId": facts.urn_of("source", source.source_id),
        "name": source.source_id,
        "description": source.title,
        "summary": f"{source.num_clips} clips in {source.num_rows} rows",
        "originatedBy": [_origin(facts, source)],
        "suppliedBy": facts.urn_of("organisation"),
        "dataset_datasetSize": source.num_bytes,
        "dataset_hasSensitivePersonalInformation": _personal(source),
        "software_sourceInfo": f"{source.title}{where}, acquired as {source.acquisition}, "
        f"{first} to {last}",
    }
    if credited := wording.credit(source):
        found["software_attributionText"] = [credited]
    if is_web_address(source.link):
        found["software_homePage"] = source.link
    if source.ends:
        found["validUntilTime"] = day_of(source.ends)
    return found


def _package(facts: DocumentFacts, hours: dict[str, float]) -> Json:
    return {
        "type": "dataset_DatasetPackage",
        "builtTime": day_of(facts.valid),
        "releaseTime": day_of(facts.valid),
        "dataset_datasetType": sorted({KINDS[one] for one in hours if one in KINDS})
        or ["noAssertion"],
        "software_downloadLocation": address_of(facts),
        "software_packageVersion": str(facts.version),
        "software_primaryPurpose": "data",
    }


def _file(facts: DocumentFacts, one: FileFact) -> Json:
    return {
        "type": "software_File",
        "spdxId": facts.urn_of("file", one.path),
        "name": one.path,
        "software_fileKind": "file",
        "software_primaryPurpose": "data",
        "verifiedUsing": [_sha256(one.sha256, f"{one.num_bytes} bytes")],
    }


def _contents(facts: DocumentFacts, files: list[FileFact]) -> Iterator[Json]:
    """What the set contains: its sources and files; each source its own files."""
    owned = {one.source_id for one in facts.sources}
    inside = [facts.urn_of("source", name) for name in sorted(owned)]
    inside += [facts.urn_of("file", one.path) for one in files if one.source_id not in owned]
    yield _relation(facts, "contains", ("set", inside))
    for name in sorted(owned):
        own = [facts.urn_of("file", one.path) for one in files if one.source_id == name]
        if own:
            yield _relation(facts, "contains", (f"source/{name}", own))


def _licences(facts: DocumentFacts, files: list[FileFact]) -> Iterator[Json]:
    """One conclusion a package and file, one declaration a package; then what they point at."""
    found = {one.source_id: declared(one) for one in facts.sources}
    decided = {one.source_id: concluded(facts, one) for one in facts.sources}
    each = "What the decisions about all sources rest on; see the package of each source."
    yield _declared(facts, "set", all_of(found.values()))
    yield _concluded(facts, ("set", all_of(decided.values())), each)
    for one in sorted(facts.sources, key=lambda one: one.source_id):
        name = one.source_id
        yield _declared(facts, f"source/{name}", found[name])
        yield _concluded(facts, (f"source/{name}", decided[name]), why(one))
    whole = all_of(decided.values())
    for own in files:
        yield _concluded(facts, (f"file/{own.path}", decided.get(own.source_id, whole)))
    yield from expression_elements(facts, [*found.values(), *decided.values(), whole,
                                           all_of(found.values())])  # fmt: skip


def _declared(facts: DocumentFacts, part: str, expression: str) -> Json:
    to = expression_id(facts, expression) if expression else NONE_FOUND
    return _relation(facts, "hasDeclaredLicense", (part, [to]))


def _concluded(facts: DocumentFacts, of: tuple[str, str], comment: str = "") -> Json:
    part, expression = of
    to = expression_id(facts, expression) if expression else NOT_SAID
    found = _relation(facts, "hasConcludedLicense", (part, [to]))
    return found | ({"comment": comment} if comment else {})


def _relation(facts: DocumentFacts, kind: str, ends: tuple[str, list[str]]) -> Json:
    part, to = ends
    return {
        "type": "Relationship",
        "spdxId": facts.urn_of("relation", kind, part),
        "relationshipType": kind,
        "from": facts.urn_of(part),
        "to": to,
    }


def _sha256(value: str, comment: str) -> Json:
    return {"type": "Hash", "algorithm": "sha256", "hashValue": value, "comment": comment}


def _origin(facts: DocumentFacts, source: SourceFacts) -> str:
    """Whom a source is from: us, or a party that is named as its licence wants it."""
    is_own = source.acquisition == "own"
    return facts.urn_of(*(("organisation",) if is_own else ("creator", source.source_id)))


def _personal(source: SourceFacts) -> str:
    if source.personal:
        return "yes"
    return "no" if source.layers else "noAssertion"


def _with(facts: DocumentFacts, known: str, name: str) -> str:
    """What is on record, and behind it what people said."""
    return " ".join(filter(None, (known, facts.answers.get(f"rai.{name}", ""))))
