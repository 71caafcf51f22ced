"""Sources: registered origins of recordings. A changed description is a new dated record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import mentions, records, schema
from catalog.records import Change


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One origin: one prefix in the lake, one Dagster partition, one unit of erasure.

    `streams` maps each physical stream to its rights stream, `config` speaks to the reader, `clips`
    to those who cut, filter and split: a change of it re-reads no file. `acquisition` is how it was
    come by, one of the classes that documents ask for; `obtained` says it in words.
    """

    source_id: str
    uri: str
    modality: str
    reader: str = "auto"
    owner: str = ""
    title: str = ""
    attribution: str = ""
    fictional: bool = False
    acquisition: str = ""
    obtained: str = ""
    streams: Mapping[str, str] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    clips: Mapping[str, Any] = field(default_factory=dict)


def register_source(session: Session, source: Source, *, now: datetime) -> Change:
    """Record a source; the same again changes nothing, other words are a new dated record."""
    doc = {name: getattr(source, name) for name in Source.__dataclass_fields__}
    doc |= {name: dict(doc[name]) for name in ("streams", "config", "clips")}
    for name in ("clips", "acquisition", "obtained"):
        if not doc[name]:
            del doc[name]  # what is on record from before they were asked for stays the same record
    mentions.note(session, mentions.of_source(doc))
    return records.record_changed(session, schema.sources, doc, column="source_id", now=now)


def source(session: Session, source_id: str, *, known: datetime | None = None) -> Source:
    """Look one source up, as it was described at `known`."""
    found = records.one_by_id(
        session, schema.sources, column="source_id", wanted=source_id, known=known
    )
    return Source(**found.doc)


def marks(session: Session, source_id: str) -> dict[str, Any]:
    """Return how far the records of a source have come: the same again, nothing was recorded."""
    ledger = schema.ops_ledger
    found: dict[str, Any] = {}
    for table in (schema.sources, schema.files, schema.quarantine, schema.episodes,
                  schema.clips, schema.facts, schema.fact_ends):  # fmt: skip
        column = table.c.leaf if "leaf" in table.c else table.c.seq
        query = select(func.max(column)).where(table.c.source_id == source_id)
        found[table.name] = session.execute(query).scalar()
    states = (
        select(ledger.c.state, func.count(), func.max(ledger.c.seq))
        .where(ledger.c.source_id == source_id).group_by(ledger.c.state).order_by(ledger.c.state)
    )  # fmt: skip
    return found | {"ledger": [list(row) for row in session.execute(states)]}


def sources(session: Session, *, known: datetime | None = None) -> tuple[Source, ...]:
    """Return all sources as they were known at `known`, in the order of their registration."""
    rows = records.latest_by(records.stored(session, schema.sources, known=known), "source_id")
    return tuple(Source(**row.doc) for row in rows)


def sources_with(session: Session, ids: Iterable[str]) -> tuple[Source, ...]:
    """Return these sources as they are described now; an id that is no source's is left out."""
    rows = records.stored_any(session, schema.sources, "source_id", wanted=ids)
    return tuple(Source(**row.doc) for row in records.latest_by(rows, "source_id"))
