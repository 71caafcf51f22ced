"""Search by the beginning of an id, and by the name of a file: a few of each kind."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ColumnElement, select
from sqlalchemy.orm import Session

from catalog import files, records, schema
from catalog.files import FileEntry
from catalog.pages.paging import holds

FEW: Final = 10
_IDS: Final[tuple[tuple[str, Column[str]], ...]] = (
    ("request", schema.requests.c.name),
    ("decision", schema.decisions.c.decision_id),
    ("training set", schema.training_sets.c.set_id),
    ("run", schema.runs.c.run_id),
    ("checkpoint", schema.checkpoints.c.checkpoint_id),
    ("release", schema.releases.c.release_id),
    ("episode", schema.episodes.c.episode_id),
    ("clip", schema.clips.c.clip_id),
    ("file", schema.files.c.sha256),
)
_LAST: Final = "\U0010ffff"


def beginning_with(session: Session, words: str) -> tuple[tuple[str, str], ...]:
    """Return (kind, id) of what is on record under an id that begins with `words`.

    On SQLite the bounds are plain comparisons, which an index answers; PostgreSQL may compare texts
    by the rules of a language.
    """
    found = []
    for kind, column in _IDS:
        begins: ColumnElement[bool] = (column >= words) & (column < words + _LAST)
        if session.get_bind().dialect.name == "postgresql":
            begins = column.startswith(words, autoescape=True)
        query = select(column).where(begins).distinct().order_by(column).limit(FEW)
        found += [(kind, str(one)) for one in session.execute(query).scalars()]
    return tuple(found)


def files_named(session: Session, words: str) -> tuple[FileEntry, ...]:
    """Return the last entry of a few files whose path holds `words`, in any case.

    It reads the names of all files: 30 ms for 200,000 of them. A name that was erased is not found.
    """
    table, told = schema.files, schema.personal
    is_file = (
        select(table.c.seq)
        .where(table.c.source_id == told.c.source_id, table.c.path == told.c.personal_id).exists()
    )  # fmt: skip
    query = (
        select(told.c.source_id, told.c.personal_id)
        .where(holds(told.c.text, words)).where(is_file).limit(FEW)
    )  # fmt: skip
    by_source: dict[str, list[str]] = {}
    for source_id, name in session.execute(query):
        by_source.setdefault(source_id, []).append(name)
    rows = [
        row for source_id, names in sorted(by_source.items())
        for row in records.stored_any(session, table, "path", wanted=names, source_id=source_id)
    ]  # fmt: skip
    return files.last_entries(session, rows)
