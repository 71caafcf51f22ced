"""Quarantine: files that no reader could take, each with its reason and evidence."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from catalog import log, personal, records, schema


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineEntry:
    """One file that was set aside; a new reader version or a release tries it again."""

    source_id: str
    path: str
    sha256: str
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    reader: str = ""
    retryable: bool = False
    state: str = "held"  # held | released


def record_quarantine(
    session: Session, entries: Iterable[QuarantineEntry], *, run_id: str, now: datetime
) -> int:
    """Append the entries that are news; return how many."""
    held = {(one.source_id, one.path): one for one in _latest(session, None)}
    new = [one for one in entries if held.get((one.source_id, one.path)) != one]
    for one in new:
        _append(session, one, run_id=run_id, now=now)
    return len(new)


def quarantined(session: Session, source_id: str | None) -> tuple[QuarantineEntry, ...]:
    """Return what is held now, of one source or of all."""
    return tuple(one for one in _latest(session, source_id) if one.state == "held")


def release(session: Session, source_id: str, path: str, *, run_id: str, now: datetime) -> bool:
    """Queue a held file again; its history stays. False when nothing was held."""
    for one in quarantined(session, source_id):
        if one.path == path:
            released = QuarantineEntry(**{**asdict(one), "state": "released"})
            _append(session, released, run_id=run_id, now=now)
            return True
    return False


def release_files(
    session: Session, source_id: str, wanted: Collection[str], *, run_id: str, now: datetime
) -> tuple[QuarantineEntry, ...]:
    """Queue the held files again whose sha256 begins with one of `wanted`, or whose reason it is.

    For whoever must not name files: by what a table shows of them. Their history stays.
    """
    found = tuple(
        one
        for one in quarantined(session, source_id)
        if one.reason in wanted or (one.sha256 and any(one.sha256.startswith(w) for w in wanted))
    )
    for one in found:
        released = QuarantineEntry(**{**asdict(one), "state": "released"})
        _append(session, released, run_id=run_id, now=now)
    return found


def _append(session: Session, entry: QuarantineEntry, *, run_id: str, now: datetime) -> None:
    evidence = log.document(entry.evidence).decode() if entry.evidence else ""
    told = personal.commitments(session, entry.source_id, filter(None, (entry.path, evidence)))
    path = told[entry.path]
    doc = {**asdict(entry), "path": path, "evidence": told.get(evidence, {}), "run_id": run_id}
    log.record(session, schema.quarantine, doc, key=f"{entry.source_id}/{path}", now=now)


def _latest(session: Session, source_id: str | None) -> list[QuarantineEntry]:
    table = schema.quarantine
    if source_id is None:
        found = records.stored(session, table)
    else:
        found = records.stored(session, table, source_id=source_id)
    heard = personal.heard(session, found, "path", "evidence")
    return [_entry(row.doc) for row in records.latest_by(heard, "source_id", "path")]


def _entry(doc: Mapping[str, Any]) -> QuarantineEntry:
    known = {name: doc[name] for name in QuarantineEntry.__dataclass_fields__}
    said = doc["evidence"]
    if isinstance(said, str):  # what was erased leaves a commitment
        known["evidence"] = {} if said.startswith(personal.MARK) else json.loads(said)
    return QuarantineEntry(**known)
