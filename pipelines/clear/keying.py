"""Key a source: split its episodes into parts, and name the layers that apply to each.

In: who claims what (`claims`), episodes and clips of the catalog. Out: parts and their keys,
recorded. One key stands for all streams: the engine scopes a layer to its stream itself, so one key
serves every request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from catalog import clips, parts
from catalog.parts import Keyed, PartRow, Tally
from licensing.facts import Layer
from licensing.manifest import digest
from pipelines.clear.claims import UNMAPPED, UNSAID, Applying, Claims
from pipelines.clear.overlap import keys_under

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.clips import ClipRow, EpisodeRow
    from catalog.parts import Keying
    from catalog.sources import Source

Ids = tuple[str, ...]
_BY_KIND = {"video": "video", "audio": "audio"}  # a reader cannot be wrong about these two


def key_sources(session: Session, source_ids: Iterable[str], *, run_id: str, now: datetime) -> None:
    """Key these sources anew and record what has changed."""
    claims = Claims(session)
    for source_id in source_ids:
        keyed = _keyed(claims, source_id, clips.clips_of(session, source_id))
        parts.record_keying(session, keyed, run_id=run_id, now=now)


def keyed_then(session: Session, *, known: datetime) -> tuple[dict[str, Keying], dict[str, Ids]]:
    """The keying of every source as it was, or would have been, at `known`; the layers of its keys.

    What was recorded since changes nothing: neither layers nor files, episodes, clips or copies.
    """
    found = parts.keyings(session, known=known)
    named = parts.layers_under(session, (key for one in found.values() for key in one.keys))
    claims = Claims(session, known=known)
    for source_id in parts.unkeyed(session, known=known):
        keyed = _keyed(claims, source_id, clips.clips_of(session, source_id, known=known))
        found[source_id] = parts.keying_of(keyed)
        named.update(keyed.layers)
    return found, named


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
    """A layer without a basis for what nobody spoke of: it cannot be cleared.

    It stands for a stream whose right nobody named, or for all that was made out of a source
    without layers.
    """
    if layer_id.startswith(UNSAID):
        return Layer(layer="copyright", basis=(), layer_id=layer_id)
    stream = layer_id.removeprefix(UNMAPPED)
    return Layer(layer="copyright", stream=stream, basis=(), layer_id=layer_id)


def _keyed(claims: Claims, source_id: str, judged: Iterable[ClipRow]) -> Keyed:
    keys: dict[tuple[str, ...], str] = {}
    found = []
    for episode in claims.rights_in(source_id).episodes.values():
        applying = _applying(claims, episode)
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
    kept = [one for one in judged if one.status == "kept"]
    return Keyed(
        source_id=source_id,
        parts=tuple(found),
        layers={key: ids for ids, key in keys.items()},
        clips=_tallied(kept, found),
    )


def _applying(claims: Claims, episode: EpisodeRow) -> list[Applying]:
    """The layers over an episode, and one for each of its streams that nobody mapped."""
    source = claims.rights_in(episode.source_id).source
    unmapped = {
        f"{UNMAPPED}{stream['name']}"
        for stream in episode.streams
        if not rights_stream(source, stream)
    }
    over = claims.over(episode.source_id, episode.episode_id)
    return over + [Applying(layer_id=one) for one in sorted(unmapped)]


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


def _covers(span: tuple[int, int] | None, start_ns: int, end_ns: int) -> bool:
    return span is None or (span[0] <= start_ns and end_ns <= span[1])


def _ids(applying: Iterable[Applying]) -> tuple[str, ...]:
    return tuple(sorted({one.layer_id for one in applying}))
