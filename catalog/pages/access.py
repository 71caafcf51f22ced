"""Pages of the access log: who signed in, and which act or question was refused to whom."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from catalog import access_schema
from catalog.accounts import Access
from catalog.log import instant_of
from catalog.pages.paging import Window, holds, paged_back

SIGNED_IN: Final = "SIGNED_IN"
KINDS: Final = ("", "signed in", "refused")


def access_page(
    session: Session, window: Window, *, words: str = "", kind: str = ""
) -> tuple[tuple[tuple[datetime, Access], ...], str]:
    """Return entries with their instants, the newest first.

    With `words`, those that hold them in account or address; of one of KINDS, those alone.
    """
    table = access_schema.ops_access
    query = select(table)
    if words:
        query = query.where(or_(holds(table.c.account, words), holds(table.c.subject, words)))
    if kind == "signed in":
        query = query.where(table.c.outcome == SIGNED_IN)
    elif kind == "refused":
        query = query.where(table.c.outcome != SIGNED_IN)
    rows, after = paged_back(session, query, window, key=table.c.seq)
    found = (
        (
            instant_of(row.at),
            Access(account=row.account, what=row.what, outcome=row.outcome, subject=row.subject,
                   origin=row.origin),
        )
        for row in rows
    )  # fmt: skip
    return tuple(found), after
