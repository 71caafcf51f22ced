"""The clearance asset: every request on record, decided for each source.

Dagster shows what was decided and never is the gate: exporter and trainer ask for themselves.
"""

import warnings
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from pipelines.defs.lake import SINGLE_RUN, measures
from pipelines.defs.resources import Clearway, Done, links, progress_of, refusals_shown
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
    check_specs=[dg.AssetCheckSpec(
        "all_decided", asset="clearance", blocking=True,
        description="each source has a verdict for each request, and what is no permit has reasons",
    )],
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
        shown = verdict_metadata(rows) | links(
            clearway.settings.console_url, {"source": f"sources/{key}"}
        )
        context.add_asset_metadata(shown, partition_key=key)
    table = verdict_table(verdicts.values())
    return dg.MaterializeResult(
        metadata={"verdicts": table}, check_results=[all_decided(verdicts, len(names))]
    )


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


def all_decided(
    verdicts: Mapping[str, list[dict[str, Any]]], num_requests: int
) -> dg.AssetCheckResult:
    """The check that no source and no reason is missing."""
    missing = [key for key, rows in verdicts.items() if len(rows) != num_requests]
    every = [row for rows in verdicts.values() for row in rows]
    bare = [row["source"] for row in every if row["verdict"] != "permit" and not row["reasons"]]
    found = {"without_verdict": missing, "without_reasons": bare}
    shown = {name: dg.MetadataValue.json(keys) for name, keys in found.items()}
    return dg.AssetCheckResult(
        check_name="all_decided", passed=not missing and not bare, metadata=shown
    )


def verdict_table(rows: Iterable[list[dict[str, Any]]]) -> dg.TableMetadataValue:
    """The verdicts of all sources of a run."""
    records = [dg.TableRecord(one) for each in rows for one in each]
    columns = ("source", "request", "verdict", "reasons", "duties")
    schema = [dg.TableColumn(name) for name in columns]
    schema += [dg.TableColumn("clips", "int"), dg.TableColumn("hours", "float")]
    return dg.MetadataValue.table(records=records, schema=dg.TableSchema(columns=schema))


def verdict_metadata(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many requests each verdict got for one source, and the hours that are cleared."""
    words = [row["verdict"] for row in rows]
    counts: dict[str, int | float] = {
        f"clearway/num_{word}": words.count(word) for word in ("permit", "deny", "undetermined")
    }
    most = max((row["hours"] for row in rows if row["verdict"] == "permit"), default=0.0)
    return counts | {"clearway/hours_permit": most}
