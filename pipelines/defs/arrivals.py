"""The sensor on the places of sources: what arrived there is prepared once all of it is there."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import dagster as dg

from catalog.errors import CatalogError
from pipelines.defs.automation import at_work, prepare, range_tags, stretches
from pipelines.defs.resources import Clearway
from pipelines.defs.sources import watched_places
from pipelines.errors import RegistrationError
from pipelines.settings import Settings

if TYPE_CHECKING:
    from pipelines.scan.arrivals import Look


@dg.sensor(
    job=prepare, minimum_interval_seconds=60, default_status=dg.DefaultSensorStatus.RUNNING,
    description="Files that arrived, changed or went in the folder or bucket of a source are taken"
    " up once nothing there changed between two ticks. What came while nobody looked is found"
    " later; a bucket that refuses to be listed is named, and asked again at the next tick.",
)  # fmt: skip
def files_arrived(
    context: dg.SensorEvaluationContext, clearway: Clearway
) -> dg.SensorResult | dg.SkipReason:
    """Compare each place with what its last scan noted.

    The cursor holds the listings that were seen and are not taken up yet: it may be lost.
    """
    try:
        places = watched_places(clearway.settings)
    except CatalogError as error:
        return dg.SkipReason(f"{error.code}: {error}")
    order, busy = context.instance.get_dynamic_partitions("source"), at_work(context.instance)
    before: dict[str, str] = json.loads(context.cursor or "{}")
    watched = {key: places[key] for key in order if key in places and key not in busy}
    looks, refused = _looks(watched, clearway.settings, before=before)
    ready = {key: look.listing for key, look in looks.items() if look.is_ready}
    cursor = json.dumps({key: look.listing for key, look in looks.items() if look.is_new})
    waiting = [key for key, look in looks.items() if look.is_new and not look.is_quiet]
    missing = [key for key, look in looks.items() if not look.listing]
    runs = [
        dg.RunRequest(run_key=_key_of(ready, keys), tags=range_tags(keys))
        for keys in stretches(ready, order)
    ]
    said = f"nothing arrived in {len(looks)} places" if not waiting else (
        f"waits until nothing changes any more in {', '.join(waiting)}"
    )  # fmt: skip
    said += f"; not there: {', '.join(missing)}" if missing else ""
    for one in refused:
        context.log.warning(one)
    skipped = None if runs else dg.SkipReason("; ".join([said, *refused]))
    return dg.SensorResult(run_requests=runs, skip_reason=skipped, cursor=cursor)


def _looks(
    watched: Mapping[str, str], settings: Settings, *, before: Mapping[str, str]
) -> "tuple[dict[str, Look], tuple[str, ...]]":
    """A look at each place, and why there was none; a store that does not answer is asked once."""
    from pipelines.scan.arrivals import look_at

    looks: dict[str, Look] = {}
    refused: dict[str, str] = {}
    silent = set[str]()  # each costs seconds
    for key, uri in watched.items():
        if _bucket_of(uri) in silent:
            continue
        try:
            looks[key] = look_at(key, uri, settings, before=before.get(key, ""))
        except RegistrationError as error:
            refused[key] = f"{error.code}: {error}"
            if error.code == "SOURCE_UNREACHABLE":
                silent.add(_bucket_of(uri))
    return looks, tuple(refused.values())


def _bucket_of(uri: str) -> str:
    return uri.partition("://")[2].partition("/")[0]


def _key_of(ready: dict[str, str], keys: list[str]) -> str:
    """What arrived, so that it is asked for once, however often it is seen."""
    return f"files-{'-'.join(f'{key}-{ready[key][:12]}' for key in keys)}"
