"""OpenLineage 2-0-2: the export of a training set as run events, one pair a shard and one the set.

In: the facts. Out: `openlineage.jsonl`, one event a line. A consumer joins every input of an event
with every output, so that each source goes into its own shard by a run of its own, and the shards
into the set by another. The day of the decisions is the time of all events: it is what the set
rests on, and no clock is read here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pipelines.documents.facts import DocumentFacts, SourceFacts
from pipelines.documents.required import require
from pipelines.documents.run_events import (
    FACETS,
    NAMESPACE,
    RIGHTS,
    SAID,
    facet,
    producer_of,
    run_event,
)

COLUMNS: Final = f"{FACETS}/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
VERSION: Final = f"{FACETS}/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
AMOUNTS: Final = (
    f"{FACETS}/1-0-2/OutputStatisticsOutputDatasetFacet.json"
    "#/$defs/OutputStatisticsOutputDatasetFacet"
)


def build(facts: DocumentFacts) -> dict[str, bytes]:
    """Write `openlineage.jsonl`.

    Raises:
        ExportError: DOCUMENT_FIELD_MISSING.
    """
    mandatory: dict[str, object] = {
        "columns": facts.columns,
    }
    mandatory |= {f"{one.source_id}.decisions": one.decisions for one in facts.sources}
    require(facts, mandatory, document="openlineage.jsonl")
    lines = [json.dumps(one, sort_keys=True) for one in _events(facts)]
    return {"openlineage.jsonl": ("\n".join(lines) + "\n").encode()}


def _events(facts: DocumentFacts) -> Iterator[dict[str, Any]]:
    shards = [_shard(facts, one) for one in facts.sources]
    for source, shard in zip(facts.sources, shards, strict=True):
        made = {**shard, "outputFacets": {"outputStatistics": _amounts(facts, source)}}
        yield from _pair(facts, source.source_id, ends=([_source(facts, source)], [made]))
    yield from _pair(facts, "", ends=(shards, [_set(facts)]))


def _pair(
    facts: DocumentFacts, source_id: str, *, ends: tuple[list[dict[str, Any]], list[dict[str, Any]]]
) -> Iterator[dict[str, Any]]:
    """START and COMPLETE of the run that made the shard of a source, or the set."""
    part = f"shard/{source_id}" if source_id else "set"
    for kind in ("START", "COMPLETE"):
        yield run_event(
            kind,
            "export",
            run_id=facts.urn_of("openlineage", part).removeprefix("urn:uuid:"),
            at=f"{facts.valid.isoformat()}T00:00:00+00:00",
            ends=ends,
            producer=_producer(facts),
        )


def _source(facts: DocumentFacts, source: SourceFacts) -> dict[str, Any]:
    said = _facet(facts, SAID, description=source.title or source.source_id)
    return _dataset(
        f"source/{source.source_id}", documentation=said, clearway_rights=_rights(facts, source)
    )


def _shard(facts: DocumentFacts, source: SourceFacts) -> dict[str, Any]:
    return _dataset(
        f"shard/{facts.set_id}/{source.shard}",
        clearway_rights=_rights(facts, source),
        schema=_columns(facts),
        version=_facet(facts, VERSION, datasetVersion=facts.content_digest),
    )


def _set(facts: DocumentFacts) -> dict[str, Any]:
    cleared = {
        "verdict": "permit",
        "request": facts.request_name,
        "profile": facts.profile,
        "rulebook": facts.rulebook_digest,
        "obligations": sorted({duty for one in facts.sources for duty in one.duties}),
        "ends": facts.not_after.isoformat(),
    }
    return _dataset(
        f"training_set/{facts.set_id}",
        clearway_rights=_facet(facts, RIGHTS, **cleared),
        schema=_columns(facts),
        version=_facet(facts, VERSION, datasetVersion=facts.content_digest),
    )


def _dataset(name: str, **facets: dict[str, Any]) -> dict[str, Any]:
    return {"namespace": NAMESPACE, "name": name, "facets": facets}


def _rights(facts: DocumentFacts, source: SourceFacts) -> dict[str, Any]:
    """What clears a source: the papers as they are called in traces, and what it comes with."""
    papers = [{"kind": "decision", "id": one, "says": "permit"} for one in source.decisions]
    papers += [
        {"kind": "instrument", "id": one.instrument or one.concluded, "says": one.concluded}
        for one in source.licences
    ]
    return _facet(
        facts,
        RIGHTS,
        verdict="permit",
        papers=papers,
        obligations=list(source.duties),
        ends=source.ends.isoformat() if source.ends else None,
    )


def _columns(facts: DocumentFacts) -> dict[str, Any]:
    fields = [
        {"name": one.name, "type": one.type, "description": one.says, "ordinal_position": number}
        for number, one in enumerate(facts.columns, start=1)
    ]
    return _facet(facts, COLUMNS, fields=fields)


def _amounts(facts: DocumentFacts, source: SourceFacts) -> dict[str, Any]:
    files = sum(one.source_id == source.source_id for one in facts.files)
    return _facet(facts, AMOUNTS, rowCount=source.num_rows, size=source.num_bytes, fileCount=files)


def _facet(facts: DocumentFacts, schema: str, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    return facet(schema, producer=_producer(facts), **said)


def _producer(facts: DocumentFacts) -> str:
    return producer_of(facts.producer.rpartition(" ")[2])
