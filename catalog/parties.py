"""Parties: who holds, gives or receives rights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from catalog import records, schema
from catalog.records import Change

OPERATOR = "operator"  # the party that runs this installation and makes its training sets


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A person or organisation that holds, gives or receives rights."""

    party_id: str
    name: str
    kind: str = "organisation"
    jurisdiction: str = ""
    fictional: bool = False


def register_party(session: Session, party: Party, *, now: datetime) -> Change:
    """Record a party; the same again changes nothing, other words are a new dated record."""
    return records.record_changed(
        session, schema.parties, asdict(party), column="party_id", now=now
    )


def party(session: Session, party_id: str) -> Party:
    """Look one party up."""
    return Party(
        **records.one_by_id(session, schema.parties, column="party_id", wanted=party_id).doc
    )


def parties(session: Session) -> tuple[Party, ...]:
    """Return all parties as they are known now."""
    rows = records.latest_by(records.stored(session, schema.parties), "party_id")
    return tuple(Party(**row.doc) for row in rows)
