"""When the things of a trace were recorded: of one thing the first time, of many alike the last."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Select, func, literal, select
from sqlalchemy.orm import Session

from catalog import log, records, schema
from catalog.engine import among
from catalog.lineage.graph import Key, Node, Trace

# The column that names a thing; a stream is as old as its episode, a shard as its place in the set.
_ONE: Final = {
    "file": schema.files.c.sha256,
    "episode": schema.episodes.c.episode_id,
    "stream": schema.episodes.c.episode_id,
    "clip": schema.clips.c.clip_id,
    "shard": schema.shards.c.set_id,
    "shards": schema.shards.c.set_id,
    "training set": schema.training_sets.c.set_id,
    "run": schema.runs.c.run_id,
    "release": schema.releases.c.release_id,
}
_MANY: Final = {
    "files": schema.files.c.source_id,
    "episodes": schema.episodes.c.source_id,
    "streams": schema.episodes.c.source_id,
    "clips": schema.clips.c.source_id,
}


def recorded_at(session: Session, trace: Trace) -> dict[Key, datetime]:
    """Return when what was made was recorded, as far as it is on record itself.

    Papers, sources and checkpoints are not asked for.
    """
    found = dict[Key, datetime]()
    for kinds, is_many in ((_ONE, False), (_MANY, True)):
        for kind, column in kinds.items():
            nodes = [one for one in trace.nodes.values() if one.kind == kind]
            times = _times(session, column, nodes, is_many=is_many)
            found.update((one.key, times[_about(one)]) for one in nodes if _about(one) in times)
    return found


def _times(
    session: Session, column: Column[str], nodes: list[Node], *, is_many: bool
) -> dict[tuple[str, str], datetime]:
    found = dict[tuple[str, str], datetime]()
    for some in records.chunks(_about(one)[1] for one in nodes):
        query = _query(column, is_many=is_many).where(among(session, column, some))
        found.update(
            ((source_id, name), log.instant_of(at))
            for source_id, name, at in session.execute(query)
        )
    return found


def _query(column: Column[str], *, is_many: bool) -> Select[Any]:
    table = column.table
    owner = literal("") if is_many or "source_id" not in table.c else table.c.source_id
    at = schema.log_leaves.c.recorded_at if "leaf" in table.c else table.c.recorded_at
    time = func.max(at) if is_many else func.min(at)
    query = select(owner.label("owner"), column, time).group_by("owner", column)
    if "leaf" in table.c:
        leaf = schema.log_leaves.c.leaf_index
        return query.join(schema.log_leaves, table.c.leaf == leaf)
    return query


def _about(node: Node) -> tuple[str, str]:
    """The source and id under which a node is on record."""
    if node.kind == "stream":
        return node.source_id, node.node_id.partition("/")[0]
    if node.kind in {"shard", "shards"}:
        set_id, _, rest = node.node_id.rpartition("/")
        return node.source_id or rest, set_id
    return node.source_id, node.node_id
