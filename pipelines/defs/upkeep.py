"""Upkeep: what time alone makes due, each by its schedule.

Clearances end, a revocation list grows stale, disks turn bytes, and a killed run leaves its work
half-done. The same stations do the deed from the command line: `clearway clear`, `keys publish`,
`catalog check --pieces`, `ingest`.
"""

from datetime import timedelta

import dagster as dg
from pydantic import Field

from catalog.errors import CatalogError
from pipelines.defs.automation import IN_ONE_PROCESS, at_work, prepare, range_tags, stretches
from pipelines.defs.clearance import request_names, verdict_metadata, verdict_rows
from pipelines.defs.outcomes import table
from pipelines.defs.resources import OWNERS, Clearway, Done, progress_of, refusals_shown
from pipelines.defs.sources import left_half_way

ALWAYS = dg.DefaultScheduleStatus.RUNNING
DAMAGED = ("part", "subject", "what")


class SampleOptions(dg.Config):
    """How much of the lake is read back."""

    pieces: int = Field(
        default=64, ge=1, le=1_000_000,
        description="Pieces of at most 8 MiB, and as many rows of streams, shared out among all"
        " sources.",
    )  # fmt: skip


@dg.asset(
    group_name="upkeep", kinds={"file"}, owners=["team:legal"], code_version="1",
    deps=["rights_register"],
    freshness_policy=dg.FreshnessPolicy.time_window(
        warn_window=timedelta(days=2), fail_window=timedelta(days=6)  # trainers refuse it after 7
    ),
    check_specs=[dg.AssetCheckSpec(
        "list_verifies", asset="revocation_list", blocking=True,
        description="the list in place is signed by a key of this home and fresh",
    )],
    description="What no trainer may touch, signed anew each day: without a fresh list every"
    " trainer refuses to start.",
)  # fmt: skip
def revocation_list(context: dg.AssetExecutionContext, clearway: Clearway) -> Done:
    """Sign the list and read it back."""
    from pipelines.revocations import publish_revocations, published_list

    with refusals_shown(context):
        sequence = publish_revocations(clearway.settings, now=clearway.now)
        found = published_list(clearway.settings)
    fresh = found is not None and found.fresh_until > clearway.now
    told: dict[str, int | str] = {"clearway/sequence": sequence}
    if found is not None:
        told["clearway/num_entries"] = len(found.entries)
        told["clearway/fresh_until"] = found.fresh_until.isoformat()
    check = dg.AssetCheckResult(check_name="list_verifies", passed=fresh)
    return dg.MaterializeResult(metadata=told, check_results=[check])


@dg.asset(
    group_name="upkeep", kinds={"lance"}, owners=OWNERS, code_version="1",
    freshness_policy=dg.FreshnessPolicy.time_window(
        warn_window=timedelta(days=2), fail_window=timedelta(days=7)
    ),
    check_specs=[dg.AssetCheckSpec(
        "bytes_match", asset="lake_sample", blocking=True,
        description="every piece and row that was read back has the sha256 it was stored under",
    )],
    description="Pieces of files and rows of streams, drawn anew each day and read back: Lance"
    " keeps no checksums.",
)  # fmt: skip
def lake_sample(
    context: dg.AssetExecutionContext, config: SampleOptions, clearway: Clearway
) -> Done:
    """Read some of the lake back."""
    from pipelines.sample import sample_lake

    with refusals_shown(context):
        told, seed = progress_of(context, "lake"), clearway.now.isoformat()
        found = sample_lake(clearway.settings, num=config.pieces, seed=seed, progress=told)
    counts = {
        "clearway/num_pieces": found.num_pieces, "clearway/num_rows": found.num_rows,
        "clearway/num_bytes": found.num_bytes, "clearway/num_sources": found.num_sources,
        "clearway/num_damaged": len(found.findings),
    }  # fmt: skip
    damaged = table(DAMAGED, [(one.part, one.subject, one.what) for one in found.findings])
    check = dg.AssetCheckResult(
        check_name="bytes_match", passed=not found.findings, metadata={"damaged": damaged}
    )
    return dg.MaterializeResult(metadata=counts, check_results=[check])


@dg.op(description="Decide every request on record again: what was cleared may have ended.")
def sweep_expired(context: dg.OpExecutionContext, clearway: Clearway) -> None:
    """Decide again, and tell of each source what came of it."""
    from pipelines.clear import clear

    with refusals_shown(context):
        found = [
            clear(name, clearway.settings, now=clearway.now, run_id=context.run.run_id)
            for name in request_names(clearway.settings)
        ]
    for one in found:
        context.log.info("%s: %s", one.request_name, one.counts())
    for key in context.instance.get_dynamic_partitions("source"):
        told = verdict_metadata(verdict_rows(key, found))
        context.log_event(dg.AssetMaterialization("clearance", partition=key, metadata=told))


@dg.job(executor_def=IN_ONE_PROCESS, description="The daily sweep of what has expired.")
def expiry_sweep() -> None:
    """Decide every request again."""
    sweep_expired()


daily_sweep = dg.ScheduleDefinition(
    name="daily_expiry_sweep",
    job=expiry_sweep,
    description="Decide every request again: what was cleared may have ended at midnight.",
    cron_schedule="15 0 * * *",  # agreements end at midnight, their last day included
    execution_timezone="UTC",
    default_status=ALWAYS,
)
daily_signing = dg.ScheduleDefinition(
    name="daily_revocation_list",
    job=dg.define_asset_job(
        "sign_revocations", selection=["revocation_list"], executor_def=IN_ONE_PROCESS,
        description="Sign the revocation list anew, fresh for another week.",
    ),
    description="Sign the revocation list anew: trainers refuse one that is a week old.",
    cron_schedule="30 0 * * *",
    execution_timezone="UTC",
    default_status=ALWAYS,
)  # fmt: skip
daily_sample = dg.ScheduleDefinition(
    name="daily_lake_sample",
    job=dg.define_asset_job(
        "sample_lake", selection=["lake_sample"], executor_def=IN_ONE_PROCESS,
        description="Read some of the lake back and compare each sha256.",
    ),
    description="Read some of the lake back: Lance keeps no checksums.",
    cron_schedule="0 3 * * *",
    execution_timezone="UTC",
    default_status=ALWAYS,
)  # fmt: skip


@dg.schedule(
    job=prepare, cron_schedule="20 * * * *", execution_timezone="UTC", default_status=ALWAYS,
    name="hourly_recovery",
    description="A source that a killed run left half-way is prepared again: that settles what the"
    " ledger says was written. What failed again waits for a person.",
)  # fmt: skip
def hourly_recovery(
    context: dg.ScheduleEvaluationContext, clearway: Clearway
) -> list[dg.RunRequest] | dg.SkipReason:
    """Ask for runs of the sources with open batches that nobody holds."""
    try:
        found = left_half_way(clearway.settings)
    except CatalogError as error:
        return dg.SkipReason(f"{error.code}: {error}")
    order, busy = context.instance.get_dynamic_partitions("source"), at_work(context.instance)
    keys = [key for key in found if key in order and key not in busy]
    if not keys:
        return dg.SkipReason("no source was left half-way")
    return [
        dg.RunRequest(
            run_key=f"recovery-{'-'.join(f'{key}-{found[key]}' for key in some)}",
            tags=range_tags(some),
        )
        for some in stretches(keys, order)
    ]
