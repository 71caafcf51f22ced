"""The sensor on the folders of sources: what arrived there is prepared once all of it is there."""

import json

import dagster as dg

from catalog.errors import CatalogError
from pipelines.defs.automation import at_work, prepare, range_tags, stretches
from pipelines.defs.resources import Clearway
from pipelines.defs.sources import watched_places


@dg.sensor(
    job=prepare, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING,
    description="Files that arrived, changed or went in the folder of a source are taken up once"
    " nothing there changed between two ticks. What came while nobody looked is found later.",
)  # fmt: skip
def files_arrived(
    context: dg.SensorEvaluationContext, clearway: Clearway
) -> dg.SensorResult | dg.SkipReason:
    """Compare each folder with what its last scan noted.

    The cursor holds the listings that were seen and are not taken up yet: it may be lost.
    """
    from pipelines.scan.arrivals import look_at

    try:
        places = watched_places(clearway.settings)
    except CatalogError as error:
        return dg.SkipReason(f"{error.code}: {error}")
    order, busy = context.instance.get_dynamic_partitions("source"), at_work(context.instance)
    before: dict[str, str] = json.loads(context.cursor or "{}")
    looks = {
        key: look_at(key, places[key], clearway.settings, before=before.get(key, ""))
        for key in order
        if key in places and key not in busy
    }
    ready = {key: look.listing for key, look in looks.items() if look.is_ready}
    cursor = json.dumps({key: look.listing for key, look in looks.items() if look.is_new})
    waiting = [key for key, look in looks.items() if look.is_new and not look.is_quiet]
    missing = [key for key, look in looks.items() if not look.listing]
    runs = [
        dg.RunRequest(run_key=_key_of(ready, keys), tags=range_tags(keys))
        for keys in stretches(ready, order)
    ]
    said = f"nothing arrived in {len(looks)} folders" if not waiting else (
        f"waits until nothing changes any more in {', '.join(waiting)}"
    )  # fmt: skip
    said += f"; not there: {', '.join(missing)}" if missing else ""
    skipped = None if runs else dg.SkipReason(said)
    return dg.SensorResult(run_requests=runs, skip_reason=skipped, cursor=cursor)


def _key_of(ready: dict[str, str], keys: list[str]) -> str:
    """What arrived, so that it is asked for once, however often it is seen."""
    return f"files-{'-'.join(f'{key}-{ready[key][:12]}' for key in keys)}"
