"""The append-only log: every record is a leaf of a Merkle tree, added in the record's transaction.

A leaf names the table, the key and the digest of the record's canonical document; the record names
its leaf. So a row that was edited, deleted, moved or slipped in behind our back is found and named
(`catalog.audit`). Leaves and their tree are those of RFC 9162 (`catalog.tree`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Table, insert, select
from sqlalchemy.orm import Session

from catalog import schema, tree
from catalog.engine import lock_writer
from licensing.manifest import sha256_hex
from licensing.merkle import leaf_hash

OWN: Final = frozenset({"seq", "leaf", "doc", "recorded_at"})  # columns no document repeats
TICK: Final = timedelta(microseconds=1)
_INSTANT: Final = "clearway.instant"


def stamp(now: datetime) -> str:
    """Write an instant so that text order is time order: UTC, microseconds.

    Raises:
        ValueError: for a naive datetime.
    """
    if now.tzinfo is None:
        raise ValueError("got a naive datetime, expected one with a time zone")
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def instant_of(text: str) -> datetime:
    """Read what `stamp` wrote."""
    return datetime.fromisoformat(text)


def document(doc: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes of a record: sorted keys, no spaces, days and instants as text.

    Not RFC 8785, which refuses the nanoseconds since 1970 as integers.
    """
    return _ENCODE(doc).encode()


def record(
    session: Session, table: Table, doc: Mapping[str, Any], *, key: str, now: datetime
) -> None:
    """Append one record and its leaf; the table's own columns are read from the document."""
    record_many(session, table, [(key, doc)], now=now)


def record_many(
    session: Session, table: Table, docs: Sequence[tuple[str, Mapping[str, Any]]], *, now: datetime
) -> None:
    """Append records, given as (key, document), and a leaf for each."""
    first, at = _next(session, now)
    said = [(key, document(doc)) for key, doc in docs]
    columns = [name for name in table.c.keys() if name not in OWN]  # noqa: SIM118 - a collection
    rows = [
        {"seq": index, "doc": text.decode(), "recorded_at": at, **_values(text, columns)}
        for index, (_key, text) in enumerate(said, first)
    ]
    leaves = [
        _leaf(index, table=table.name, key=key, digest=sha256_hex(text), at=at)
        for index, (key, text) in enumerate(said, first)
    ]
    if rows:
        session.execute(insert(table), rows)
        _append(session, first, leaves)


def record_bulk(
    session: Session, table: Table, rows: Sequence[Mapping[str, Any]], *, key: str, now: datetime
) -> int | None:
    """Append many small rows that share one leaf; return it, None when there are no rows."""
    if not rows:
        return None
    index, at = _next(session, now)
    leaf = _leaf(index, table=table.name, key=key, digest=_bulk_digest(rows), at=at)
    for start in range(0, len(rows), tree.WRITTEN):
        some = rows[start : start + tree.WRITTEN]
        session.execute(insert(table), [{**row, "leaf": index} for row in some])
    _append(session, index, [leaf])
    return index


def newest(session: Session) -> datetime | None:
    """Return the instant of the newest leaf, None if the log is empty."""
    leaves = schema.log_leaves
    query = select(leaves.c.recorded_at).order_by(leaves.c.leaf_index.desc()).limit(1)
    found = session.execute(query).scalar()
    return None if found is None else instant_of(found)


def append(
    session: Session, kind: str, *, subject: str, doc: Mapping[str, Any], now: datetime
) -> int:
    """Append a leaf for something that is kept elsewhere, as a paper; return its index."""
    index, at = _next(session, now)
    leaf = _leaf(index, table="", key=subject, digest=sha256_hex(document(doc)), at=at, kind=kind)
    _append(session, index, [leaf])
    return index


def instant(session: Session, now: datetime) -> datetime:
    """The recorded time of whatever this transaction appends next.

    It is later than that of every earlier transaction, whatever the clock does: what was known at
    an instant is a number of whole transactions, the same each time it is asked.
    """
    return instant_of(_next(session, now)[1])


def size_at(session: Session, known: datetime | None) -> int | None:
    """How many entries the log held at `known`: what was known then lies under the leaves before.

    None, for now, is no limit.
    """
    if known is None:
        return None
    table, at = schema.log_leaves, stamp(known)
    low, high = 0, tree.size(session)
    while low < high:  # later leaves were recorded later, or in the same transaction
        middle = (low + high) // 2
        query = select(table.c.recorded_at).where(table.c.leaf_index == middle)
        if str(session.execute(query).scalar()) <= at:
            low = middle + 1
        else:
            high = middle
    return low


def leaf_document(*, kind: str, table: str, key: str, digest: str, at: str) -> bytes:
    """The bytes of a leaf: what its hash is over."""
    said = {"kind": kind, "table_name": table, "key": key, "digest": digest, "recorded_at": at}
    return document(said)


def bulk_document(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """The bytes of the rows that share a leaf, in an order that is theirs alone."""
    return b"\n".join(_bulk_lines(rows))


def column_value(value: object) -> object:
    """What of a document stands in a column of its own: a list as its canonical text."""
    return _ENCODE(value) if isinstance(value, list) else value


def _bulk_lines(rows: Iterable[Mapping[str, Any]]) -> list[bytes]:
    return sorted(
        document({name: value for name, value in row.items() if name != "leaf"}) for row in rows
    )


def _bulk_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """The digest of `bulk_document`, whose bytes are not joined: they may be many."""
    digest = hashlib.sha256()
    for number, line in enumerate(_bulk_lines(rows)):
        digest.update(b"\n" + line if number else line)
    return digest.hexdigest()


def _next(session: Session, now: datetime) -> tuple[int, str]:
    """The next leaf and its instant."""
    lock_writer(session)
    leaves = schema.log_leaves
    query = select(leaves.c.leaf_index, leaves.c.recorded_at).order_by(leaves.c.leaf_index.desc())
    last = session.execute(query.limit(1)).first()
    current, floor = session.get_transaction(), ""
    begun = session.info.get(_INSTANT)
    if begun is not None and begun[0] is current:
        floor = begun[1]
    elif last is not None:
        floor = stamp(instant_of(last.recorded_at) + TICK)
    at = max(stamp(now), floor)
    session.info[_INSTANT] = (current, at)
    return 0 if last is None else last.leaf_index + 1, at


def _append(session: Session, first: int, leaves: Sequence[Mapping[str, Any]]) -> None:
    for start in range(0, len(leaves), tree.WRITTEN):
        session.execute(insert(schema.log_leaves), leaves[start : start + tree.WRITTEN])
    tree.grow(session, first, [bytes.fromhex(one["leaf_hash"]) for one in leaves])


def _leaf(
    index: int, *, table: str, key: str, digest: str, at: str, kind: str = ""
) -> dict[str, Any]:
    kind = kind or table
    said = leaf_document(kind=kind, table=table, key=key, digest=digest, at=at)
    return {
        "leaf_index": index, "kind": kind, "table_name": table, "key": key, "digest": digest,
        "leaf_hash": leaf_hash(said).hex(), "recorded_at": at,
    }  # fmt: skip


def _values(text: bytes, columns: Iterable[str]) -> dict[str, Any]:
    doc = json.loads(text)
    return {name: column_value(doc[name]) for name in columns}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a record cannot hold a {type(value).__name__}")


_ENCODE: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain
).encode
