"""Requests: the uses that somebody asked for, under a name and a version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from catalog import log, records, schema
from catalog.records import Change
from licensing.manifest import sha256_hex


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRequest:
    """One version of a request; other words under the same name are the next version."""

    name: str
    version: int
    doc: Mapping[str, Any]
    digest: str


def save_request(session: Session, name: str, doc: Mapping[str, Any], *, now: datetime) -> Change:
    """Record a request; the same again changes nothing."""
    digest = sha256_hex(log.document(doc))
    earlier = records.stored(session, schema.requests, name=name)
    if earlier and earlier[-1].doc["digest"] == digest:
        return Change.UNCHANGED
    values = {"name": name, "version": len(earlier) + 1, "digest": digest}
    log.record(session, schema.requests, {**values, "request": dict(doc)}, key=name, now=now)
    return Change.CHANGED if earlier else Change.ADDED


def request(session: Session, name: str) -> StoredRequest:
    """Look the latest version of a request up."""
    return _stored(records.one_by_id(session, schema.requests, column="name", wanted=name).doc)


def requests(session: Session, *, known: datetime | None = None) -> tuple[StoredRequest, ...]:
    """Return the latest version of every request that was on record at `known`."""
    rows = records.latest_by(records.stored(session, schema.requests, known=known), "name")
    return tuple(_stored(row.doc) for row in rows)


def _stored(doc: Mapping[str, Any]) -> StoredRequest:
    return StoredRequest(
        name=doc["name"], version=doc["version"], doc=doc["request"], digest=doc["digest"]
    )
