"""What starts runs: jobs, and a sensor for what is new on record.

Each asset has one trigger. A sensor only starts the follow-up: a revocation holds from the moment
its transaction commits, whether Dagster runs or not.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import dagster as dg

from catalog.errors import CatalogError
from pipelines.defs.resources import Clearway
from pipelines.defs.sources import SOURCES, catalog_read, source_ids

RANGE_START, RANGE_END = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end"
PARTITION = "dagster/partition"
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
UNFINISHED = [status for status in dg.DagsterRunStatus if status not in ENDED]
IN_ONE_PROCESS = dg.in_process_executor  # one process and one Ray start for all steps

prepare = dg.define_asset_job(
    "prepare",
    selection=["files", "streams", "clips", "measures", "clearance"],
    executor_def=IN_ONE_PROCESS,
    description="From files to clearance: one run for any number of sources.",
)
reclear = dg.define_asset_job(
    "reclear",
    selection=["clearance"],
    executor_def=IN_ONE_PROCESS,
    description="Decide again after a change of rights.",
)
export = dg.define_asset_job(
    "export",
    selection=["training_set"],
    executor_def=IN_ONE_PROCESS,
    description="Render a training set from what is cleared.",
)
train = dg.define_asset_job(
    "train",
    selection=["checkpoint"],
    executor_def=IN_ONE_PROCESS,
    tags={"clearway/stage": "train"},
    description="Train on a training set.",
)


@dg.sensor(
    job=prepare, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING,
    description="A newly registered source becomes a partition and is prepared; all that are new"
    " at one tick share a run.",
)  # fmt: skip
def source_registered(
    context: dg.SensorEvaluationContext, clearway: Clearway
) -> dg.SensorResult | dg.SkipReason:
    """Compare the sources on record with the partitions: a missed tick loses nothing."""
    try:
        on_record = source_ids(clearway.settings)
    except CatalogError as error:
        return dg.SkipReason(f"{error.code}: {error}")
    known = set(context.instance.get_dynamic_partitions("source"))
    new = [one for one in on_record if one not in known]
    if not new:
        return dg.SkipReason(f"no new source among {len(on_record)}")
    run = dg.RunRequest(run_key=f"sources-{'-'.join(new)}", tags=range_tags(new))
    return dg.SensorResult(
        run_requests=[run], dynamic_partitions_requests=[SOURCES.build_add_request(new)]
    )


@dg.sensor(
    job=reclear, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING,
    description="After a revocation its source is decided again.",
)  # fmt: skip
def rights_revoked(
    context: dg.SensorEvaluationContext, clearway: Clearway
) -> dg.SensorResult | dg.SkipReason:
    """Start one run per revocation past the cursor, which counts revocations."""
    from catalog.covered import pieces_of
    from catalog.rights import revocations

    try:
        with catalog_read(clearway.settings) as session:
            all_of_them = tuple(revocations(session))
    except CatalogError as error:
        return dg.SkipReason(f"{error.code}: {error}")
    seen, known = int(context.cursor or 0), context.instance.get_dynamic_partitions("source")
    runs = [
        dg.RunRequest(run_key=f"revocation-{number}-{source_id}", partition_key=source_id)
        for number, one in enumerate(all_of_them[seen:], seen + 1)
        for source_id in sorted({piece.source_id for piece in pieces_of(one)})
        if source_id in known
    ]
    return dg.SensorResult(run_requests=runs, cursor=str(len(all_of_them)))


@dg.sensor(
    job=reclear, minimum_interval_seconds=30, default_status=dg.DefaultSensorStatus.RUNNING,
    description="A source whose facts came or ended, and that nobody decided since, is decided.",
)  # fmt: skip
def rights_changed(
    context: dg.SensorEvaluationContext, clearway: Clearway
) -> dg.SensorResult | dg.SkipReason:
    """Ask for runs of what the log says from the cursor on, which is an entry of the log.

    What a run is at work on may be decided by it: it is looked at again, and the cursor waits.
    """
    from catalog.decisions import changed_since
    from catalog.tree import size

    try:
        with catalog_read(clearway.settings) as session:
            changed, end = changed_since(session, int(context.cursor or 0)), size(session)
    except CatalogError as error:
        return dg.SkipReason(f"{error.code}: {error}")
    order, busy = context.instance.get_dynamic_partitions("source"), at_work(context.instance)
    ready = {key: last for key, last in changed.items() if key in order and key not in busy}
    waiting = [last for key, last in changed.items() if key in order and key in busy]
    runs = [
        dg.RunRequest(
            run_key=f"rights-{'-'.join(f'{key}-{ready[key]}' for key in keys)}",
            tags=range_tags(keys),
        )
        for keys in stretches(ready, order)
    ]
    return dg.SensorResult(run_requests=runs, cursor=str(min([end, *waiting])))


def range_tags(keys: list[str]) -> dict[str, str]:
    """Tags of one run over partitions that were added one after the other.

    One partition has the tag by which the queue keeps runs of a source apart.
    """
    if len(keys) == 1:
        return {PARTITION: keys[0]}
    return {RANGE_START: keys[0], RANGE_END: keys[-1]}


def stretches(keys: Iterable[str], order: Sequence[str]) -> list[list[str]]:
    """Part `keys` into groups that stand next to each other in `order`: a run takes one group."""
    place = {key: number for number, key in enumerate(order)}
    places = sorted({place[key] for key in keys})
    cuts = [0, *(i for i, (a, b) in enumerate(pairwise(places), 1) if b != a + 1), len(places)]
    return [[order[one] for one in places[a:b]] for a, b in pairwise(cuts) if b > a]


def at_work(instance: dg.DagsterInstance) -> frozenset[str]:
    """Return the partitions that a run which has not ended takes, one by one or as a stretch."""
    order, keys = instance.get_dynamic_partitions("source"), set[str]()
    for run in instance.get_runs(dg.RunsFilter(statuses=UNFINISHED)):
        first, last = (
            run.tags.get(tag, run.tags.get(PARTITION)) for tag in (RANGE_START, RANGE_END)
        )
        if first in order and last in order:
            keys.update(order[order.index(first) : order.index(last) + 1])
    return frozenset(keys)
