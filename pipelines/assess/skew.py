"""The skew report of a source: what the clock of every stream of every episode is worth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from catalog.clips import EpisodeRow, episodes_of
from catalog.engine import open_catalog, reading
from catalog.sources import source as source_of
from pipelines.bundles import bundled
from pipelines.clocks import Timed, skew_report
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.streams import Times, read_times
from pipelines.records import Clock
from pipelines.settings import Settings

EPISODES, ENTRIES = 64, 1 << 20  # whose times are in memory at once; a longer episode stands alone


def report_clocks(source_id: str, settings: Settings) -> Iterator[dict[str, Any]]:
    """Yield a line for each stream of each episode, from the times in the lake."""
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        source_id = source_of(session, source_id).source_id
        episodes = episodes_of(session, source_id)
    uri = dataset_uri(settings.lake, source_id, "streams")
    settings.scratch.mkdir(parents=True, exist_ok=True)
    for some in bundled(episodes, _entries, most=EPISODES, heaviest=ENTRIES):
        ids = [one.episode_id for one in some]
        found = read_times(uri, ids, scratch=settings.scratch)
        for episode_id, streams in sorted(found.items()):
            for line in skew_report([_timed(one) for one in streams]):
                yield {"episode": episode_id, **line}


def _entries(episode: EpisodeRow) -> int:
    return sum(int(one["num_frames"] or one["num_messages"]) for one in episode.streams)


def _timed(stream: Times) -> Timed:
    clock = Clock.of_text(stream.clock)
    return Timed(name=stream.stream, kind=stream.kind, ts_ns=stream.ts_ns, clock=clock)
