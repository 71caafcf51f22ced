"""The lake's assets: files -> streams -> clips -> measures, one partition a source.

A run takes one source or fifty: each asset loops over the partitions of its run, so that Ray starts
once. Partitions are sources and never clips.
"""

import warnings

import dagster as dg
from pydantic import Field

from pipelines.defs.outcomes import conserved, none_quarantined, quality, release_held, tell_files
from pipelines.defs.resources import OWNERS, RAY_POOL, Clearway, Done, each_key
from pipelines.defs.sources import SOURCES, without_facts

# single-run backfills are beta: a change would fail test_definitions
warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)
SINGLE_RUN = dg.BackfillPolicy.single_run()


class AtOnce(dg.Config):
    """How many tasks run at once."""

    at_once: int | None = Field(
        default=None, ge=0, le=4096,
        description="Ray tasks at once; 0 works without Ray, empty chooses by the machine.",
    )  # fmt: skip


class IngestOptions(AtOnce):
    """How files become streams."""

    decode: bool = Field(default=True, description="Decode every frame once to prove it readable.")
    release: list[str] = Field(
        default=[], description="Files to release from quarantine and try again, as the check"
        " none_quarantined shows them: the start of a sha256 (4 digits or more), or a reason.",
    )  # fmt: skip


class CutOptions(AtOnce):
    """How episodes become clips."""

    cut: str = Field(
        default="", description="fixed[:SECONDS], shots or events:FIELD[=VALUE]; empty as each"
        " source says.",
    )  # fmt: skip


@dg.asset(
    partitions_def=SOURCES, deps=["rights_register"], group_name="lake", kinds={"file"},
    owners=OWNERS, code_version="1", backfill_policy=SINGLE_RUN,
    check_specs=[dg.AssetCheckSpec(
        "paths_once", asset="files", blocking=True,
        description="every path is hashed or says why not, and none is counted twice",
    )],
    description="Every file of the source, listed and hashed; signals and licence texts captured"
    " before anything else touches the bytes.",
)  # fmt: skip
def files(context: dg.AssetExecutionContext, clearway: Clearway) -> Done:
    """Scan each source."""
    from pipelines.scan.station import scan

    set_up, run_id = clearway.settings, context.run.run_id
    done = each_key(context, lambda key, told: scan(
        key, set_up, now=clearway.now, run_id=run_id, progress=told
    ), console=set_up.console_url)  # fmt: skip
    return dg.MaterializeResult(check_results=[conserved("paths_once", done)])


@dg.asset(
    partitions_def=SOURCES, deps=[files], group_name="lake", kinds={"lance", "ray"},
    owners=OWNERS, code_version="1", backfill_policy=SINGLE_RUN, pool=RAY_POOL,
    check_specs=[dg.AssetCheckSpec(
        "row_conservation", asset="streams", blocking=True,
        description="files found = ingested + companions + quarantined + unsupported",
    ), dg.AssetCheckSpec(
        "none_quarantined", asset="streams", description="every file could be read",
    )],
    description="Originals byte for byte and their streams on nanosecond clocks, committed exactly"
    " once. A file that cannot be read is quarantined with its reason.",
)  # fmt: skip
def streams(context: dg.AssetExecutionContext, config: IngestOptions, clearway: Clearway) -> Done:
    """Ingest each source."""
    from pipelines.ingest.station import ingest

    at_once, set_up, run_id = (
        clearway.workers(config.at_once),
        clearway.settings,
        context.run.run_id,
    )
    release_held(context, config.release, set_up, now=clearway.now)
    done = each_key(context, lambda key, told: ingest(
        key, set_up, at_once=at_once, run_id=run_id, now=clearway.now,
        decode=config.decode, progress=told,
    ), console=set_up.console_url)  # fmt: skip
    for key in done:
        tell_files(context, key, set_up)
    kept, held = conserved("row_conservation", done), none_quarantined(list(done), set_up)
    return dg.MaterializeResult(check_results=[kept, held])


@dg.asset(
    partitions_def=SOURCES, deps=[streams], group_name="lake", kinds={"lance"},
    owners=OWNERS, code_version="2", backfill_policy=SINGLE_RUN, pool=RAY_POOL,
    check_specs=[dg.AssetCheckSpec(
        "facts_present", asset="clips", blocking=True,
        description="no clip of a source about whose rights nothing is on record",
    )],
    description="Windows of the episodes: the unit that is assessed, cleared and exported.",
)  # fmt: skip
def clips(context: dg.AssetExecutionContext, config: CutOptions, clearway: Clearway) -> Done:
    """Cut each source."""
    from pipelines.cut import cut

    at_once, set_up = clearway.workers(config.at_once), clearway.settings
    done = each_key(context, lambda key, told: cut(
        key, set_up, by=config.cut, at_once=at_once, run_id=context.run.run_id,
        now=clearway.now, progress=told,
    ), console=set_up.console_url)  # fmt: skip
    bare = without_facts(list(done), set_up, known=clearway.now)
    present = dg.AssetCheckResult(
        check_name="facts_present", passed=not bare,
        metadata={"without_facts": dg.MetadataValue.json(bare)},
    )  # fmt: skip
    return dg.MaterializeResult(check_results=[present])


@dg.asset(
    partitions_def=SOURCES, deps=[clips], group_name="lake", kinds={"lance", "ray"},
    owners=OWNERS, code_version="2", backfill_policy=SINGLE_RUN, pool=RAY_POOL,
    check_specs=[dg.AssetCheckSpec(
        "clips_conserved", asset="measures", blocking=True,
        description="every clip of the last cut is kept, or filtered with a reason",
    )],
    description="What pictures, clocks, actions and copies of every clip measure, beside the clip;"
    " and which clips the source's filters keep.",
)  # fmt: skip
def measures(context: dg.AssetExecutionContext, config: AtOnce, clearway: Clearway) -> Done:
    """Assess each source."""
    from pipelines.assess import assess

    at_once, set_up, run_id = (
        clearway.workers(config.at_once),
        clearway.settings,
        context.run.run_id,
    )
    done = each_key(context, lambda key, told: assess(
        key, set_up, at_once=at_once, run_id=run_id, now=clearway.now, progress=told
    ), console=set_up.console_url)  # fmt: skip
    for key in done:
        context.add_asset_metadata(quality(key, set_up), partition_key=key)
    return dg.MaterializeResult(check_results=[conserved("clips_conserved", done)])
