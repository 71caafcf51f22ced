"""Parts: spans of episodes to which the same layers apply, and the keys that name those layers.

A source is keyed as a whole: its parts share a leaf, and the current ones are those under the leaf
that its latest keying names. A keying also sums up what lies under its keys, clips too, so that a
million parts are cleared without reading one of them. It is behind as soon as anything is on record
that it has not seen: whoever reads keys asks `unkeyed` first, in the same session.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, func, select
from sqlalchemy.orm import Session

from catalog import derivations, duplicates, files, log, records, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """The span `[start_ns, end_ns)` of an episode, and the key of the layers that apply to it."""

    episode_id: str
    start_ns: int
    end_ns: int
    rights_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many parts lie under a key, or clips over parts of these keys, and their time."""

    keys: tuple[str, ...]
    count: int
    span_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """A source as it has been keyed: its parts, the layers of each key, its kept clips."""

    source_id: str
    parts: tuple[PartRow, ...]
    layers: Mapping[str, tuple[str, ...]]
    clips: tuple[Tally, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keying:
    """What the latest keying of a source found; `parts_leaf` is None while it has no episode."""

    source_id: str
    parts_leaf: int | None
    parts: tuple[Tally, ...]
    clips: tuple[Tally, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The rights keys of its parts."""
        return tuple(key for one in self.parts for key in one.keys)


def unkeyed(session: Session, *, known: datetime | None = None) -> tuple[str, ...]:
    """Return the sources whose keys may have changed since the last keying, by name.

    With `known`, since the last keying that was on record then, up to then.

    Layers, answers to the checklist, duplicates, episodes, files and clips change keys or what lies
    under them; so do the layers and files of another source that holds equal bytes, or a copy, or
    that this one was made from. The end of a fact does not, a key names layers; only that of a
    duplicate parts two recordings, and that of a derivation two sources.
    """
    size = log.size_at(session, known)
    last = select(func.max(schema.keyings.c.seq)).where(*_before(schema.keyings.c.seq, size))
    seen = session.execute(last).scalar()
    span = (-1 if seen is None else seen, size)
    tie = (duplicates.KIND, derivations.KIND)
    claim = schema.facts.c.kind.in_(("layer", "settled", *tie))
    tied = select(schema.facts.c.fact_id).where(schema.facts.c.kind.in_(tie))
    found = _newer(session, schema.files.c.seq, span)
    found |= _newer(session, schema.facts.c.seq, span, claim)
    found |= _newer(session, schema.fact_ends.c.seq, span, schema.fact_ends.c.fact_id.in_(tied))
    found = _with_copies(session, found, known=known)
    while made := derivations.derived_from(session, found, known=known):
        found |= _with_copies(session, made, known=known)
    for number in (schema.sources.c.seq, schema.episodes.c.seq, schema.clips.c.leaf):
        found |= _newer(session, number, span)
    everyone = _newer(session, schema.sources.c.seq, (-1, size)) if found else set()
    return tuple(sorted(found & everyone))


def record_keying(session: Session, keyed: Keyed, *, run_id: str, now: datetime) -> Keying:
    """Record that a source was keyed; parts and keys that are on record are not written again."""
    before = _latest(session, schema.keyings.c.source_id == keyed.source_id)
    leaf = before[0].parts_leaf if before else None
    if leaf is None or set(_parts_under(session, leaf)) != set(keyed.parts):
        rows = [_row(keyed.source_id, one) for one in keyed.parts]
        by = f"{keyed.source_id} by {run_id}"
        leaf = log.record_bulk(session, schema.parts, rows, key=by, now=now)
    new = sorted(set(keyed.layers) - set(layers_under(session, keyed.layers)))
    rows = [{"rights_key": one, "layer_ids": _text(keyed.layers[one])} for one in new]
    log.record_bulk(session, schema.rights_keys, rows, key=keyed.source_id, now=now)
    keying = replace(keying_of(keyed), parts_leaf=leaf)
    doc = {**asdict(keying), "run_id": run_id}
    log.record(session, schema.keyings, doc, key=keyed.source_id, now=now)
    return keying


def keying_of(keyed: Keyed) -> Keying:
    """Sum a source up that was keyed without a record of it, as for a day that is past."""
    parts = _tallied(keyed.parts)
    return Keying(source_id=keyed.source_id, parts_leaf=None, parts=parts, clips=keyed.clips)


def keyings(session: Session, *, known: datetime | None = None) -> dict[str, Keying]:
    """Return the latest keying, up to `known`, of each source that has one."""
    size = log.size_at(session, known)
    return {one.source_id: one for one in _latest(session, *_before(schema.keyings.c.seq, size))}


def keying(session: Session, source_id: str) -> Keying | None:
    """Return the latest keying of a source, None if it has none."""
    found = _latest(session, schema.keyings.c.source_id == source_id)
    return found[0] if found else None


def layers_under(session: Session, keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the ids of the layers that each of these keys names, if it is on record."""
    table, wanted = schema.rights_keys, sorted(set(keys))
    found: dict[str, tuple[str, ...]] = {}
    for start in range(0, len(wanted), records.LOOKED_UP):
        some = table.c.rights_key.in_(wanted[start : start + records.LOOKED_UP])
        query = select(table.c.rights_key, table.c.layer_ids).where(some)
        found.update((key, tuple(json.loads(ids))) for key, ids in session.execute(query))
    return found


def parts_of(session: Session, source_id: str) -> tuple[PartRow, ...]:
    """Return the current parts of a source, by episode and time."""
    latest = _latest(session, schema.keyings.c.source_id == source_id)
    if not latest or latest[0].parts_leaf is None:
        return ()
    return tuple(_parts_under(session, latest[0].parts_leaf))


def _before(number: Column[int], size: int | None) -> list[ColumnElement[bool]]:
    return [] if size is None else [number < size]


def _with_copies(session: Session, found: set[str], *, known: datetime | None) -> set[str]:
    """These sources, and those that hold equal bytes or a copy of an episode."""
    found = found | files.sources_sharing(session, found, known=known)
    return found | duplicates.sources_sharing(session, found, known=known)


def _newer(
    session: Session, number: Column[int], span: tuple[int, int | None], *where: ColumnElement[bool]
) -> set[str]:
    """The sources with a row after the first leaf of `span` and before the second.

    That there is none is found without a scan.
    """
    since, size = span
    last = session.execute(select(func.max(number))).scalar()
    if last is None or last <= since:
        return set()
    where = (*where, *_before(number, size))
    query = select(number.table.c.source_id).where(number > since, *where).distinct()
    return set(session.execute(query).scalars())


def _latest(session: Session, *where: ColumnElement[bool]) -> list[Keying]:
    table = schema.keyings
    last = select(func.max(table.c.seq)).where(*where).group_by(table.c.source_id)
    query = select(table.c.doc).where(table.c.seq.in_(last)).order_by(table.c.source_id)
    return [_keying(json.loads(doc)) for doc in session.execute(query).scalars()]


def _parts_under(session: Session, leaf: int) -> Iterator[PartRow]:
    table = schema.parts
    query = (
        select(table.c.episode_id, table.c.start_ns, table.c.end_ns, table.c.rights_key)
        .where(table.c.leaf == leaf).order_by(table.c.episode_id, table.c.start_ns)
    )  # fmt: skip
    for episode_id, start_ns, end_ns, key in session.execute(query):
        yield PartRow(episode_id=episode_id, start_ns=start_ns, end_ns=end_ns, rights_key=key)


def _row(source_id: str, part: PartRow) -> dict[str, Any]:
    return {
        "source_id": source_id, "episode_id": part.episode_id, "start_ns": part.start_ns,
        "end_ns": part.end_ns, "rights_key": part.rights_key,
    }  # fmt: skip


def _tallied(parts: Sequence[PartRow]) -> tuple[Tally, ...]:
    sums: dict[str, list[int]] = {}
    for one in parts:
        total = sums.setdefault(one.rights_key, [0, 0])
        total[0] += 1
        total[1] += one.end_ns - one.start_ns
    return tuple(
        Tally(keys=(key,), count=count, span_ns=span_ns)
        for key, (count, span_ns) in sorted(sums.items())
    )


def _keying(doc: Mapping[str, Any]) -> Keying:
    return Keying(
        source_id=doc["source_id"],
        parts_leaf=doc["parts_leaf"],
        parts=tuple(_tally(one) for one in doc["parts"]),
        clips=tuple(_tally(one) for one in doc["clips"]),
    )


def _tally(doc: Mapping[str, Any]) -> Tally:
    return Tally(keys=tuple(doc["keys"]), count=doc["count"], span_ns=doc["span_ns"])


def _text(layer_ids: Sequence[str]) -> str:
    return json.dumps(sorted(layer_ids), separators=(",", ":"), ensure_ascii=False)
