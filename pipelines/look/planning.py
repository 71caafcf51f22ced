"""What there is to look at: the cameras of an episode, and the episodes that one worker takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from catalog.clips import EpisodeRow
from pipelines.bundles import bundled
from pipelines.look.work import Sight
from pipelines.pictures.rows import look_key
from pipelines.readers.decode import Coding

BUNDLE_EPISODES, BUNDLE_PICTURES = 64, 4_096
BATCH_EPISODES = 1_024


def sight_of(episode: EpisodeRow) -> Sight:
    """Return what there is to look at in an episode, and the key of that work."""
    cameras = {
        str(one["name"]): Coding(
            codec=str(one["codec"]),
            width=int(one["width"]),
            height=int(one["height"]),
            pixels=str(one.get("pixels", "")),
        )
        for one in episode.streams
        if one["kind"] == "video" and one["num_frames"]
    }
    shown = [one for one in episode.streams if one["kind"] == "video"]
    return Sight(
        episode_id=episode.episode_id,
        cameras=cameras,
        num_pictures=sum(int(one["num_frames"]) for one in shown),
        key=look_key(episode.episode_id, episode.reader, shown),
    )


def batches(todo: Sequence[Sight]) -> Iterator[tuple[Sight, ...]]:
    """Yield what is committed and matched together: a kill costs no more than one batch."""
    for low in range(0, len(todo), BATCH_EPISODES):
        yield tuple(todo[low : low + BATCH_EPISODES])


def bundles(batch: Iterable[Sight]) -> Iterator[tuple[Sight, ...]]:
    """Return what one worker takes at a time: short episodes together, long ones alone."""
    return bundled(
        batch, lambda one: one.num_pictures, most=BUNDLE_EPISODES, heaviest=BUNDLE_PICTURES
    )


def main_camera(episode: EpisodeRow) -> str:
    """Return the name of an episode's first stream of pictures, "" without one."""
    return next((str(one["name"]) for one in episode.streams if one["kind"] == "video"), "")
