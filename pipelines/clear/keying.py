"""Key a source: split its episodes into parts, and name the layers that apply to each.

In: layers, episodes, files and clips of the catalog. Out: parts and their keys, recorded. A layer
applies to an episode by its `item` (a file of it, or the whole source) and to a span of it by its
`span`. The layers of every other source that holds equal bytes apply as well: all claimants keep
their rights, and the stricter wins. One key stands for all streams: the engine scopes a layer to
its stream itself, so one key serves every request.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from catalog import clips, files, parts, rights, sources
from catalog.parts import Keyed, PartRow, Tally
from licensing.facts import Layer, read_layers
from licensing.manifest import digest
from pipelines.clear.overlap import keys_under

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.clips import ClipRow, EpisodeRow
    from catalog.sources import Source

UNMAPPED = "unmapped:"  # begins the id of the layer that stands for a stream nobody mapped
_BY_KIND = {"video": "video", "audio": "audio"}  # a reader cannot be wrong about these two


@dataclass(frozen=True, slots=True, kw_only=True)
class Applying:
    """A layer over an episode: over all of it, or over a span on the episode's own clock."""

    layer_id: str
    span: tuple[int, int] | None = None


def key_sources(session: Session, source_ids: Iterable[str], *, run_id: str, now: datetime) -> None:
    """Key these sources anew and record what has changed."""
    read: dict[str, tuple[Layer, ...]] = {}
    for source_id in source_ids:
        keyed = _keyed(_rights_in(session, source_id, read), session)
        parts.record_keying(session, keyed, run_id=run_id, now=now)


def key_of(layer_ids: Iterable[str]) -> str:
    """The key of these layers: a digest of their sorted ids."""
    return digest(sorted(layer_ids))[:32]


def split(
    start_ns: int, end_ns: int, applying: Sequence[Applying]
) -> list[tuple[int, int, tuple[str, ...]]]:
    """Split `[start_ns, end_ns)` where a layer begins or ends: (start, end, layer ids) in order.

    An episode without length is one part under all of them.
    """
    if end_ns <= start_ns:
        return [(start_ns, end_ns, _ids(applying))]
    borders = {one for each in applying for one in each.span or () if start_ns < one < end_ns}
    found: list[tuple[int, int, tuple[str, ...]]] = []
    for start, end in pairwise(sorted({start_ns, *borders, end_ns})):
        ids = _ids(one for one in applying if _covers(one.span, start, end))
        if found and found[-1][2] == ids:
            found[-1] = (found[-1][0], end, ids)
        else:
            found.append((start, end, ids))
    return found


def rights_stream(source: Source, stream: Mapping[str, Any]) -> str:
    """The rights stream that a stream of an episode stands for, "" when nobody said.

    What the source was registered with decides; pictures and sound need no word of anybody.
    """
    name, kind = str(stream["name"]), str(stream.get("kind", ""))
    return str(source.streams.get(name) or stream.get("rights_stream") or _BY_KIND.get(kind, ""))


def unmapped_layer(layer_id: str) -> Layer:
    """A layer without a basis for a stream whose right nobody named: it cannot be cleared."""
    stream = layer_id.removeprefix(UNMAPPED)
    return Layer(layer="copyright", stream=stream, basis=(), layer_id=layer_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rights:
    """What is said about a source: its own layers, and by sha256 the layers of other holders."""

    source: Source
    layers: tuple[Layer, ...]
    paths: Mapping[str, frozenset[str]]
    others: Mapping[str, frozenset[str]]


def _rights_in(session: Session, source_id: str, read: dict[str, tuple[Layer, ...]]) -> _Rights:
    paths: dict[str, set[str]] = {}
    for entry in files.files_of(session, source_id):
        paths.setdefault(entry.sha256, set()).add(entry.path)
    others: dict[str, set[str]] = {}
    for sha256, holder, path in files.copies_elsewhere(session, source_id):
        ids = {str(one.layer_id) for one in _layers(session, holder, read) if _about(one, {path})}
        others.setdefault(sha256, set()).update(ids)
    return _Rights(
        source=sources.source(session, source_id),
        layers=_layers(session, source_id, read),
        paths={sha256: frozenset(own) for sha256, own in paths.items()},
        others={sha256: frozenset(ids) for sha256, ids in others.items()},
    )


def _layers(
    session: Session, source_id: str, read: dict[str, tuple[Layer, ...]]
) -> tuple[Layer, ...]:
    if source_id not in read:
        read[source_id] = read_layers(rights.asked_of(session, source_id, known=None))
    return read[source_id]


def _keyed(said: _Rights, session: Session) -> Keyed:
    source_id = said.source.source_id
    keys: dict[tuple[str, ...], str] = {}
    found = []
    for episode in clips.episodes_of(session, source_id):
        applying = _applying(said, episode)
        for start_ns, end_ns, ids in split(episode.start_ns, episode.end_ns, applying):
            if ids not in keys:
                keys[ids] = key_of(ids)
            part = PartRow(
                episode_id=episode.episode_id,
                start_ns=start_ns,
                end_ns=end_ns,
                rights_key=keys[ids],
            )
            found.append(part)
    kept = [one for one in clips.clips_of(session, source_id) if one.status == "kept"]
    return Keyed(
        source_id=source_id,
        parts=tuple(found),
        layers={key: ids for ids, key in keys.items()},
        clips=_tallied(kept, found),
    )


def _applying(said: _Rights, episode: EpisodeRow) -> list[Applying]:
    """The layers over an episode; a layer of another holder is on another clock: over all of it."""
    paths = {path for sha256 in episode.files for path in said.paths.get(sha256, ())}
    found = [
        Applying(layer_id=str(one.layer_id), span=_on_clock(one.span, episode.start_ns))
        for one in said.layers
        if _about(one, paths)
    ]
    others = {one for sha256 in episode.files for one in said.others.get(sha256, ())}
    unmapped = {
        f"{UNMAPPED}{stream['name']}"
        for stream in episode.streams
        if not rights_stream(said.source, stream)
    }
    return found + [Applying(layer_id=one) for one in sorted(others | unmapped)]


def _tallied(kept: Sequence[ClipRow], spans: Sequence[PartRow]) -> tuple[Tally, ...]:
    keys = keys_under(kept, spans)
    sums: dict[tuple[str, ...], list[int]] = {}
    for one in kept:
        total = sums.setdefault(keys[one.clip_id], [0, 0])
        total[0] += 1
        total[1] += one.end_ns - one.start_ns
    return tuple(
        Tally(keys=under, count=count, span_ns=span_ns)
        for under, (count, span_ns) in sorted(sums.items())
    )


def _about(layer: Layer, paths: Collection[str]) -> bool:
    """Is the layer about one of these files? One without an item is about the whole source."""
    return layer.item is None or layer.item in paths


def _on_clock(span: tuple[int, int] | None, start_ns: int) -> tuple[int, int] | None:
    return None if span is None else (start_ns + span[0], start_ns + span[1])


def _covers(span: tuple[int, int] | None, start_ns: int, end_ns: int) -> bool:
    return span is None or (span[0] <= start_ns and end_ns <= span[1])


def _ids(applying: Iterable[Applying]) -> tuple[str, ...]:
    return tuple(sorted({one.layer_id for one in applying}))
