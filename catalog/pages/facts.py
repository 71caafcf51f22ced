"""Pages of facts: of one source, what ends soon, what nobody has read, what is owed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from catalog import facts, log, schema
from catalog.layers import Fact
from catalog.pages.paging import Window, paged, said
from catalog.records import Stored

_READ = (schema.facts.c.seq, schema.facts.c.doc, schema.facts.c.recorded_at)


def facts_page(
    session: Session, source_id: str, window: Window, *, kinds: Sequence[str]
) -> tuple[tuple[Fact, ...], str]:
    """Return the facts of these kinds about a source, oldest first, ended ones too."""
    table = schema.facts
    query = select(*_READ).where(table.c.source_id == source_id, table.c.kind.in_(kinds))
    return _page(session, query, window, keys=[table.c.seq])


def ending_page(
    session: Session, window: Window, *, since: date, until: date
) -> tuple[tuple[Fact, ...], str]:
    """Return the facts that end by themselves after `since` and up to `until`, the next first.

    One that was ended before is left out.
    """
    table = schema.facts
    query = (
        select(*_READ)
        .where(table.c.valid_to > since.isoformat(), table.c.valid_to <= until.isoformat())
        .where(_is_open(since))
    )
    return _page(session, query, window, keys=[table.c.valid_to, table.c.seq])


def number_ending(session: Session, *, since: date, until: date) -> int:
    """Return how many facts end by themselves after `since` and up to `until`."""
    table = schema.facts
    query = (
        select(func.count())
        .where(table.c.valid_to > since.isoformat(), table.c.valid_to <= until.isoformat())
        .where(_is_open(since))
    )
    return int(session.execute(query).scalar() or 0)


def unread_page(session: Session, window: Window) -> tuple[tuple[Fact, ...], str]:
    """Return the signals that stand and that no reader could take, oldest first."""
    table = schema.facts
    ends = schema.fact_ends
    query = (
        select(*_READ)
        .where(table.c.kind == "signal", said(session, table, "said", "unread").is_not(None))
        .where(~select(ends.c.seq).where(ends.c.fact_id == table.c.fact_id).exists())
    )
    return _page(session, query, window, keys=[table.c.seq])


def duties_page(session: Session, window: Window) -> tuple[tuple[Fact, ...], str]:
    """Return the duties whose last state on record is not `met`: by deadline, without one last."""
    table = schema.facts
    paper, duty = (said(session, table, "said", name) for name in ("instrument", "duty"))
    last = (
        select(func.max(table.c.seq).label("seq")).where(table.c.kind == "obligation")
        .group_by(table.c.source_id, paper, duty).subquery()
    )  # fmt: skip
    state = func.coalesce(said(session, table, "said", "state"), "")
    deadline = func.coalesce(said(session, table, "said", "deadline"), "9999-12-31")
    query = select(*_READ).join(last, last.c.seq == table.c.seq).where(state != "met")
    return _page(session, query, window, keys=[deadline, table.c.seq])


def _is_open(day: date) -> ColumnElement[bool]:
    """No end of the fact has come by this day."""
    ends = schema.fact_ends
    over = (ends.c.kind == "void") | (ends.c.ends_at <= day.isoformat())
    return ~select(ends.c.seq).where(ends.c.fact_id == schema.facts.c.fact_id, over).exists()


def _page(
    session: Session, query: Select[Any], window: Window, *, keys: list[ColumnElement[Any]]
) -> tuple[tuple[Fact, ...], str]:
    rows, after = paged(session, query, window, keys=keys)
    stored = [
        Stored(seq=row.seq, doc=json.loads(row.doc), recorded_at=log.instant_of(row.recorded_at))
        for row in rows
    ]
    return facts.heard(session, stored), after
