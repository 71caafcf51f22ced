"""Claims: the layers over an episode, its own and those of everybody who has the same recording.

In: layers, files and duplicates of the catalog. Out: the layers that apply to each episode. A layer
applies to an episode by its `item` (a file of it, or the whole source) and to a span of it by its
`span`. The layers of every other source that holds equal bytes apply as well, and so do those of
every episode, in any source, that is a copy of this one: all claimants keep their rights, and the
stricter wins. What others say is on their clock, so it applies to all of the episode. All that is
said of a source lies on whatever was made from it, as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from catalog import clips, derivations, duplicates, files, personal, rights, sources
from licensing.facts import Layer, read_layers

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from catalog.clips import EpisodeRow
    from catalog.sources import Source

UNMAPPED = "unmapped:"  # begins the id of the layer that stands for a stream nobody mapped
UNSAID = f"{UNMAPPED}source:"  # for a source of which nobody said what others may lean on


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
    inherited: frozenset[str]  # layers of all that the source was made from

    def about(self, episode_id: str) -> list[Layer]:
        """Return the source's own layers over one of its episodes."""
        held = self.episodes[episode_id].files
        paths = {path for one in held for path in self.paths.get(one, ())}
        return [one for one in self.layers if one.item is None or one.item in paths]

    def claimed(self, episode_id: str) -> frozenset[str]:
        """Return the layers that others have over one of its episodes: holders and origins."""
        none = frozenset[str]()
        held = self.episodes[episode_id].files
        return self.inherited.union(*(self.others.get(one, none) for one in held))


class Claims:
    """All claims of a catalog as known at `known`, read as they are asked for, each once."""

    def __init__(self, session: Session, *, known: datetime | None = None) -> None:
        self._session = session
        self._known = known
        self._layers: dict[str, tuple[Layer, ...]] = {}
        self._rights: dict[str, Rights] = {}
        self._kept: dict[str, frozenset[str]] = {}
        self._items_by_name: dict[str, dict[str, set[str]]] = {}
        self._inherited: dict[str, frozenset[str]] = {}
        self._derived = derivations.ever_derived(session)
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

    def inherited_by(self, source_id: str) -> frozenset[str]:
        """Return the layers of all that a source was made from, empty for one that was not."""
        if source_id not in self._derived:
            return frozenset()
        if source_id not in self._inherited:
            session, known = self._session, self._known
            found = set[str]()
            for origin in derivations.origins(session, [source_id], known=known):
                found |= self._claimed_on(origin)
            made = derivations.derivations_of(session, [source_id], known=known)
            adds = any(one.op not in derivations.ADDS_NOTHING for one in made)
            if adds and not self._layers_of(source_id):
                found.add(f"{UNSAID}{source_id}")
            self._inherited[source_id] = frozenset(found)
        return self._inherited[source_id]

    def _said_of(self, source_id: str, episode_id: str) -> set[str]:
        said = self.rights_in(source_id)
        if episode_id not in said.episodes:
            return {str(one.layer_id) for one in said.layers} | said.inherited
        own = {str(one.layer_id) for one in said.about(episode_id)}
        return own | said.claimed(episode_id)

    def _read(self, source_id: str) -> Rights:
        paths: dict[str, set[str]] = {}
        session, known = self._session, self._known
        for entry in files.held(session, source_id, known=known):
            paths.setdefault(entry.sha256, set()).update(self._items(source_id, entry.path))
        others: dict[str, set[str]] = {}
        for sha256, holder, ids in self._held_elsewhere(source_id):
            others.setdefault(sha256, set()).update(ids | self.inherited_by(holder))
        return Rights(
            source=sources.source(session, source_id, known=known),
            layers=self._layers_of(source_id),
            episodes={
                one.episode_id: one for one in clips.episodes_of(session, source_id, known=known)
            },
            paths={sha256: frozenset(own) for sha256, own in paths.items()},
            others={sha256: frozenset(ids) for sha256, ids in others.items()},
            inherited=self.inherited_by(source_id),
        )

    def _held_elsewhere(self, source_id: str) -> Iterator[tuple[str, str, set[str]]]:
        """The layers that each other holder of a source's bytes has over them, by sha256."""
        found = files.copies_elsewhere(self._session, source_id, known=self._known)
        for sha256, holder, path in found:
            items = {None, *self._items(holder, path)}
            ids = {str(one.layer_id) for one in self._layers_of(holder) if one.item in items}
            yield sha256, holder, ids

    def _claimed_on(self, origin: str) -> set[str]:
        """What anybody says of a source or a part of it: it lies on all that was made from it."""
        found = self._ids_of(origin) or {f"{UNSAID}{origin}"}
        for _, _, ids in self._held_elsewhere(origin):
            found |= ids
        for member, group in self._copies.items():
            if member[0] == origin:
                found |= {each for source_id, _ in group for each in self._ids_of(source_id)}
        return found

    def _ids_of(self, source_id: str) -> set[str]:
        return {str(one.layer_id) for one in self._layers_of(source_id)}

    def _items(self, source_id: str, path: str) -> set[str]:
        """The items that are a file: its name, or of an erased one, each that it may have had."""
        said = self._said_in(source_id)
        names = {path}
        if path.startswith(personal.MARK):
            if source_id not in self._kept:
                self._kept[source_id] = personal.kept_names(self._session, source_id)
            names = personal.meant(path, said, self._kept[source_id])
        return names.union(*(said[one] for one in names if one in said))

    def _said_in(self, source_id: str) -> dict[str, set[str]]:
        """The items of a source's layers by what each of them says."""
        if source_id not in self._items_by_name:
            items = {one.item for one in self._layers_of(source_id) if one.item is not None}
            found, said = personal.texts(self._session, items), dict[str, set[str]]()
            for one in items:
                said.setdefault(found.get(one, one), set()).add(one)
            self._items_by_name[source_id] = said
        return self._items_by_name[source_id]

    def _layers_of(self, source_id: str) -> tuple[Layer, ...]:
        if source_id not in self._layers:
            asked = rights.asked_of(self._session, source_id, known=self._known)
            self._layers[source_id] = read_layers(asked)
        return self._layers[source_id]


def _on_clock(span: tuple[int, int] | None, start_ns: int) -> tuple[int, int] | None:
    return None if span is None else (start_ns + span[0], start_ns + span[1])
