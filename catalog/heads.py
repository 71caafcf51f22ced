"""Signed heads of the log, and what a head proves: entries with their paths, growth since another.

In: notes that the station signed. Out: the newest one, and proofs for a file that stands by itself.
A head is recorded as a leaf of its own, after those that it is over.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from catalog import log, schema, tree
from catalog.errors import LogBroken, NotFound
from catalog.records import begun

PAGE = 1_000  # heads in memory at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A head as it was signed: `note` says size and root under a signature."""

    size: int
    root: str
    note: str


def origin(session: Session) -> str:
    """The name of this log, made of its first leaf; "" while it has none."""
    leaves = schema.log_leaves
    first = session.execute(select(leaves.c.leaf_hash).where(leaves.c.leaf_index == 0)).scalar()
    return "" if first is None else f"clearway/{str(first)[:16]}"


def record_head(session: Session, head: Head, *, now: datetime) -> None:
    """Record a head that was just signed."""
    doc = {"size": head.size, "root": head.root, "note": head.note}
    log.record(session, schema.log_heads, doc, key=str(head.size), now=now)


def current_head(session: Session) -> Head | None:
    """The newest head, None if there is none or if anything was appended after it."""
    table = schema.log_heads
    query = select(table.c.seq, table.c.doc).order_by(table.c.seq.desc()).limit(1)
    last = session.execute(query).first()
    return None if last is None or last.seq + 1 < tree.size(session) else _head(last.doc)


def newest_head(session: Session) -> Head | None:
    """The newest head, whatever was appended after it; None if none was signed."""
    query = select(schema.log_heads.c.doc).order_by(schema.log_heads.c.seq.desc()).limit(1)
    last = session.execute(query).scalar()
    return None if last is None else _head(last)


def heads(session: Session) -> Iterator[Head]:
    """Every head, oldest first."""
    query = select(schema.log_heads.c.doc).order_by(schema.log_heads.c.seq)
    for doc in session.execute(query.execution_options(yield_per=PAGE)).scalars():
        yield _head(doc)


def leaves_of(session: Session, wanted: str) -> tuple[int, ...]:
    """The leaves whose key is `wanted`, or the only key that begins with it.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
    """
    leaves = schema.log_leaves
    found = _leaves_with(session, wanted)
    if found or not wanted:
        return found
    whole = begun(session, leaves.c.key, wanted, what="keys of the log")
    if whole is not None:
        return _leaves_with(session, whole)
    raise NotFound(
        f"the log has no entry of {wanted!r}",
        code="UNKNOWN_ID", subject=wanted,
        way_out="`clearway audit list KIND` shows the ids of what is on record",
    )  # fmt: skip


def entries(session: Session, leaves: Sequence[int], *, size: int) -> list[dict[str, Any]]:
    """What proves that these leaves are in the log of `size`: each with its path and document.

    Raises:
        PaperError: LEAF_UNKNOWN if that log has no such leaf.
    """
    return [_entry(session, one, size) for one in leaves]


def growth(session: Session, old: Head, *, size: int) -> dict[str, Any]:
    """What proves that the log of `size` begins with all that `old` is over, unchanged.

    Raises:
        LogBroken: LOG_BROKEN if it does not.
    """
    if old.size > size or tree.head(session, old.size)[1] != old.root:
        raise LogBroken(
            f"the log of {size} entries does not begin with the {old.size} that were signed",
            code="LOG_BROKEN", subject=f"log_heads {old.size}",
            way_out="`clearway audit log verify` names what is wrong; restore a backup",
        )  # fmt: skip
    path = tree.consistency(session, old.size, size)
    return {"note": old.note, "path": [one.hex() for one in path]}


def _leaves_with(session: Session, key: str) -> tuple[int, ...]:
    leaves = schema.log_leaves
    query = select(leaves.c.leaf_index).where(leaves.c.key == key).order_by(leaves.c.leaf_index)
    return tuple(session.execute(query).scalars())


def _entry(session: Session, index: int, size: int) -> dict[str, Any]:
    leaves = schema.log_leaves
    leaf = session.execute(select(leaves).where(leaves.c.leaf_index == index)).one()
    said = log.leaf_document(
        kind=leaf.kind, table=leaf.table_name, key=leaf.key, digest=leaf.digest, at=leaf.recorded_at
    )
    return {
        "index": index,
        "leaf": said.decode(),
        "path": [one.hex() for one in tree.inclusion(session, index, size)],
        "document": _document(session, leaf),
    }


def _document(session: Session, leaf: Row[Any]) -> str | None:
    """The text that the leaf is about; None for a paper, and for rows that share the leaf."""
    table = schema.metadata.tables.get(leaf.table_name)
    if table is None or table in schema.BULK:
        return None
    query = select(table.c.doc).where(table.c.seq == leaf.leaf_index)
    return str(session.execute(query).scalar_one())


def _head(text: str) -> Head:
    doc = json.loads(text)
    return Head(size=doc["size"], root=doc["root"], note=doc["note"])
