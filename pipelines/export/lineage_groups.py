"""Which episodes must lie on one side of a split, and on which side, whatever came when.

A lineage group is a connected component: episodes that share a file, were recorded in one session,
or show the same, suspects included. The split of a new group is drawn from its name. One that has
members in an earlier version of the set stays where they lay; where a new episode joins groups that
lay apart, the held-out side wins, and each episode that moves is named.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog import clips, duplicates, sources, training_sets
from catalog.duplicates import joined
from pipelines.clip_rules import read_rules
from pipelines.export.splits import SPLITS, choose_salt, split_of
from pipelines.lake.datasets import dataset_uri, has_dataset
from pipelines.lake.reading import scan_columns
from pipelines.storage import exists, join, read_bytes

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.clips import EpisodeRow
    from catalog.duplicates import Pair
    from catalog.sources import Source
    from pipelines.settings import Settings

SELECTION = "documents/selection.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """An episode that lay in another split in an earlier version of the set."""

    episode_id: str
    before: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Splits:
    """The split of each episode, and what was drawn and moved for it."""

    salt: str
    by_episode: Mapping[str, str]
    moved: tuple[Moved, ...]


def draw_splits(
    session: Session, name: str, sizes: Mapping[str, int], *, settings: Settings
) -> Splits:
    """Draw the splits of the training set `name`; `sizes` are the clips of each of its episodes."""
    known = sources.sources(session)
    episodes = [one for source in known for one in clips.episodes_of(session, source.source_id)]
    sessions = {
        episode_id: found
        for source in known
        for episode_id, found in _sessions(source, episodes, settings).items()
    }
    groups = lineage_groups(episodes, sessions, duplicates.pairs(session))
    before, salt = _earlier(session, name, settings)
    return settle(name, sizes, groups=groups, before=before, salt=salt)


def lineage_groups(
    episodes: Iterable[EpisodeRow], sessions: Mapping[str, str], pairs: Iterable[Pair]
) -> dict[str, str]:
    """Return the group of each episode, named by the first id in it; pure.

    `sessions` names the session of those episodes that were recorded in one.
    """
    edges: list[tuple[tuple[str, str], ...]] = []
    for one in episodes:
        own = ("episode", one.episode_id)
        edges.append((own, *(("file", sha256) for sha256 in one.files)))
        if one.episode_id in sessions:
            edges.append((own, ("session", f"{one.source_id}/{sessions[one.episode_id]}")))
    edges += [tuple(("episode", one) for one in pair.episodes) for pair in pairs]
    first: dict[tuple[str, str], str] = {}
    found = {node[1]: top for node, top in joined(edges).items() if node[0] == "episode"}
    for episode_id in sorted(found):
        first.setdefault(found[episode_id], episode_id)
    return {episode_id: first[top] for episode_id, top in found.items()}


def settle(
    name: str,
    sizes: Mapping[str, int],
    *,
    groups: Mapping[str, str],
    before: Mapping[str, str],
    salt: str | None,
) -> Splits:
    """Return the split of each episode of `sizes`; pure.

    `before` is where episodes lay in earlier versions, `salt` what those were drawn with.
    """
    held: dict[str, str] = {}
    for episode_id, split in before.items():
        group = groups.get(episode_id, episode_id)
        held[group] = max(held.get(group, split), split, key=SPLITS.index)
    counts = Counter[str]()
    for episode_id, size in sizes.items():
        counts[groups.get(episode_id, episode_id)] += size
    drawn_with = choose_salt(name, counts) if salt is None else salt
    by_group = {group: held.get(group) or split_of(group, drawn_with) for group in counts}
    found = {one: by_group[groups.get(one, one)] for one in sizes}
    moved = [
        Moved(episode_id=one, before=before[one], now=split)
        for one, split in sorted(found.items())
        if before.get(one, split) != split
    ]
    return Splits(salt=drawn_with, by_episode=found, moved=tuple(moved))


def _sessions(source: Source, episodes: Iterable[EpisodeRow], settings: Settings) -> dict[str, str]:
    """Return the session of each episode of a source that has a rule for it.

    Those whose session is not known are one: it might be the same for all of them.
    """
    rule = read_rules(source.clips).session
    if rule is None:
        return {}
    own = [one.episode_id for one in episodes if one.source_id == source.source_id]
    uri = dataset_uri(settings.lake, source.source_id, "clips")
    found: dict[str, str] = {}
    if has_dataset(uri):
        table = scan_columns(uri, ["episode_id", "session"], where="session IS NOT NULL")
        pairs = zip(*(table[name].to_pylist() for name in table.column_names), strict=True)
        found = {one: text for one, text in pairs if text.startswith(rule.named(""))}
    return {one: found.get(one, rule.named("")) for one in own}


def _earlier(session: Session, name: str, settings: Settings) -> tuple[dict[str, str], str | None]:
    """Return where episodes lay in the versions of a set that are still there, and their salt."""
    before: dict[str, str] = {}
    salt: str | None = None
    versions = [one for one in training_sets.training_sets(session) if one.name == name]
    for one in sorted(versions, key=lambda each: each.version):
        uri = settings.set_uri(name, one.version)
        if not exists(join(uri, SELECTION)):
            continue
        said = json.loads(read_bytes(join(uri, SELECTION)))
        salt = said["salt"] if salt is None else salt
        before |= said["splits"] if "splits" in said else _rows_splits(uri)
    return before, salt


def _rows_splits(uri: str) -> dict[str, str]:
    """Where episodes lay in a set that was made before its selection named them."""
    table = scan_columns(join(uri, "data.lance"), ["episode_id", "split"])
    return dict(zip(*(table[one].to_pylist() for one in table.column_names), strict=True))
