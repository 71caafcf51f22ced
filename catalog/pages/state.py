"""The state of the record as a word: while it stays the same, so does whatever is read of it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from catalog import schema, tree


def state(session: Session) -> str | None:
    """Return the root of the log, which commits to every record in it, with its size.

    None while an erasure is under way: names go before its certificate is a leaf of the log.
    """
    erasing = select(schema.ops_erasures.c.subject).limit(1)
    if session.execute(erasing).first() is not None:
        return None
    size, root = tree.head(session)
    return f"{size}-{root}"
