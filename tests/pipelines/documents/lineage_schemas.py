"""The schemas of OpenLineage that no package ships, as validators by name."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

from pipelines.documents.run_events import SAID

SCHEMAS = Path(__file__).parents[3] / "../shared/schemas/openlineage"
CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs"
FACETS = "https://openlineage.io/spec/facets"
NAMED = {
    "event": f"{CORE}/RunEvent",
    "clearway_rights": f"{CORE}/DatasetFacet",
    "documentation": SAID,
    "schema": f"{FACETS}/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet",
    "version": f"{FACETS}/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet",
    "outputStatistics": (
        f"{FACETS}/1-0-2/OutputStatisticsOutputDatasetFacet.json"
        "#/$defs/OutputStatisticsOutputDatasetFacet"
    ),
}


def lineage_validators():
    """The event of the specification, and each facet that we write; a loud skip without them."""
    if not SCHEMAS.is_dir():
        pytest.skip(f"no OpenLineage schemas in {SCHEMAS}: events are not validated")
    docs = [json.loads(one.read_text()) for one in sorted(SCHEMAS.rglob("*.json"))]
    registry = Registry().with_resources(
        [(doc["$id"], Resource.from_contents(doc)) for doc in docs]
    )
    return {
        name: Draft202012Validator({"$ref": ref}, registry=registry, format_checker=FormatChecker())
        for name, ref in NAMED.items()
    }
