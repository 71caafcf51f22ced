"""How nouns are recorded and looked up: append what is new, read the latest, find one by its id."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Select, Table, select
from sqlalchemy.orm import Session

from catalog import log
from catalog.errors import NotFound

LOOKED_UP = 500  # ids in one query: databases limit the parameters of a statement
_LISTED = {
    "sources": "source list", "parties": "party list", "requests": "request list",
    "training_sets": "set list", "decisions": "audit list decisions", "runs": "audit list runs",
    "checkpoints": "audit list checkpoints", "releases": "release list",
}  # fmt: skip
SHOWN = 5  # how many candidates an ambiguous id names


class Change(StrEnum):
    """What recording did: the first word, another word, or nothing new."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A record as it lies in its table."""

    seq: int
    doc: dict[str, Any]
    recorded_at: datetime


def record_changed(
    session: Session, table: Table, doc: Mapping[str, Any], *, column: str, now: datetime
) -> Change:
    """Append the record unless the latest one with its id in `column` says the same already."""
    key = str(doc[column])
    latest = _matching(session, table, {column: key})
    if latest and log.document(latest[-1].doc) == log.document(doc):
        return Change.UNCHANGED
    log.record(session, table, doc, key=key, now=now)
    return Change.CHANGED if latest else Change.ADDED


def stored(
    session: Session, table: Table, *, known: datetime | None = None, **where: str
) -> list[Stored]:
    """Return the records whose columns equal `where`, oldest first, as known at `known`."""
    return _matching(session, table, where, known=known)


def between(session: Session, table: Table, *, since: datetime, until: datetime) -> list[Stored]:
    """Return the records that were made after `since` and up to `until`, oldest first."""
    first = log.size_at(session, since)
    return _read(session, _select(table, until).where(table.c.seq >= first))


def stored_any(
    session: Session,
    table: Table,
    column: str,
    *,
    wanted: Iterable[str],
    known: datetime | None = None,
    **where: str,
) -> list[Stored]:
    """Return the records whose `column` is one of `wanted`, oldest first, as known at `known`.

    Their other columns equal `where`.
    """
    found = []
    for some in chunks(wanted):
        query = _select(table, known).where(table.c[column].in_(some))
        for name, value in where.items():
            query = query.where(table.c[name] == value)
        found += _read(session, query)
    return sorted(found, key=lambda row: row.seq)


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """Yield the distinct ids in order, no more at once than a query may name."""
    listed = sorted(set(ids))
    for start in range(0, len(listed), LOOKED_UP):
        yield listed[start : start + LOOKED_UP]


def latest_by(rows: list[Stored], *names: str) -> list[Stored]:
    """Return the last record of each combination of `names`, in the order of the first ones."""
    kept: dict[tuple[Any, ...], Stored] = {}
    for row in rows:
        kept[tuple(row.doc[name] for name in names)] = row
    return list(kept.values())


def one_by_id(
    session: Session, table: Table, *, column: str, wanted: str, known: datetime | None = None
) -> Stored:
    """Return the latest record with this id, or with the only id that begins with it.

    With `known`, the latest that was on record then.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
    """
    exact = _matching(session, table, {column: wanted}, known=known)
    if exact:
        return exact[-1]
    whole = begun(session, table.c[column], wanted, what=f"ids of {table.name}")
    found = [] if whole is None else _matching(session, table, {column: whole}, known=known)
    if found:
        return found[-1]
    then = "" if known is None else f" at {log.stamp(known)}"
    raise NotFound(
        f"{table.name} hold no {wanted!r}{then}",
        code="UNKNOWN_ID", subject=wanted,
        way_out=f"`clearway {_LISTED.get(table.name, 'audit list KIND')}` shows what is on record",
    )  # fmt: skip


def begun(session: Session, column: Column[str], wanted: str, *, what: str) -> str | None:
    """Return the only value of `column` that begins with `wanted`, None if there is none.

    Raises:
        NotFound: AMBIGUOUS_ID; `what` says what there are several of.
    """
    begins = column.startswith(wanted, autoescape=True)
    query = select(column).where(begins).distinct().limit(SHOWN + 1)
    found = sorted(session.execute(query).scalars()) if wanted else []
    if len(found) > 1:
        raise NotFound(
            f"{wanted} begins {len(found)} {what}: {', '.join(found[:SHOWN])}",
            code="AMBIGUOUS_ID", subject=wanted, way_out="give more of the id",
        )  # fmt: skip
    return found[0] if found else None


def _matching(
    session: Session, table: Table, where: Mapping[str, str], *, known: datetime | None = None
) -> list[Stored]:
    query = _select(table, known)
    for name, value in where.items():
        query = query.where(table.c[name] == value)
    return _read(session, query)


def _select(table: Table, known: datetime | None) -> Select[Any]:
    query = select(table.c.seq, table.c.doc, table.c.recorded_at).order_by(table.c.seq)
    return query if known is None else query.where(table.c.recorded_at <= log.stamp(known))


def _read(session: Session, query: Select[Any]) -> list[Stored]:
    return [
        Stored(seq=seq, doc=json.loads(doc), recorded_at=log.instant_of(at))
        for seq, doc, at in session.execute(query)
    ]
