"""The edges of a trace: which of the things that a walk has reached came of which.

In: what was reached, and the node that stands for each. Out: pairs of nodes, (from, what came of
it). Nothing is joined that was not reached.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import derivations, records, schema
from catalog.clips import ClipRow
from catalog.engine import among
from catalog.lineage.finding import held_in
from catalog.lineage.graph import Key, Node
from catalog.lineage.reached import File, Reached, Shard, Stream
from catalog.lineage.upward import began_from

Edge = tuple[Key, Key]
A = TypeVar("A", bound=Hashable)
B = TypeVar("B", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The nodes of a walk, by what each stands for.

    `clips` holds a node by clip, or by source where that one has many; `rows` the clips by id.
    """

    instruments: Mapping[str, Node]
    sources: Mapping[str, Node]
    files: Mapping[File, Node]
    episodes: Mapping[str, Node]
    streams: Mapping[Stream, Node]
    clips: Mapping[str, Node]
    rows: Mapping[str, ClipRow]
    decisions: Mapping[str, Node]
    shards: Mapping[Shard, Node]
    sets: Mapping[str, Node]
    runs: Mapping[str, Node]
    checkpoints: Mapping[str, Node]
    releases: Mapping[str, Node]


def edges(session: Session, found: Reached, named: Named) -> frozenset[Edge]:
    """Join what was reached."""
    return frozenset(
        [
            *_recordings(session, found, named),
            *_cuts(found, named),
            *_clips_in(session, found, named),
            *_cleared(found, named),
            *_models(found, named),
        ]
    )


def _recordings(session: Session, found: Reached, named: Named) -> Iterator[Edge]:
    """From papers to sources, what was made from those, files, episodes and streams."""
    held = held_in(session, found.instruments)
    yield from _joined(held, named.instruments, named.sources)
    yield from _joined(_derived(session, found), named.sources, named.sources)
    yield from _joined(((one[0], one) for one in found.files), named.sources, named.files)
    rows = [found.rows[one] for one in sorted(found.episodes)]
    made = (((row.source_id, sha256), row.episode_id) for row in rows for sha256 in row.files)
    yield from _joined(made, named.files, named.episodes)
    bare = ((row.source_id, row.episode_id) for row in rows if not row.files)
    yield from _joined(bare, named.sources, named.episodes)
    yield from _joined(((one[0], one) for one in found.streams), named.episodes, named.streams)


def _derived(session: Session, found: Reached) -> Iterator[tuple[str, str]]:
    for made in derivations.derivations_of(session, found.sources):
        yield from ((one, made.output) for one in made.inputs)


def _cuts(found: Reached, named: Named) -> Iterator[Edge]:
    """From the streams of an episode, or from one that has none, to its clips."""
    over: dict[str, list[Key]] = {}
    for one, node in named.streams.items():
        over.setdefault(one[0], []).append(node.key)
    for episode_id, node in named.episodes.items():
        over.setdefault(episode_id, [node.key])
    for clip_id, row in named.rows.items():
        for above in over.get(row.episode_id, ()):
            yield above, named.clips[clip_id].key
    for episode_id, keys in over.items():
        many = named.clips.get(found.rows[episode_id].source_id)
        if many is not None and many.kind == "clips":
            yield from ((above, many.key) for above in keys)


def _clips_in(session: Session, found: Reached, named: Named) -> Iterator[Edge]:
    """From clips to the shards that hold them; from sources, where no clips are named."""
    if found.is_wide:
        held = ((source_id, shard) for shard, source_id in found.shards.items())
        yield from _joined(held, named.sources, named.shards)
    for shard, source_id in found.shards.items():
        many = named.clips.get(source_id)
        if many is not None and many.kind == "clips":
            yield many.key, named.shards[shard].key
    table = schema.shard_clips
    for some in records.chunks(named.rows):
        query = select(table.c.clip_id, table.c.set_id, table.c.shard).where(
            among(session, table.c.clip_id, some)
        )
        for clip_id, set_id, shard in session.execute(query):
            if (set_id, shard) in named.shards:
                yield named.clips[clip_id].key, named.shards[set_id, shard].key


def _cleared(found: Reached, named: Named) -> Iterator[Edge]:
    """From sources to decisions about them, and on to the shards, or sets, that rest on them."""
    about = ((source_id, one) for one, source_id in found.decisions.items())
    yield from _joined(about, named.sources, named.decisions)
    held: dict[tuple[str, str], list[Shard]] = {}
    for shard, source_id in found.shards.items():
        held.setdefault((shard[0], source_id), []).append(shard)
    for row in {**found.beside, **found.sets}.values():
        for one in found.decisions.keys() & set(row.decisions):
            shards = held.get((row.set_id, found.decisions[one]), ())
            for shard in shards:
                yield named.decisions[one].key, named.shards[shard].key
            if not shards and row.set_id in named.sets:
                yield named.decisions[one].key, named.sets[row.set_id].key


def _models(found: Reached, named: Named) -> Iterator[Edge]:
    """From shards to sets, runs, checkpoints, the runs that went on from one, and releases."""
    yield from _joined(((one, one[0]) for one in found.shards), named.shards, named.sets)
    on = ((row.set_id, run_id) for run_id, row in found.runs.items())
    yield from _joined(on, named.sets, named.runs)
    sealed = ((row.run_id, point) for point, row in found.checkpoints.items())
    yield from _joined(sealed, named.runs, named.checkpoints)
    published = ((row.checkpoint_id, one) for one, row in found.releases.items())
    yield from _joined(published, named.checkpoints, named.releases)
    for run_id, row in found.runs.items():
        parent = began_from(row, found.checkpoints)
        if parent is not None:
            yield named.checkpoints[parent].key, named.runs[run_id].key


def _joined(
    pairs: Iterable[tuple[A, B]], above: Mapping[A, Node], below: Mapping[B, Node]
) -> Iterator[Edge]:
    for one, other in pairs:
        if one in above and other in below and above[one] is not below[other]:
            yield above[one].key, below[other].key
