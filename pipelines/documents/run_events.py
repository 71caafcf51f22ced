"""OpenLineage 2-0-2, the parts that all our events share: an event of a run, and a facet.

In: what ran, on what, into what. Out: JSON objects. `clearway_rights` is our own facet: the
specification has none for rights.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

NAMESPACE: Final = "clearway"
SCHEMA: Final = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
FACETS: Final = "https://openlineage.io/spec/facets"
RIGHTS: Final = "https://clearway.example/lineage/v1#/$defs/ClearwayRights"
SAID: Final = f"{FACETS}/1-1-0/DocumentationDatasetFacet.json#/$defs/DocumentationDatasetFacet"


def run_event(
    kind: str,
    station: str,
    *,
    run_id: str,
    at: str,
    ends: tuple[Iterable[dict[str, Any]], Iterable[dict[str, Any]]],
    producer: str,
) -> dict[str, Any]:
    """One event of a run of `station`: `ends` are its inputs and outputs, `at` is ISO 8601.

    Nothing has come out yet when a run starts: START has no outputs.
    """
    inputs, outputs = ends
    return {
        "eventType": kind,
        "eventTime": at,
        "run": {"runId": run_id},
        "job": {"namespace": NAMESPACE, "name": station},
        "inputs": list(inputs),
        "outputs": [] if kind == "START" else list(outputs),
        "producer": producer,
        "schemaURL": SCHEMA,
    }


def facet(schema: str, *, producer: str, **said: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """One facet: what is said, by whom, and under which schema."""
    return {"_producer": producer, "_schemaURL": schema, **said}


def producer_of(version: str) -> str:
    """The address that names Clearway in this version as who wrote an event."""
    return f"https://clearway.example/clearway/{version}"
