"""A page of a query: the rows after a cursor, and the cursor of the next page.

A page is found by the keys of the last row before it, never by counting rows: it costs what it
shows, wherever it lies, and rows that are added meanwhile move nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    JSON,
    ColumnElement,
    FromClause,
    Integer,
    Row,
    Select,
    String,
    TableValuedAlias,
    cast,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from catalog.engine import among
from catalog.errors import BadCursor

SHOWN: Final = 50
MOST: Final = 1_000
_BOUND: Final = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which page: at most `limit` rows after the one that the cursor `after` names."""

    after: str = ""
    limit: int = SHOWN


def paged(
    session: Session, query: Select[Any], window: Window, *, keys: Sequence[ColumnElement[Any]]
) -> tuple[list[Row[Any]], str]:
    """Return the rows of a page, by `keys`, and the cursor of the next page, "" at the end.

    `keys` are never null, and tell every row from every other.

    Raises:
        BadCursor: CURSOR_INVALID.
    """
    limit = max(1, min(window.limit, MOST))
    if window.after:
        last = _values(window.after, keys)
        query = query.where(tuple_(*keys) > tuple_(*(literal(one) for one in last)))
    named = [key.label(f"key_{at}") for at, key in enumerate(keys)]
    found = session.execute(query.add_columns(*named).order_by(*keys).limit(limit + 1)).all()
    if len(found) <= limit:
        return list(found), ""
    return list(found[:limit]), _cursor(found[limit - 1][-len(keys) :])


def paged_back(
    session: Session, query: Select[Any], window: Window, *, key: ColumnElement[int]
) -> tuple[list[Row[Any]], str]:
    """Return the rows of a page by a number that tells them apart, the largest first.

    Raises:
        BadCursor: CURSOR_INVALID.
    """
    limit = max(1, min(window.limit, MOST))
    if window.after:
        (last,) = _values(window.after, [key])
        query = query.where(key < last)
    named = query.add_columns(key.label("key_0")).order_by(key.desc())
    found = session.execute(named.limit(limit + 1)).all()
    if len(found) <= limit:
        return list(found), ""
    return list(found[:limit]), _cursor(found[limit - 1][-1:])


def said(session: Session, table: FromClause, *path: str) -> ColumnElement[str]:
    """A field of a table's documents as text, by its path; null where a document lacks it."""
    return field(session, table.c.doc, *path)


def field(session: Session, column: ColumnElement[Any], *path: str | int) -> ColumnElement[str]:
    """A field of JSON as text, by its path of names and numbers; null where it is not there."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(func.json_extract_path_text(cast(column, JSON), *map(str, path)), String)
    steps = "".join(f"[{one}]" if isinstance(one, int) else f'."{one}"' for one in path)
    return func.json_extract(column, f"${steps}", type_=String)


def items(session: Session, table: FromClause, name: str) -> TableValuedAlias:
    """The items of a list in a table's documents, to be joined: JSON in the column `value`."""
    if session.get_bind().dialect.name == "postgresql":
        listed = func.json_extract_path(cast(table.c.doc, JSON), name)
        return func.json_array_elements(listed).table_valued("value")
    return func.json_each(table.c.doc, f'$."{name}"').table_valued("value")


def one_of(
    session: Session, column: ColumnElement[str], ids: Collection[str]
) -> ColumnElement[bool]:
    """The condition that a column is one of these ids, which are one parameter however many."""
    if session.get_bind().dialect.name == "postgresql":
        return among(session, column, sorted(ids))
    listed = func.json_each(json.dumps(sorted(ids))).table_valued("value")
    return column.in_(select(listed.c.value))


def holds(column: ColumnElement[str], words: str) -> ColumnElement[bool]:
    """The condition that a text holds these words, whatever their case."""
    return func.lower(column).contains(words.lower(), autoescape=True)


def _cursor(values: Sequence[Any]) -> str:
    text = json.dumps(list(values), separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _values(cursor: str, keys: Sequence[ColumnElement[Any]]) -> list[Any]:
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        found = json.loads(raw)
    except (ValueError, binascii.Error, RecursionError) as error:
        raise _invalid(cursor) from error
    if not isinstance(found, list) or len(found) != len(keys):
        raise _invalid(cursor)
    if not all(_fits(one, key) for one, key in zip(found, keys, strict=True)):
        raise _invalid(cursor)
    return found


def _fits(value: object, key: ColumnElement[Any]) -> bool:
    """Whether a database would compare the value with the key: of its kind, and within bounds."""
    if isinstance(key.type, Integer):
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _BOUND
    if not isinstance(value, str) or "\x00" in value:
        return False
    return not any("\ud800" <= one <= "\udfff" for one in value)


def _invalid(cursor: str) -> BadCursor:
    return BadCursor(
        f"cursor {cursor[:40]!r} is none that a page of this list gave",
        code="CURSOR_INVALID", subject=cursor[:40], way_out="begin at the first page",
    )  # fmt: skip
