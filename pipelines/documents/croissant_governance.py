"""Governance in a Croissant document: what the set may be used for, and where it is from.

In: the facts. Out: an ODRL offer of the use that was cleared, and PROV-O statements. ODRL has no
words for training, releases, kinds of models and rights streams: those are addresses of our own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from licensing.facts.vocabulary import ancestors
from pipelines.documents import wording
from pipelines.documents.facts import DocumentFacts, SourceFacts, hours_text
from pipelines.documents.required import day_of, is_web_address, last_day

USES: Final = "https://clearway.example/use/v1#"
DUTIES: Final = "https://clearway.example/duty/v1#"
LIMITS: Final = {  # fields of a request that limit the use -> what ODRL or we call them
    "model_kind": f"{USES}model_kind",
    "out_licence": f"{USES}out_licence",
    "purpose": "odrl:purpose",
    "release": f"{USES}release",
    "streams": f"{USES}streams",
    "territory": "odrl:spatial",
}
KNOWN: Final = {  # duties that others have words for; ODRL 2.2 leaves two of them to ccREL
    "attribute": "odrl:attribute",
    "keep-notice": "http://creativecommons.org/ns#Notice",
    "share-alike": "http://creativecommons.org/ns#ShareAlike",
}
Json = dict[str, Any]


def usage_info(facts: DocumentFacts) -> Json:
    """Offer the use that was cleared, with its limits and duties; what was not is barred."""
    action = str(facts.request["action"])
    found: Json = {
        "@id": facts.urn_of("offer"),
        "@type": ["CreativeWork", "odrl:Offer"],
        "name": "The use that this set was cleared for",
        "odrl:assigner": {"@id": facts.urn_of("organisation")},
        "odrl:permission": {
            "@type": "odrl:Permission",
            "odrl:action": {"@id": f"{USES}{quote(action)}", "name": action},
            "odrl:constraint": list(_limits(facts)),
            "odrl:duty": list(_duties(facts)),
        },
        "odrl:profile": {"@id": USES.rstrip("#")},
    }
    if facts.request.get("release") != "dataset" and "share" not in ancestors(action):
        found["odrl:prohibition"] = {
            "@type": "odrl:Prohibition",
            "name": "The set itself is not passed on: that was not cleared",
            "odrl:action": {"@id": "odrl:distribute"},
        }
    return found


def provenance(facts: DocumentFacts) -> Json:
    """What the set was made from, by what, and by whom."""
    sources = sorted(facts.sources, key=lambda one: one.source_id)
    before = facts.predecessor
    return {
        "prov:wasAttributedTo": {"@id": facts.urn_of("organisation")},
        "prov:wasDerivedFrom": [_entity(facts, one) for one in sources],
        "prov:wasGeneratedBy": {
            "@id": facts.urn_of("export"),
            "@type": "prov:Activity",
            "prov:endedAtTime": day_of(facts.valid),
            "prov:label": f"export of {facts.set_id}",
            "prov:wasAssociatedWith": {
                "@id": facts.urn_of("producer"),
                "@type": "prov:SoftwareAgent",
                "prov:label": facts.producer,
            },
        },
    } | (
        {"prov:wasRevisionOf": {"@id": f"urn:clearway:manifest:sha256:{before}"}} if before else {}
    )


def counts(values: dict[str, int | str]) -> list[Json]:
    """Numbers about a thing, each under its name."""
    return [
        {"@type": "PropertyValue", "name": name, "value": value} for name, value in values.items()
    ]


def hours(found: dict[str, float]) -> dict[str, int | str]:
    """Hours by modality, as numbers under their names."""
    return {f"hours {name}": hours_text(each) for name, each in sorted(found.items())}


def licence_links(source: SourceFacts | DocumentFacts) -> list[str]:
    """Where each concluded licence is to be read: its own page, else the notices of the set."""
    links = [one.url if is_web_address(one.url) else "documents/NOTICE" for one in source.licences]
    return sorted(set(links or ["documents/NOTICE"]))


def _limits(facts: DocumentFacts) -> Iterator[Json]:
    request = facts.request
    for field, operand in sorted(LIMITS.items()):
        value = request.get(field)
        if value is None or (field == "territory" and "WORLD" in value):
            continue
        several = not isinstance(value, str)
        yield {
            "@type": "odrl:Constraint",
            "odrl:leftOperand": {"@id": operand},
            "odrl:operator": {"@id": "odrl:isAnyOf" if several else "odrl:eq"},
            "odrl:rightOperand": sorted(map(str, value)) if several else value,
        }
    if request.get("commercial") is not True:
        yield {
            "@type": "odrl:Constraint",
            "name": "Non-commercial use only",
            "odrl:leftOperand": {"@id": "odrl:purpose"},
            "odrl:operator": {"@id": "odrl:eq"},
            "odrl:rightOperand": {"@id": "duo:0000046"},
        }
    if ends := last_day(facts):
        yield {
            "@type": "odrl:Constraint",
            "odrl:leftOperand": {"@id": "odrl:dateTime"},
            "odrl:operator": {"@id": "odrl:lt"},
            "odrl:rightOperand": {
                "@type": "http://www.w3.org/2001/XMLSchema#date",
                "@value": ends.isoformat(),
            },
        }


def _duties(facts: DocumentFacts) -> Iterator[Json]:
    """Each kind of duty once; what exactly is owed for which source stands in the notices."""
    kinds = {duty.partition(":")[0] for one in facts.sources for duty in one.duties}
    for kind in sorted(kinds):
        yield {
            "@type": "odrl:Duty",
            "name": f"{kind}: see documents/NOTICE",
            "odrl:action": {"@id": KNOWN.get(kind, f"{DUTIES}{quote(kind)}")},
        }


def _entity(facts: DocumentFacts, source: SourceFacts) -> Json:
    first, last = source.acquired
    found: Json = {
        "@id": facts.urn_of("source", source.source_id),
        "@type": "prov:Entity",
        "additionalProperty": counts(
            {
                "acquired first": first.isoformat(),
                "acquired last": last.isoformat(),
                "acquisition": source.acquisition,
                "clips": source.num_clips,
                "frames": source.num_frames,
                "rows": source.num_rows,
                **hours(dict(source.hours)),
            }
        ),
        "contentSize": f"{source.num_bytes} B",
        "identifier": source.source_id,
        "license": licence_links(source),
        "prov:label": source.title,
    }
    if credited := wording.credit(source):
        found["creditText"] = credited
    if is_web_address(source.link):
        found["url"] = source.link
    return found
