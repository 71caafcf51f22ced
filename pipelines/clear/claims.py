"""Claims: the layers over an episode, its own and those of everybody who has the same recording.

In: layers, files and duplicates of the catalog. Out: the layers that apply to each episode. A layer
applies to an episode by its `item` (a file of it, or the whole source) and to a span of it by its
`span`. The layers of every other source that holds equal bytes apply as well, and so do those of
every episode, in any source, that is a copy of this one: all claimants keep their rights, and the
stricter wins. What others say is on their clock, so it applies to all of the episode.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog import clips, duplicates, files, personal, rights, sources
from licensing.facts import Layer, read_layers

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from catalog.clips import EpisodeRow
    from catalog.sources import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Applying:
    """A layer over an episode: over all of it, or over a span on the episode's own clock."""

    layer_id: str
    span: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What is said about a source and its episodes; paths and ids of layers are by sha256."""

    source: Source
    layers: tuple[Layer, ...]
    episodes: Mapping[str, EpisodeRow]
    paths: Mapping[str, frozenset[str]]
    others: Mapping[str, frozenset[str]]  # layers of other holders of the bytes

    def about(self, episode_id: str) -> list[Layer]:
        """Return the source's own layers over one of its episodes."""
        held = self.episodes[episode_id].files
        paths = {path for one in held for path in self.paths.get(one, ())}
        return [one for one in self.layers if one.item is None or one.item in paths]

    def claimed(self, episode_id: str) -> frozenset[str]:
        """Return the layers that other holders of the bytes have over one of its episodes."""
        none = frozenset[str]()
        return none.union(*(self.others.get(one, none) for one in self.episodes[episode_id].files))


class Claims:
    """All claims of a catalog as known at `known`, read as they are asked for, each once."""

    def __init__(self, session: Session, *, known: datetime | None = None) -> None:
        self._session = session
        self._known = known
        self._layers: dict[str, tuple[Layer, ...]] = {}
        self._rights: dict[str, Rights] = {}
        self._kept: dict[str, frozenset[str]] = {}
        groups = duplicates.groups(duplicates.pairs(session, known=known))
        self._copies = {member: group for group in groups for member in group}

    def rights_in(self, source_id: str) -> Rights:
        """Return what is said about a source."""
        if source_id not in self._rights:
            self._rights[source_id] = self._read(source_id)
        return self._rights[source_id]

    def over(self, source_id: str, episode_id: str) -> list[Applying]:
        """Return the layers over an episode, its own and those that others claim."""
        said, member = self.rights_in(source_id), (source_id, episode_id)
        start_ns = said.episodes[episode_id].start_ns
        own = [
            Applying(layer_id=str(one.layer_id), span=_on_clock(one.span, start_ns))
            for one in said.about(episode_id)
        ]
        claimed = set(said.claimed(episode_id))
        for copy in self._copies.get(member, frozenset()) - {member}:
            claimed |= self._said_of(*copy)
        return own + [Applying(layer_id=one) for one in sorted(claimed)]

    def _said_of(self, source_id: str, episode_id: str) -> set[str]:
        said = self.rights_in(source_id)
        if episode_id not in said.episodes:
            return {str(one.layer_id) for one in said.layers}
        own = {str(one.layer_id) for one in said.about(episode_id)}
        return own | said.claimed(episode_id)

    def _read(self, source_id: str) -> Rights:
        paths: dict[str, set[str]] = {}
        session, known = self._session, self._known
        for entry in files.held(session, source_id, known=known):
            paths.setdefault(entry.sha256, set()).update(self._items(source_id, entry.path))
        others: dict[str, set[str]] = {}
        for sha256, holder, path in files.copies_elsewhere(session, source_id, known=known):
            items = {None, *self._items(holder, path)}
            ids = {str(one.layer_id) for one in self._layers_of(holder) if one.item in items}
            others.setdefault(sha256, set()).update(ids)
        return Rights(
            source=sources.source(session, source_id, known=known),
            layers=self._layers_of(source_id),
            episodes={
                one.episode_id: one for one in clips.episodes_of(session, source_id, known=known)
            },
            paths={sha256: frozenset(own) for sha256, own in paths.items()},
            others={sha256: frozenset(ids) for sha256, ids in others.items()},
        )

    def _items(self, source_id: str, path: str) -> set[str]:
        """The items that are a file: its name, or of an erased one, each that it may have had."""
        if not path.startswith(personal.MARK):
            return {path}
        if source_id not in self._kept:
            self._kept[source_id] = personal.kept_names(self._session, source_id)
        items = (one.item for one in self._layers_of(source_id))
        return personal.meant(path, items, self._kept[source_id])

    def _layers_of(self, source_id: str) -> tuple[Layer, ...]:
        if source_id not in self._layers:
            asked = rights.asked_of(self._session, source_id, known=self._known)
            self._layers[source_id] = read_layers(asked)
        return self._layers[source_id]


def _on_clock(span: tuple[int, int] | None, start_ns: int) -> tuple[int, int] | None:
    return None if span is None else (start_ns + span[0], start_ns + span[1])
