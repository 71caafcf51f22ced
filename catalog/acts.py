"""Acts: what a person did through the console or the command line, beside what came of it.

An act is recorded in the transaction of what it records: neither is there without the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from catalog import access_schema, log, records


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who did what to what; `about` says the rest."""

    act: str
    actor: str
    subject: str
    about: Mapping[str, Any]
    recorded_at: datetime


def record_act(
    session: Session,
    act: str,
    *,
    actor: str,
    subject: str,
    now: datetime,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Record that `actor` did `act` to `subject`, in the caller's transaction."""
    doc = {"act": act, "actor": actor, "subject": subject, "about": dict(about or {})}
    log.record(session, access_schema.acts, doc, key=subject, now=now)


def acts(session: Session, *, subject: str = "") -> tuple[Act, ...]:
    """Return the acts on one subject, or all, oldest first."""
    where = {"subject": subject} if subject else {}
    found = records.stored(session, access_schema.acts, known=None, **where)
    return tuple(Act(**row.doc, recorded_at=row.recorded_at) for row in found)
