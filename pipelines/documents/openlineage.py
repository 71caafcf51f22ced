"""OpenLineage 2-0-2: a trace as run events, one pair a thing that was made.

In: a trace and when its things were recorded. Out: a START and a COMPLETE event, or FAIL, for what
each station made: files, episodes and streams, clips, shards, sets, checkpoints, releases. A
consumer joins every input of an event with every output, so that each thing has its own run with
its own inputs.
Decisions and papers are no data: they stand in the facet `clearway_rights`. The record knows when
a thing was recorded, not when work on it began: both events of a pair bear that time.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final

from catalog.lineage.graph import Key, Node, Trace, in_order
from pipelines.documents.run_events import NAMESPACE, RIGHTS, SAID, facet, producer_of, run_event

RUNS: Final = "https://clearway.example/runs"
PAPERS: Final = frozenset({"instrument", "decision", "decisions"})
STATIONS: Final = {
    "file": "scan", "files": "scan", "episode": "ingest", "episodes": "ingest",
    "stream": "ingest", "streams": "ingest", "clip": "cut", "clips": "cut",
    "shard": "export", "shards": "export", "training set": "export", "run": "train",
    "release": "release",
}  # fmt: skip
FINISHED: Final = frozenset({"done", "finished"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """What each node came from, and what came of it."""

    nodes: Mapping[Key, Node]
    above: Mapping[Key, list[Key]]
    below: Mapping[Key, list[Key]]


def events(trace: Trace, at: Mapping[Key, datetime]) -> Iterator[dict[str, Any]]:
    """Yield the events of a trace, from recordings to models; what has no time has none."""
    sides = _sides(trace)
    made = [key for key in trace.nodes if key[0] in STATIONS and key in at]
    order = list(STATIONS)
    for key in sorted(in_order(made), key=lambda one: (at[one], order.index(one[0]))):
        node = trace.nodes[key]
        inputs = [one for one in sides.above[key] if one[0] not in PAPERS]
        if node.kind == "run":
            outputs = sides.below[key]
        elif inputs:
            outputs = [key]
        else:
            continue  # where the trace began: what it was made of lies outside
        for kind in ("START", "COMPLETE" if _is_done(node) else "FAIL"):
            yield _event(kind, node, (inputs, outputs), sides=sides, at=at[key])


def _event(
    kind: str,
    node: Node,
    ends: tuple[Iterable[Key], Iterable[Key]],
    *,
    sides: _Sides,
    at: datetime,
) -> dict[str, Any]:
    station = STATIONS[node.kind]
    inputs, outputs = ([_dataset(key, sides) for key in in_order(own)] for own in ends)
    return run_event(
        kind,
        station,
        run_id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{RUNS}/{'/'.join(node.key)}")),
        at=at.isoformat(),
        ends=(inputs, outputs),
        producer=_producer(),
    )


def _dataset(key: Key, sides: _Sides) -> dict[str, Any]:
    node = sides.nodes[key]
    papers = [sides.nodes[one] for one in sides.above[key] if one[0] in PAPERS]
    said = [{"kind": one.kind, "id": one.node_id, "says": one.label, "state": one.state or None,
             "note": one.note or None} for one in papers]  # fmt: skip
    rights = {"state": node.state or None, "note": node.note or None, "papers": said}
    return {
        "namespace": NAMESPACE,
        "name": "/".join((node.kind.replace(" ", "_"), key[1])),
        "facets": {
            "documentation": facet(SAID, producer=_producer(), description=node.label),
            "clearway_rights": facet(RIGHTS, producer=_producer(), **rights),
        },
    }


def _sides(trace: Trace) -> _Sides:
    above: dict[Key, list[Key]] = {key: [] for key in trace.nodes}
    below: dict[Key, list[Key]] = {key: [] for key in trace.nodes}
    for one, other in sorted(trace.edges):
        above[other].append(one)
        below[one].append(other)
    return _Sides(nodes=trace.nodes, above=above, below=below)


def _is_done(node: Node) -> bool:
    return node.kind != "run" or node.status in FINISHED


def _producer() -> str:
    return producer_of(version("clearway"))
