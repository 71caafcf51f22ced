"""Files: what was found in a source, path by path, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, func, select
from sqlalchemy.orm import Session

from catalog import log, personal, records, schema

NS = 1_000_000_000
VANISHED = "vanished"  # it was there and is no more; what was read of it stays


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """One path of a source. Equal bytes at two paths are two entries with one sha256."""

    source_id: str
    path: str
    sha256: str
    size_bytes: int
    status: str  # ingested | companion | quarantined | unsupported | vanished
    reason: str = ""
    num_frames: int | None = None
    num_messages: int | None = None
    duration_ns: int | None = None
    streams: tuple[Mapping[str, Any], ...] = ()
    episodes: tuple[str, ...] = ()  # the ids of those that it is part of
    reader: str = ""


def record_files(
    session: Session, entries: Iterable[FileEntry], *, run_id: str, now: datetime
) -> int:
    """Append the entries that differ from the current one of their path; return how many."""
    entries = tuple(entries)
    current: dict[tuple[str, str], FileEntry] = {}
    for source_id in sorted({one.source_id for one in entries}):
        current |= {(source_id, one.path): one for one in _latest(session, source_id)}
    new = [one for one in entries if _doc(one) != _doc(current.get((one.source_id, one.path)))]
    told = {
        source_id: personal.commitments(
            session, source_id, (one.path for one in new if one.source_id == source_id)
        )
        for source_id in sorted({one.source_id for one in new})
    }
    docs = []
    for one in new:
        path = told[one.source_id][one.path]
        doc = {**asdict(one), "path": path, "run_id": run_id}
        docs.append((f"{one.source_id}/{path}", doc))
    log.record_many(session, schema.files, docs, now=now)
    return len(new)


def ever_found(session: Session, source_id: str) -> set[str]:
    """Return the sha256 of every content that ever had a line in a source."""
    table = schema.files
    query = select(table.c.sha256).where(table.c.source_id == source_id)
    return set(session.execute(query).scalars())


def files_of(session: Session, source_id: str) -> tuple[FileEntry, ...]:
    """Return the current entry of each path that was found in a source last, by path."""
    found = (one for one in _latest(session, source_id) if one.status != VANISHED)
    return tuple(sorted(found, key=lambda one: one.path))


def recorded_between(session: Session, source_id: str) -> tuple[datetime, datetime] | None:
    """When the first and the last record about a file of a source was made; None without one."""
    at = schema.files.c.recorded_at
    query = select(func.min(at), func.max(at)).where(schema.files.c.source_id == source_id)
    first, last = session.execute(query).one()
    return None if first is None else (log.instant_of(first), log.instant_of(last))


def held(
    session: Session, source_id: str, *, known: datetime | None = None
) -> tuple[FileEntry, ...]:
    """Return the last entry of each path with each content that it had up to `known`.

    What was said about a path stays true of the bytes that lay there, wherever they lie now.
    """
    rows = _stored(session, source_id=source_id, known=known)
    found = [row for row in rows if row.doc["status"] != VANISHED]
    return tuple(_entry(row.doc) for row in records.latest_by(found, "path", "sha256"))


def held_with(session: Session, shas: Iterable[str]) -> tuple[FileEntry, ...]:
    """Return the last entry of each path of every source that held bytes with one of `shas`."""
    return last_entries(session, records.stored_any(session, schema.files, "sha256", wanted=shas))


def last_entries(session: Session, rows: list[records.Stored]) -> tuple[FileEntry, ...]:
    """Return the last entry of each path and bytes among these records, but what has vanished."""
    last = records.latest_by(rows, "source_id", "path", "sha256")
    found = [row for row in last if row.doc["status"] != VANISHED]
    return tuple(_entry(row.doc) for row in personal.heard(session, found, "path"))


def recorded_by(session: Session, source_id: str, run_id: str) -> tuple[FileEntry, ...]:
    """Return what a run recorded of the files of a source, in the order of recording."""
    rows = _stored(session, source_id=source_id)
    return tuple(_entry(row.doc) for row in rows if row.doc["run_id"] == run_id)


def superseded(session: Session, source_id: str) -> frozenset[str]:
    """Return the sha256 of what was replaced: other bytes were ingested from its path since."""
    now = {one.path: one for one in files_of(session, source_id)}
    there = {one.sha256 for one in now.values()}
    replaced = (one for one in held(session, source_id) if one.path in now)
    return frozenset(
        one.sha256
        for one in replaced
        if one.status == now[one.path].status == "ingested" and one.sha256 not in there
    )


def files_by_sha256(session: Session, sha256: str) -> tuple[FileEntry, ...]:
    """Return every path of every source that held these bytes."""
    rows = records.stored(session, schema.files, sha256=sha256)
    return tuple(_entry(row.doc) for row in personal.heard(session, rows, "path"))


def sources_sharing(
    session: Session, source_ids: Iterable[str], *, known: datetime | None = None
) -> set[str]:
    """Return the other sources that hold or held bytes of one of these."""
    own, other = schema.files.alias("own"), schema.files.alias("other")
    ids, found = sorted(set(source_ids)), set[str]()
    for start in range(0, len(ids), records.LOOKED_UP):
        query = (
            select(other.c.source_id).distinct()
            .join(own, (own.c.sha256 == other.c.sha256) & (own.c.source_id != other.c.source_id))
            .where(own.c.source_id.in_(ids[start : start + records.LOOKED_UP]))
        )  # fmt: skip
        if known is not None:
            query = query.where(*_by(known, own, other))
        found.update(session.execute(query).scalars())
    return found - set(ids)


def copies_elsewhere(
    session: Session, source_id: str, *, known: datetime | None = None
) -> tuple[tuple[str, str, str], ...]:
    """Return (sha256, source, path) where other sources hold or held bytes of this one."""
    own, other = (schema.files.alias(name) for name in ("own", "other"))
    query = (
        select(other.c.sha256, other.c.source_id, other.c.path).distinct()
        .join(own, (own.c.sha256 == other.c.sha256) & (own.c.source_id != other.c.source_id))
        .where(own.c.source_id == source_id)
    )  # fmt: skip
    if known is not None:
        query = query.where(*_by(known, own, other))
    found = session.execute(query).all()
    said = personal.texts(session, (one.path for one in found))
    return tuple(sorted((sha256, source, said.get(path, path)) for sha256, source, path in found))


def file_line(entry: FileEntry) -> dict[str, Any]:
    """Return the JSON line of `clearway source files --json` and of `ingest --report`."""
    seconds = None if entry.duration_ns is None else entry.duration_ns / NS
    return {
        "path": entry.path, "sha256": entry.sha256, "bytes": entry.size_bytes,
        "status": entry.status, "reason": entry.reason or None, "num_frames": entry.num_frames,
        "num_messages": entry.num_messages, "duration_s": seconds,
        "streams": [dict(one) for one in entry.streams],
    }  # fmt: skip


def _by(known: datetime, *tables: FromClause) -> list[ColumnElement[bool]]:
    return [one.c.recorded_at <= log.stamp(known) for one in tables]


def _latest(session: Session, source_id: str) -> list[FileEntry]:
    rows = _stored(session, source_id=source_id)
    return [_entry(row.doc) for row in records.latest_by(rows, "path")]


def _stored(
    session: Session, *, source_id: str, known: datetime | None = None
) -> list[records.Stored]:
    rows = records.stored(session, schema.files, source_id=source_id, known=known)
    return personal.heard(session, rows, "path")


def _entry(doc: Mapping[str, Any]) -> FileEntry:
    known = {name: doc[name] for name in FileEntry.__dataclass_fields__ if name in doc}
    episodes = doc.get("episodes") or filter(None, [doc.get("episode_id")])  # one, in older records
    return FileEntry(**{**known, "streams": tuple(doc["streams"]), "episodes": tuple(episodes)})


def _doc(entry: FileEntry | None) -> bytes:
    return b"" if entry is None else log.document(asdict(entry))
