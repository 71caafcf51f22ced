"""Where episodes are cut that are not cut by length: shots of what was seen, changes of a field.

Runs on workers, some episodes at a time, and returns times only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from catalog.clips import EpisodeRow
from pipelines.clip_rules import Cutter
from pipelines.cut.events import event_marks
from pipelines.cut.shots import shot_starts
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.streams import NUMBERS, read_episodes
from pipelines.look.planning import main_camera
from pipelines.look.reading import read_seen

AT_ONCE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where marks are read."""

    lake: str
    source_id: str
    cutter: Cutter


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """The marks of an episode, and whether it has what marks are made of."""

    episode_id: str
    marks: tuple[int, ...]
    is_there: bool


Item = tuple[tuple[str, str], ...]  # episode and its first camera, "" without one


def items_of(episodes: Sequence[EpisodeRow]) -> Iterator[Item]:
    """Yield the episodes that one worker takes at a time."""
    for low in range(0, len(episodes), AT_ONCE):
        yield tuple((one.episode_id, main_camera(one)) for one in episodes[low : low + AT_ONCE])


def mark_episodes(place: Place, item: Item) -> tuple[Marked, ...]:
    """Return the marks of some episodes; runs in a worker."""
    return tuple(_shots(place, item) if place.cutter.name == "shots" else _events(place, item))


def _shots(place: Place, item: Item) -> Iterable[Marked]:
    uri = dataset_uri(place.lake, place.source_id, "frames")
    seen = read_seen(uri, [episode_id for episode_id, _ in item])
    for episode_id, camera in item:
        found = seen.get((episode_id, camera))
        starts: list[int] = []
        if found is not None:
            change = found.figures["step"] + found.figures["chroma"]
            starts = shot_starts(found.ts_ns, change).tolist()
        yield Marked(episode_id=episode_id, marks=tuple(starts), is_there=found is not None)


def _events(place: Place, item: Item) -> Iterable[Marked]:
    uri = dataset_uri(place.lake, place.source_id, "streams")
    for episode_id, _ in item:
        rows = read_episodes(uri, [episode_id], columns=("ts_ns", *NUMBERS, "events"))
        marks, is_there = event_marks(
            rows.get(episode_id, ()), place.cutter.field, place.cutter.value
        )
        yield Marked(episode_id=episode_id, marks=tuple(marks), is_there=is_there)
