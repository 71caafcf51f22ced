"""Episodes, clips, and which clip lies in which shard of which training set."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, overload

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import log, personal, records, schema
from catalog.errors import Contradiction, NotFound

_SHARED = ("source_id", "episode_id", "status", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeRow:
    """One continuous recording: its files (sha256) and streams, on one clock in nanoseconds."""

    episode_id: str
    source_id: str
    files: tuple[str, ...]
    streams: tuple[Mapping[str, Any], ...]
    start_ns: int
    end_ns: int
    reader: str
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRow:
    """One window `[start_ns, end_ns)` of an episode, kept or filtered for a reason."""

    clip_id: str
    source_id: str
    episode_id: str
    start_ns: int
    end_ns: int
    status: str = "kept"
    reason: str = ""


def record_episodes(
    session: Session, episodes: Iterable[EpisodeRow], *, run_id: str, now: datetime
) -> int:
    """Record the episodes that are new or read differently; return how many."""
    given = tuple(episodes)
    current = {
        one.episode_id: one
        for source_id in sorted({one.source_id for one in given})
        for one in episodes_of(session, source_id)
    }
    new = [one for one in given if _said(one) != _said(current.get(one.episode_id))]
    docs = [{**doc, "run_id": run_id} for doc in _concealed(session, new)]
    log.record_many(session, schema.episodes, [(one["episode_id"], one) for one in docs], now=now)
    return len(docs)


def record_clips(session: Session, clips: Iterable[ClipRow], *, run_id: str, now: datetime) -> int:
    """Record the clips that are new or judged anew, one leaf a source; return how many."""
    by_source: dict[str, dict[str, ClipRow]] = {}
    for one in clips:
        by_source.setdefault(one.source_id, {})[one.clip_id] = one
    total = 0
    for source_id, own in sorted(by_source.items()):
        unchanged = _unchanged(session, source_id, own)
        new = [one for one in own.values() if one.clip_id not in unchanged]
        log.record_bulk(session, schema.clips, _Docs(new), key=f"{source_id} by {run_id}", now=now)
        total += len(new)
    return total


def episodes_of(
    session: Session, source_id: str, *, known: datetime | None = None
) -> tuple[EpisodeRow, ...]:
    """Return the episodes of a source as they were read last, up to `known`, oldest first."""
    rows = records.stored(session, schema.episodes, source_id=source_id, known=known)
    latest = records.latest_by(rows, "episode_id")
    return tuple(
        _episode(row.doc) for row in personal.heard(session, latest, *personal.IN_EPISODES)
    )


def first_recorded(session: Session) -> dict[str, int]:
    """Return the place in the log at which each episode was first recorded."""
    table = schema.episodes
    query = select(table.c.episode_id, func.min(table.c.seq)).group_by(table.c.episode_id)
    return {episode_id: int(seq) for episode_id, seq in session.execute(query)}


def episode(session: Session, episode_id: str) -> EpisodeRow:
    """Look one episode up."""
    found = records.one_by_id(session, schema.episodes, column="episode_id", wanted=episode_id)
    (row,) = personal.heard(session, [found], *personal.IN_EPISODES)
    return _episode(row.doc)


def episodes_with(session: Session, ids: Iterable[str]) -> tuple[EpisodeRow, ...]:
    """Return these episodes as they were read last; an id that is no episode's is left out."""
    rows = records.stored_any(session, schema.episodes, "episode_id", wanted=ids)
    return tuple(_episode(row.doc) for row in records.latest_by(rows, "episode_id"))


def clips_of(
    session: Session, source_id: str, *, known: datetime | None = None
) -> tuple[ClipRow, ...]:
    """Return the clips of a source as they were judged last, up to `known`, by episode and time."""
    latest = {one.clip_id: one for one in _judgements(session, source_id, known=known)}
    return tuple(
        sorted(latest.values(), key=lambda one: (one.episode_id, one.start_ns, one.clip_id))
    )


def clip(session: Session, clip_id: str) -> ClipRow | None:
    """Return one clip by its id, or None."""
    table = schema.clips
    query = select(table).where(table.c.clip_id == clip_id).order_by(table.c.leaf.desc())
    row = session.execute(query).mappings().first()
    return None if row is None else _clip(row)


def clips_with(session: Session, ids: Iterable[str]) -> dict[str, tuple[ClipRow, datetime]]:
    """Return these clips as they are now, each with when it was first recorded."""
    table, leaves, wanted = schema.clips, schema.log_leaves, sorted(set(ids))
    found: dict[str, tuple[ClipRow, datetime]] = {}
    for start in range(0, len(wanted), records.LOOKED_UP):
        some = table.c.clip_id.in_(wanted[start : start + records.LOOKED_UP])
        query = (
            select(table, leaves.c.recorded_at)
            .join(leaves, leaves.c.leaf_index == table.c.leaf).where(some).order_by(table.c.leaf)
        )  # fmt: skip
        for row in session.execute(query).mappings():
            first = found.get(row["clip_id"], (None, log.instant_of(row["recorded_at"])))[1]
            found[row["clip_id"]] = (_clip(row), first)
    return found


def record_shards(
    session: Session, set_id: str, places: Iterable[tuple[str, str, int]], *, now: datetime
) -> None:
    """Record (clip_id, camera, shard) of a training set; the same again changes nothing.

    Raises:
        NotFound: UNKNOWN_ID, a clip that is not on record.
        Contradiction: SHARDS_DIFFER, the set is on record with other places or a shard holds clips
            of two sources.
    """
    given = sorted(set(places), key=lambda place: (place[2], place[0], place[1]))
    before = shards_of(session, set_id)
    if before == tuple(given):
        return
    if before:
        raise _shards_differ(set_id, f"it has {len(before)} places on record, got {len(given)}")
    rows = [
        {"set_id": set_id, "clip_id": clip_id, "camera": camera, "shard": shard}
        for clip_id, camera, shard in given
    ]
    summary = _summary(session, set_id, given)
    log.record_bulk(session, schema.shard_clips, rows, key=set_id, now=now)
    log.record_bulk(session, schema.shards, summary, key=set_id, now=now)


def shards_of(session: Session, set_id: str) -> tuple[tuple[str, str, int], ...]:
    """Return (clip_id, camera, shard) of a training set, by shard and clip."""
    table = schema.shard_clips
    query = (
        select(table.c.clip_id, table.c.camera, table.c.shard).where(table.c.set_id == set_id)
        .order_by(table.c.shard, table.c.clip_id, table.c.camera)
    )  # fmt: skip
    return tuple((clip_id, camera, shard) for clip_id, camera, shard in session.execute(query))


def _summary(
    session: Session, set_id: str, places: Iterable[tuple[str, str, int]]
) -> list[dict[str, Any]]:
    """One row a shard: its source and how many clips it holds."""
    by_shard: dict[int, set[str]] = {}
    for clip_id, _camera, shard in places:
        by_shard.setdefault(shard, set()).add(clip_id)
    rows = []
    for shard, own in sorted(by_shard.items()):
        sources = _sources_of(session, sorted(own))
        if len(sources) != 1:
            raise _shards_differ(set_id, f"shard {shard} holds clips of {', '.join(sources)}")
        rows.append(
            {"set_id": set_id, "shard": shard, "source_id": sources[0], "num_clips": len(own)}
        )
    return rows


def _sources_of(session: Session, clip_ids: list[str]) -> list[str]:
    table = schema.clips
    found: dict[str, str] = {}
    for start in range(0, len(clip_ids), records.LOOKED_UP):
        some = clip_ids[start : start + records.LOOKED_UP]
        query = select(table.c.clip_id, table.c.source_id).where(table.c.clip_id.in_(some))
        found.update((row.clip_id, row.source_id) for row in session.execute(query))
    if missing := [one for one in clip_ids if one not in found]:
        raise NotFound(
            f"clips hold no {missing[0]!r} ({len(missing)} of {len(clip_ids)} are not on record)",
            code="UNKNOWN_ID", subject=missing[0], way_out="record the clips before their shards",
        )  # fmt: skip
    return sorted(set(found.values()))


def _shards_differ(set_id: str, why: str) -> Contradiction:
    return Contradiction(
        f"shards of {set_id}: {why}", code="SHARDS_DIFFER", subject=set_id,
        way_out="export a new version; a version never changes",
    )  # fmt: skip


def _concealed(session: Session, episodes: Iterable[EpisodeRow]) -> Iterator[dict[str, Any]]:
    """The documents of episodes; what a reader noted may name files."""
    by_source: dict[str, list[dict[str, Any]]] = {}
    for one in episodes:
        by_source.setdefault(one.source_id, []).append(asdict(one))
    for source_id, docs in by_source.items():
        yield from personal.concealed(session, source_id, docs, *personal.IN_EPISODES)


def _said(episode: EpisodeRow | None) -> bytes:
    return b"" if episode is None else log.document(asdict(episode))


def _episode(doc: Mapping[str, Any]) -> EpisodeRow:
    known = {name: doc[name] for name in EpisodeRow.__dataclass_fields__}
    return EpisodeRow(**{**known, "files": tuple(doc["files"]), "streams": tuple(doc["streams"])})


def _judgements(
    session: Session, source_id: str, *, known: datetime | None = None
) -> Iterator[ClipRow]:
    """Yield the clips of a source each time that they were judged, oldest first."""
    table = schema.clips
    query = select(table).where(table.c.source_id == source_id).order_by(table.c.leaf)
    size = log.size_at(session, known)
    if size is not None:
        query = query.where(table.c.leaf < size)
    for row in session.execute(query).mappings():
        yield _clip(row)


def _unchanged(session: Session, source_id: str, given: Mapping[str, ClipRow]) -> set[str]:
    """Return which of the clips given are on record as they are."""
    found: set[str] = set()
    for one in _judgements(session, source_id):
        if one.clip_id in given:
            own = given[one.clip_id]
            (found.add if own == one else found.discard)(own.clip_id)
    return found


class _Docs(Sequence[Mapping[str, Any]]):
    """Clips as documents, each made when it is asked for: a source may have a million."""

    def __init__(self, clips: Sequence[ClipRow]) -> None:
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    @overload
    def __getitem__(self, at: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, at: slice) -> _Docs: ...
    def __getitem__(self, at: int | slice) -> Mapping[str, Any] | _Docs:
        return _Docs(self.clips[at]) if isinstance(at, slice) else asdict(self.clips[at])


def _clip(row: Mapping[Any, Any]) -> ClipRow:
    """Return a row as a clip; what many clips share, they share in memory too."""
    told = {name: row[name] for name in ClipRow.__dataclass_fields__}
    return ClipRow(**told | {name: sys.intern(told[name]) for name in _SHARED})
