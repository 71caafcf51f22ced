"""Trace any id up to its sources and licences, or down to what came of it.

In: an id, or its start. Out: a graph whose edges are the relations of the record. `up(x)` names y
exactly where `down(y)` names x, as far as things are named one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields

from sqlalchemy.orm import Session

from catalog.lineage import nodes
from catalog.lineage.downward import walk_down
from catalog.lineage.edges import Named, edges
from catalog.lineage.finding import find
from catalog.lineage.graph import Key, Trace, in_order
from catalog.lineage.lost import lost
from catalog.lineage.reached import Reached
from catalog.lineage.upward import walk_up


def up(session: Session, wanted: str, *, widest: int | None = None) -> Trace:
    """Trace a thing back to its sources and their licences.

    Where there are more than `widest` sources it ends at them, or at the shards that hold them.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
    """
    return _trace(session, wanted, downward=False, widest=widest)


def down(session: Session, wanted: str, *, widest: int | None = None) -> Trace:
    """Trace a thing down to the training sets, runs, checkpoints and releases that came of it.

    The recordings of more than `widest` sources are left out.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
    """
    return _trace(session, wanted, downward=True, widest=widest)


def _trace(session: Session, wanted: str, *, downward: bool, widest: int | None) -> Trace:
    begun = find(session, wanted)
    found = deepcopy(begun)
    (walk_down if downward else walk_up)(session, found, widest=widest)
    named = _named(session, found)
    listed = [getattr(named, one.name) for one in fields(Named) if one.name != "rows"]
    return Trace(
        roots=tuple(in_order(_roots(begun, named))),
        nodes={node.key: node for own in listed for node in own.values()},
        edges=edges(session, found, named),
        downward=downward,
        is_wide=found.is_wide,
    )


def _named(session: Session, found: Reached) -> Named:
    gone = lost(session)
    clips, rows = nodes.clip_nodes(session, found, gone)
    return Named(
        instruments=nodes.instrument_nodes(session, found),
        sources=nodes.source_nodes(session, found, gone),
        files=nodes.file_nodes(session, found, gone),
        episodes=nodes.episode_nodes(found, gone),
        streams=nodes.stream_nodes(found, gone),
        clips=clips,
        rows=rows,
        decisions=nodes.decision_nodes(session, found),
        shards=nodes.shard_nodes(session, found, gone),
        sets={name: nodes.set_node(row, gone) for name, row in found.sets.items()},
        runs={name: nodes.run_node(row, gone) for name, row in found.runs.items()},
        checkpoints={
            name: nodes.checkpoint_node(row, gone) for name, row in found.checkpoints.items()
        },
        releases={name: nodes.release_node(row, gone) for name, row in found.releases.items()},
    )


def _roots(begun: Reached, named: Named) -> Iterator[Key]:
    """The nodes of what was asked about: one, or a file in each source that holds it."""
    for name in ("instruments", "sources", "files", "episodes", "streams", "decisions", "shards",
                 "sets", "runs", "checkpoints", "releases"):  # fmt: skip
        yield from (getattr(named, name)[one].key for one in getattr(begun, name))
    yield from (named.clips[one].key for one in begun.clips.ids)
