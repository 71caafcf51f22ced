"""The training set asset: cleared clips only, rendered, with manifest, clearance and notices."""

import dagster as dg
from pydantic import Field

from licensing.errors import ClearwayError
from pipelines.defs.clearance import clearance
from pipelines.defs.lake import AtOnce
from pipelines.defs.resources import OWNERS, RAY_POOL, Clearway, Done, each_key
from pipelines.defs.sources import TRAINING_SETS, catalog_read
from pipelines.settings import Settings


class ExportOptions(AtOnce):
    """For which use a training set is made, and how its pictures are rendered."""

    request: str = Field(description="Name of the stored request that the set is made for.")
    sources: list[str] = Field(default=[], description="Only these sources, as NAME or"
                               " NAME=WEIGHT; empty for every source that is cleared.")  # fmt: skip
    width: int = Field(default=64, ge=16, le=4096, description="Width of a picture in pixels.")
    height: int = Field(default=64, ge=16, le=4096, description="Height of a picture in pixels.")
    fps: int = Field(default=10, ge=1, le=240, description="Pictures a second.")


@dg.asset(
    partitions_def=TRAINING_SETS, group_name="training", kinds={"lance", "ray"}, owners=OWNERS,
    deps=[dg.AssetDep(clearance, partition_mapping=dg.AllPartitionMapping())],
    code_version="1", pool=RAY_POOL,
    check_specs=[
        dg.AssetCheckSpec("only_cleared", asset="training_set", blocking=True,
                          description="every decision that the set rests on is a permit"),
        dg.AssetCheckSpec("manifest_verifies", asset="training_set", blocking=True,
                          description="files, digests, signature and dates hold"),
    ],
    description="A physical copy of the cleared clips at one size and rate, which a public key"
    " alone can check.",
)  # fmt: skip
def training_set(
    context: dg.AssetExecutionContext, config: ExportOptions, clearway: Clearway
) -> Done:
    """Export each training set of this run."""
    from pipelines.export.mixture import read_mixture
    from pipelines.export.training_set import export_set
    from pipelines.render import RenderSpec

    at_once, set_up, run_id = (
        clearway.workers(config.at_once),
        clearway.settings,
        context.run.run_id,
    )
    spec = RenderSpec(width=config.width, height=config.height, fps=config.fps)
    mixture = read_mixture(config.sources)
    done = each_key(context, lambda key, told: export_set(
        key, config.request, set_up, spec=spec, at_once=at_once, run_id=run_id,
        now=clearway.now, mixture=mixture, progress=told,
    ), console=set_up.console_url)  # fmt: skip
    uncleared = [one for set_ in done.values() for one in uncleared_of(set_.set_id, set_up)]
    broken = {key: why for key, one in done.items() if (why := broken_of(one.uri, clearway))}
    return dg.MaterializeResult(check_results=[
        dg.AssetCheckResult(check_name="only_cleared", passed=not uncleared,
                            metadata={"uncleared": dg.MetadataValue.json(uncleared)}),
        dg.AssetCheckResult(check_name="manifest_verifies", passed=not broken,
                            metadata={"broken": dg.MetadataValue.json(broken)}),
    ])  # fmt: skip


def uncleared_of(set_id: str, settings: Settings) -> list[str]:
    """Ids of the decisions under a training set that are no permit."""
    from catalog.decisions import decision
    from catalog.training_sets import training_set as recorded

    with catalog_read(settings) as session:
        rows = [decision(session, one) for one in recorded(session, set_id).decisions]
    return [row.decision_id for row in rows if str(row.verdict) != "permit"]


def broken_of(uri: str, clearway: Clearway) -> str:
    """Why a training set does not check out; empty when it does."""
    from pipelines.export.renewal import check_set

    try:
        check_set(uri, clearway.settings, now=clearway.now)
    except ClearwayError as error:
        return error.code or str(error)
    return ""
