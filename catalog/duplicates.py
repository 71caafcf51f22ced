"""Duplicates: which episodes show the same, in whatever source, each pair a dated fact.

A pair is recorded with the rights facts of both its sources, so that whoever reads the facts of one
as they were known at an instant finds the other. `groups` joins pairs: all members of a group are
claims on one recording, and the stricter wins.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from catalog import log, records, schema
from catalog.facts import fact_id_of
from catalog.rights import ends_of

Node = TypeVar("Node", bound=Hashable)
KIND = "duplicate"
COPIES = ("bytes", "decoded", "near")  # a `suspect` looks alike and may be another recording


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """A span of an episode."""

    source_id: str
    episode_id: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two places that show the same; `distance` is the share of hash bits that differ."""

    one: Place
    other: Place
    kind: str  # bytes | decoded | near | suspect
    distance: float = 0.0
    is_mirrored: bool = False

    @property
    def episodes(self) -> tuple[str, str]:
        """The two episodes, the same whichever was looked at first."""
        first, second = sorted((self.one.episode_id, self.other.episode_id))
        return first, second


def record_pairs(session: Session, pairs: Iterable[Pair], *, now: datetime) -> int:
    """Record each pair with both its sources; return how many facts are new."""
    facts = {}
    for pair in pairs:
        for own, other in ((pair.one, pair.other), (pair.other, pair.one)):
            said = _said(pair, own, other)
            fact_id = fact_id_of(own.source_id, KIND, said)
            named = {"fact_id": fact_id, "source_id": own.source_id, "kind": KIND}
            facts[fact_id] = {**named, "valid_from": None, "valid_to": None, "said": said}
    before = records.stored_any(session, schema.facts, "fact_id", wanted=facts)
    for row in before:
        del facts[row.doc["fact_id"]]
    log.record_many(session, schema.facts, sorted(facts.items()), now=now)
    return len(facts)


def pairs(session: Session, *, known: datetime | None = None) -> tuple[Pair, ...]:
    """Return every pair as known at `known`, once, in its latest words; void ones are left out."""
    return _standing(session, records.stored(session, schema.facts, kind=KIND, known=known), known)


def pairs_of(session: Session, source_ids: Iterable[str]) -> tuple[Pair, ...]:
    """Return the pairs that have a place in one of these sources; void ones are left out."""
    rows = records.stored_any(session, schema.facts, "source_id", wanted=source_ids, kind=KIND)
    return _standing(session, rows, None)


def groups(
    pairs: Iterable[Pair], kinds: Iterable[str] = COPIES
) -> tuple[frozenset[tuple[str, str]], ...]:
    """Return the members, as (source, episode), of each group that pairs of these kinds join."""
    wanted = frozenset(kinds)
    edges = [
        ((pair.one.source_id, pair.one.episode_id), (pair.other.source_id, pair.other.episode_id))
        for pair in pairs
        if pair.kind in wanted
    ]
    members: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for member, first in joined(edges).items():
        members.setdefault(first, set()).add(member)
    return tuple(frozenset(members[first]) for first in sorted(members))


def sources_sharing(
    session: Session, source_ids: Iterable[str], *, known: datetime | None = None
) -> set[str]:
    """Return the other sources that have or had a copy of an episode of one of these."""
    wanted = frozenset(source_ids)
    if not wanted:
        return set()
    ever = (_pair(row) for row in records.stored(session, schema.facts, kind=KIND, known=known))
    named = ({source_id for source_id, _ in group} for group in groups(ever))
    return {one for group in named if group & wanted for one in group} - wanted


def joined(edges: Iterable[tuple[Node, ...]]) -> dict[Node, Node]:
    """Return for each node the representative of its connected component."""
    above: dict[Node, Node] = {}

    def top(node: Node) -> Node:
        while above.setdefault(node, node) != node:
            above[node] = above[above[node]]
            node = above[node]
        return node

    for edge in edges:
        for node in edge:
            above[top(node)] = top(edge[0])
    return {node: top(node) for node in above}


def _standing(
    session: Session, rows: Iterable[records.Stored], known: datetime | None
) -> tuple[Pair, ...]:
    rows = tuple(rows)
    ends = ends_of(session, (row.doc["fact_id"] for row in rows), known=known)
    void = {one.fact_id for one in ends if one.kind == "void"}
    found: dict[tuple[str, str], Pair] = {}
    for row in rows:
        if row.doc["fact_id"] not in void:
            pair = _pair(row)
            found[pair.episodes] = pair
    return tuple(found.values())


def _said(pair: Pair, own: Place, other: Place) -> dict[str, Any]:
    return {
        "episode": own.episode_id, "span": [own.start_ns, own.end_ns],
        "of": {
            "source": other.source_id, "episode": other.episode_id,
            "span": [other.start_ns, other.end_ns],
        },
        "kind": pair.kind, "distance": round(pair.distance, 4), "mirrored": pair.is_mirrored,
    }  # fmt: skip


def _pair(row: records.Stored) -> Pair:
    said = row.doc["said"]
    own, other = said, said["of"]
    one = Place(
        source_id=row.doc["source_id"], episode_id=own["episode"], start_ns=own["span"][0],
        end_ns=own["span"][1],
    )  # fmt: skip
    two = Place(
        source_id=other["source"], episode_id=other["episode"], start_ns=other["span"][0],
        end_ns=other["span"][1],
    )  # fmt: skip
    one, two = sorted((one, two))
    return Pair(
        one=one, other=two, kind=said["kind"], distance=said["distance"],
        is_mirrored=said["mirrored"],
    )  # fmt: skip
