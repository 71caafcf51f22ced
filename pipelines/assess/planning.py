"""What there is to measure: the clips of the last cut that these rules have not measured yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from catalog.clips import ClipRow, EpisodeRow
from catalog.duplicates import COPIES, Pair
from catalog.sources import Source
from pipelines.assess.filters import NO_CLIPS
from pipelines.assess.positions import is_position
from pipelines.assess.work import Pairs, Task
from pipelines.bundles import bundled
from pipelines.clip_rules import ClipRules
from pipelines.export.channels import choose_columns
from pipelines.lake.datasets import has_dataset
from pipelines.lake.reading import scan_columns
from pipelines.look.planning import main_camera
from pipelines.pictures.rows import LOOK
from pipelines.records import content_id

ASSESS = "assess@1"
BUNDLE_EPISODES, BUNDLE_CLIPS = 32, 512


def assess_id(source: Source, rules: ClipRules) -> str:
    """Return the name of a way to measure: another one measures every clip anew."""
    patterns = [source.config.get(key) for key in ("action", "state")]
    session = rules.session and [rules.session.kind, rules.session.what]
    told = content_id(LOOK, patterns, sorted(source.streams.items()), session)
    return f"{ASSESS} {told[:8]}"


def unmeasured(uri: str, clips: Iterable[ClipRow], way: str) -> list[ClipRow]:
    """Return the clips of the last cut that were not measured in this way."""
    if not has_dataset(uri):
        return []
    table = scan_columns(uri, ["clip_id", "assess_id"])
    told = dict(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
    return [
        one
        for one in clips
        if one.reason not in NO_CLIPS and one.clip_id in told and told[one.clip_id] != way
    ]


def tasks_of(
    source: Source,
    episodes: Mapping[str, EpisodeRow],
    clips: Iterable[ClipRow],
    *,
    copied: Mapping[str, Sequence[tuple[int, int]]],
    sessions: Mapping[str, str],
) -> list[Task]:
    """Return one task for each episode that has clips to be measured."""
    by_episode: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for one in clips:
        by_episode[one.episode_id].append((one.clip_id, one.start_ns, one.end_ns))
    return [
        Task(
            episode_id=episode_id,
            camera=main_camera(episodes[episode_id]),
            clips=tuple(sorted(own)),
            actions=_actions(source, episodes[episode_id]),
            positions=_positions(source, episodes[episode_id]),
            copied=tuple(copied.get(episode_id, ())),
            session=sessions.get(episode_id),
        )
        for episode_id, own in sorted(by_episode.items())
    ]


def bundles(tasks: Iterable[Task]) -> Iterator[tuple[Task, ...]]:
    """Return the tasks that one worker takes at a time."""
    return bundled(tasks, lambda one: len(one.clips), most=BUNDLE_EPISODES, heaviest=BUNDLE_CLIPS)


def copied_spans(
    pairs: Iterable[Pair], order: Mapping[str, int]
) -> dict[str, list[tuple[int, int]]]:
    """Return the spans of each episode that one recorded earlier shows too.

    `order` says when each episode was first recorded.
    """
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for pair in pairs:
        places = (pair.one, pair.other)
        if pair.kind in COPIES and all(one.episode_id in order for one in places):
            later = max(places, key=lambda one: order[one.episode_id])
            found[later.episode_id].append((later.start_ns, later.end_ns))
    return found


def path_sessions(
    rules: ClipRules, episodes: Iterable[EpisodeRow], paths: Mapping[str, str]
) -> dict[str, str]:
    """Return the session that the path of an episode's first file names; `paths` by sha256."""
    if rules.session is None or rules.session.kind != "path":
        return {}
    rule = rules.session
    found = {
        one.episode_id: rule.in_path(paths.get(one.files[0], "")) for one in episodes if one.files
    }
    return {key: rule.named(value) for key, value in found.items() if value is not None}


def _channels(streams: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    return [
        (str(one["name"]), str(channel))
        for one in streams
        if one["kind"] == "vector"
        for channel in one.get("channels", ())
    ]


def _actions(source: Source, episode: EpisodeRow) -> Pairs:
    """Return the channels that the source calls actions, or those of streams mapped to actions."""
    chosen = choose_columns(_channels(episode.streams), source.config).action
    if chosen or source.config.get("action"):
        return chosen
    mapped = [one for one in episode.streams if source.streams.get(str(one["name"])) == "action"]
    return tuple(_channels(mapped))


def _positions(source: Source, episode: EpisodeRow) -> Pairs:
    """Return the channels that are positions by their name and no actions."""
    actions = set(_actions(source, episode))
    return tuple(
        pair
        for pair in _channels(episode.streams)
        if pair not in actions and is_position(f"{pair[0]}.{pair[1]}")
    )
