"""The checkpoint asset: a training run over one training set."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from catalog.errors import CatalogError
from pipelines.defs.export import training_set
from pipelines.defs.resources import RAY_POOL, Clearway, Done, each_key
from pipelines.defs.sources import TRAINING_SETS, catalog_read
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.train import Trained


class TrainOptions(dg.Config):
    """What is trained, and how."""

    config: str = Field(
        default="", description="Path of a training configuration (TOML), or a ready one's name."
    )
    overrides: dict[str, Any] = Field(
        default_factory=dict, description="The configuration itself, where there is no file."
    )


@dg.asset(
    partitions_def=TRAINING_SETS, deps=[training_set], group_name="training",
    kinds={"pytorch", "ray"}, owners=["team:models"], code_version="1", pool=RAY_POOL,
    check_specs=[dg.AssetCheckSpec(
        "sealed_on_record", asset="checkpoint", blocking=True,
        description="the checkpoint is on record with its run, under the digest of the manifest",
    )],
    description="A model state that carries the digest of the manifest it was trained on. The"
    " trainer checks manifest, clearance and revocations itself.",
)  # fmt: skip
def checkpoint(context: dg.AssetExecutionContext, config: TrainOptions, clearway: Clearway) -> Done:
    """Train on each training set of this run."""
    from pipelines.train import train_set
    from pipelines.train.asked import READY, Options

    set_up, run_id = clearway.settings, context.run.run_id
    done = each_key(context, lambda key, told: train_set(
        config.config or {"set": key} | config.overrides, set_up,
        now=clearway.now, run_id=run_id, progress=told,
        options=Options(set_name=key if config.config in READY else ""),
    ), console=set_up.console_url)  # fmt: skip
    for key, trained in done.items():
        context.add_asset_metadata(pictures(trained), partition_key=key)
    strays = {key: why for key, one in done.items() if (why := stray(one.checkpoint_id, set_up))}
    check = dg.AssetCheckResult(
        check_name="sealed_on_record", passed=not strays,
        metadata={"strays": dg.MetadataValue.json(strays)},
    )  # fmt: skip
    return dg.MaterializeResult(check_results=[check])


def stray(checkpoint_id: str, settings: Settings) -> str:
    """Why a checkpoint cannot be traced to its training set; empty when it can."""
    from catalog.runs import checkpoint as sealed
    from catalog.runs import run
    from catalog.training_sets import training_set as recorded

    try:
        with catalog_read(settings) as session:
            found = run(session, sealed(session, checkpoint_id).run_id)
            manifest = recorded(session, found.set_id).manifest_digest
    except CatalogError as error:
        return f"{error.code}: {error}"
    return "" if found.manifest_digest == manifest else "trained under another manifest"


def pictures(trained: "Trained") -> dict[str, Any]:
    """Where the pictures of a run lie: its loss, and predicted under true frames."""
    return {
        "clearway/loss_plot": dg.MetadataValue.path(trained.plot),
        "clearway/predicted_against_true": dg.MetadataValue.path(trained.picture),
        "clearway/run_folder": dg.MetadataValue.path(str(Path(trained.plot).parent)),
    }
