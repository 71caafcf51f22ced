"""Pages of nouns as they are known now: sources, parties, files, quarantine, sets, runs, models."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Table, func, or_, select
from sqlalchemy.orm import Session

from catalog import log, personal, schema
from catalog.pages.paging import Window, holds, one_of, paged, paged_back, said
from catalog.parties import Party
from catalog.records import Stored
from catalog.runs import CheckpointRow, RunRow
from catalog.sources import Source
from catalog.training_sets import TrainingSetRow, training_sets_with


def sources_page(
    session: Session,
    window: Window,
    *,
    words: str = "",
    modality: str = "",
    owner: str = "",
    only: Collection[str] | None = None,
) -> tuple[tuple[Source, ...], str]:
    """Return sources by id: those with `words` in id, title or address, of a modality, an owner.

    With `only`, only those of them; they may be many.
    """
    table = schema.sources
    query = _latest(table, table.c.source_id)
    if words:
        places = (table.c.source_id, said(session, table, "title"), said(session, table, "uri"))
        query = query.where(or_(*(holds(one, words) for one in places)))
    for name, value in (("modality", modality), ("owner", owner)):
        if value:
            query = query.where(said(session, table, name) == value)
    if only is not None:
        query = query.where(one_of(session, table.c.source_id, only))
    rows, after = paged(session, query, window, keys=[table.c.source_id])
    return tuple(Source(**json.loads(row.doc)) for row in rows), after


def parties_page(
    session: Session, window: Window, *, words: str = ""
) -> tuple[tuple[Party, ...], str]:
    """Return parties by id: those with `words` in id or name."""
    table = schema.parties
    query = _latest(table, table.c.party_id)
    if words:
        places = (table.c.party_id, said(session, table, "name"))
        query = query.where(or_(*(holds(one, words) for one in places)))
    rows, after = paged(session, query, window, keys=[table.c.party_id])
    return tuple(Party(**json.loads(row.doc)) for row in rows), after


def files_page(
    session: Session, source_id: str, window: Window
) -> tuple[tuple[dict[str, Any], ...], str]:
    """Return what was found in a source last, path by path: the documents of its files."""
    table = schema.files
    return _by_path(session, _latest(table, table.c.path, source_id=source_id), window, table=table)


def quarantine_page(
    session: Session, source_id: str, window: Window
) -> tuple[tuple[dict[str, Any], ...], str]:
    """Return what is held now, of one source or, with "", of all: the documents by path."""
    table = schema.quarantine
    own = {"source_id": source_id} if source_id else {}
    query = _latest(table, table.c.source_id, table.c.path, **own).where(table.c.state == "held")
    return _by_path(session, query, window, table=table)


def sets_page(
    session: Session, window: Window, *, words: str = ""
) -> tuple[tuple[TrainingSetRow, ...], str]:
    """Return versions of training sets, the newest first."""
    table = schema.training_sets
    query = select(table.c.set_id)
    if words:
        query = query.where(holds(table.c.set_id, words))
    rows, after = paged_back(session, query, window, key=table.c.seq)
    return tuple(reversed(training_sets_with(session, [row.set_id for row in rows]))), after


def runs_page(
    session: Session, window: Window, *, set_id: str = ""
) -> tuple[tuple[RunRow, ...], str]:
    """Return training runs, the newest first, perhaps those on one training set."""
    table = schema.runs
    query = _latest(table, table.c.run_id)
    if set_id:
        query = query.where(table.c.set_id == set_id)
    rows, after = paged_back(session, query, window, key=table.c.seq)
    return tuple(RunRow(**json.loads(row.doc)) for row in rows), after


def checkpoints_page(
    session: Session, window: Window, *, run_id: str = ""
) -> tuple[tuple[CheckpointRow, ...], str]:
    """Return checkpoints, the newest first, perhaps those of one run."""
    table = schema.checkpoints
    query = select(table.c.doc)
    if run_id:
        query = query.where(table.c.run_id == run_id)
    rows, after = paged_back(session, query, window, key=table.c.seq)
    return tuple(CheckpointRow(**json.loads(row.doc)) for row in rows), after


def modalities(session: Session) -> dict[str, str]:
    """Return the modality of every source, by its id."""
    table = schema.sources
    query = _latest(table, table.c.source_id).with_only_columns(
        table.c.source_id, said(session, table, "modality")
    )
    return {one: str(word) for one, word in session.execute(query).all()}


def number_of(session: Session, table: Table, column: str, **where: str) -> int:
    """Return how many different values a column has, where others equal `where`."""
    query = select(func.count(table.c[column].distinct()))
    for name, value in where.items():
        query = query.where(table.c[name] == value)
    return int(session.execute(query).scalar() or 0)


def file_counts(session: Session, source_id: str) -> dict[str, int]:
    """Return how many paths of a source have each status now."""
    table = schema.files
    query = _latest(table, table.c.path, source_id=source_id).with_only_columns(
        table.c.status, func.count()
    )
    found = session.execute(query.group_by(table.c.status).order_by(table.c.status))
    return {status: int(number) for status, number in found}


def _latest(table: Table, *columns: ColumnElement[Any], **where: str) -> Select[Any]:
    """The last record of each combination of `columns`."""
    last = select(func.max(table.c.seq).label("seq")).group_by(*columns)
    for name, value in where.items():
        last = last.where(table.c[name] == value)
    latest = last.subquery()
    return select(table.c.doc).join(latest, latest.c.seq == table.c.seq)


def _by_path(
    session: Session, query: Select[Any], window: Window, *, table: Table
) -> tuple[tuple[dict[str, Any], ...], str]:
    """Documents in the order of their names, which stand apart so that they can be erased."""
    names = schema.personal
    spoken = func.coalesce(names.c.text, table.c.path)
    query = query.add_columns(table.c.seq, table.c.recorded_at).outerjoin(
        names, names.c.personal_id == table.c.path
    )
    rows, after = paged(session, query, window, keys=[spoken, table.c.seq])
    heard = personal.heard(session, [_stored(row) for row in rows], "path", "evidence")
    return tuple(row.doc for row in heard), after


def _stored(row: Row[Any]) -> Stored:
    return Stored(seq=row.seq, doc=json.loads(row.doc), recorded_at=log.instant_of(row.recorded_at))
