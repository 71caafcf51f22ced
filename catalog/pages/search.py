"""Search by the beginning of an id: of whatever has one, a few of each kind."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, ColumnElement, select
from sqlalchemy.orm import Session

from catalog import schema

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
