"""The skew report of a source: what the clock of every stream of every episode is worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog.clips import episodes_of
from catalog.engine import open_catalog, reading
from catalog.sources import source as source_of
from pipelines.clocks import Timed, skew_report
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.streams import StreamRows, read_episodes
from pipelines.records import Clock
from pipelines.settings import Settings

AT_ONCE = 64


def report_clocks(source_id: str, settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield a line for each stream of each episode, from the times in the lake."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        source_id = source_of(session, source_id).source_id
        ids = [one.episode_id for one in episodes_of(session, source_id)]
    uri = dataset_uri(settings.lake, source_id, "streams")
    for low in range(0, len(ids), AT_ONCE):
        found = read_episodes(uri, ids[low : low + AT_ONCE], columns=("ts_ns",))
        for episode_id, streams in sorted(found.items()):
            for line in skew_report([_timed(one) for one in streams]):
                yield {"episode": episode_id, **line}


def _timed(stream: StreamRows) -> Timed:
    clock = Clock.of_text(stream.clock)
    return Timed(name=stream.stream, kind=stream.kind, ts_ns=stream.ts_ns, clock=clock)
