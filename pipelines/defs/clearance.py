"""The clearance asset: every request on record, decided for each source.

Dagster shows what was decided and never is the gate: exporter and trainer ask for themselves.
"""

import warnings
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from pipelines.defs.lake import SINGLE_RUN, measures
from pipelines.defs.resources import Clearway, Done, progress_of, refusals_shown
from pipelines.defs.sources import SOURCES, catalog_read
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.clear import Clearance

warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)  # as in lake.py


class ClearOptions(dg.Config):
    """Which requests are decided."""

    requests: list[str] = Field(
        default_factory=list, description="Names of stored requests; empty decides every one."
    )


@dg.asset(
    partitions_def=SOURCES, deps=[measures, "rights_register"], group_name="rights",
    kinds={"sql"}, owners=["team:legal"], code_version="1", backfill_policy=SINGLE_RUN,
    freshness_policy=dg.FreshnessPolicy.time_window(
        warn_window=timedelta(hours=26), fail_window=timedelta(days=2)  # the sweep comes each day
    ),
    description="Permit, deny or undetermined for each request on record, with reasons and duties.",
)  # fmt: skip
def clearance(context: dg.AssetExecutionContext, config: ClearOptions, clearway: Clearway) -> Done:
    """Decide each request and show the verdicts of this run's sources."""
    from pipelines.clear import clear

    names = tuple(config.requests) or request_names(clearway.settings)
    with refusals_shown(context):
        found = [
            clear(name, clearway.settings, now=clearway.now, run_id=context.run.run_id)
            for name in names
        ]
    progress_of(context, "requests")("decided", len(found), len(names))
    verdicts = {key: verdict_rows(key, found) for key in context.partition_keys}
    for key, rows in verdicts.items():
        context.add_asset_metadata(verdict_metadata(rows), partition_key=key)
    return dg.MaterializeResult(metadata={"verdicts": verdict_table(verdicts.values())})


def request_names(settings: Settings) -> tuple[str, ...]:
    """Names of the requests on record."""
    from catalog.requests import requests

    with catalog_read(settings) as session:
        return tuple(one.name for one in requests(session))


def verdict_rows(source_id: str, found: "Iterable[Clearance]") -> list[dict[str, Any]]:
    """One line per request about one source: ids and codes only."""
    return [
        {
            "source": source_id,
            "request": one.request_name,
            "verdict": row.verdict,
            "reasons": ", ".join(row.reasons),
            "duties": ", ".join(row.obligations),
            "clips": row.num_clips,
            "hours": round(row.hours, 4),
        }
        for one in found
        for row in one.rows
        if row.source == source_id
    ]


def verdict_table(rows: Iterable[list[dict[str, Any]]]) -> dg.TableMetadataValue:
    """The verdicts of all sources of a run."""
    records = [dg.TableRecord(one) for each in rows for one in each]
    columns = ("source", "request", "verdict", "reasons", "duties")
    schema = [dg.TableColumn(name) for name in columns]
    schema += [dg.TableColumn("clips", "int"), dg.TableColumn("hours", "float")]
    return dg.MetadataValue.table(records=records, schema=dg.TableSchema(columns=schema))


def verdict_metadata(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many requests each verdict got for one source."""
    words = [row["verdict"] for row in rows]
    return {
        f"clearway/num_{word}": words.count(word) for word in ("permit", "deny", "undetermined")
    }
