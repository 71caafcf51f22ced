"""The append-only log: every record is a leaf of a Merkle tree, added in the record's transaction.

A leaf names the table, the key and the digest of the record's canonical document; the record names
its leaf. So a row that was edited, deleted, moved or slipped in behind our back is found and named.
Leaves, heads and proofs are those of RFC 9162 (`licensing.merkle`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, Table, func, insert, select
from sqlalchemy.orm import Session

from catalog import schema
from catalog.engine import lock_writer
from licensing.manifest import sha256_hex
from licensing.merkle import leaf_hash, tree_head

WRITTEN = 10_000  # rows written or read at once: a source may have a million parts
_OWN = {"seq", "leaf", "doc", "recorded_at"}  # columns that a document does not repeat


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """What a full reading of the log found; `broken` names table and key of each fault."""

    size: int
    root: str
    broken: tuple[str, ...]


class _Promise(NamedTuple):
    key: str
    digest: str
    recorded_at: str


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
    return json.dumps(
        doc, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain
    ).encode()


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
    columns = [name for name in table.c.keys() if name not in _OWN]  # noqa: SIM118 - a collection
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
        session.execute(insert(schema.log_leaves), leaves)


def record_bulk(
    session: Session, table: Table, rows: Sequence[Mapping[str, Any]], *, key: str, now: datetime
) -> int | None:
    """Append many small rows that share one leaf; return it, None when there are no rows."""
    if not rows:
        return None
    index, at = _next(session, now)
    leaf = _leaf(index, table=table.name, key=key, digest=_bulk_digest(rows), at=at)
    for start in range(0, len(rows), WRITTEN):
        some = rows[start : start + WRITTEN]
        session.execute(insert(table), [{**row, "leaf": index} for row in some])
    session.execute(insert(schema.log_leaves), [leaf])
    return index


def append(
    session: Session, kind: str, *, subject: str, doc: Mapping[str, Any], now: datetime
) -> int:
    """Append a leaf for something that is kept elsewhere, as a paper; return its index."""
    index, at = _next(session, now)
    leaf = _leaf(index, table="", key=subject, digest=sha256_hex(document(doc)), at=at, kind=kind)
    session.execute(insert(schema.log_leaves), [leaf])
    return index


def head(session: Session) -> tuple[int, str]:
    """Return size and root (hex) of the log."""
    hashes = leaf_hashes(session)
    return len(hashes), tree_head(hashes).hex()


def leaf_hashes(session: Session) -> list[bytes]:
    """Return the hashes of all leaves in their order: what proofs are made of."""
    column = schema.log_leaves.c.leaf_hash
    found = session.execute(select(column).order_by(schema.log_leaves.c.leaf_index)).scalars()
    return [bytes.fromhex(one) for one in found]


def verify_log(session: Session) -> LogReport:
    """Read everything again: leaves, their hashes, and the rows that they vouch for."""
    promised: dict[str, dict[int, _Promise]] = {"": {}}
    broken = list(_broken_leaves(session, promised))
    for table in schema.metadata.sorted_tables:
        mine = promised.pop(table.name, {})
        if table in schema.BULK:
            broken += _broken_bulk(session, table, mine)
        elif "seq" in table.c and not table.name.startswith("ops_"):
            broken += _broken_records(session, table, mine)
    promised.pop("")
    broken += [f"log_leaves: leaves for an unknown table {name}" for name in sorted(promised)]
    size, root = head(session)
    return LogReport(size=size, root=root, broken=tuple(broken))


def _next(session: Session, now: datetime) -> tuple[int, str]:
    """The next leaf and its instant: recorded time never runs back, whatever the clock does."""
    lock_writer(session)
    leaves = schema.log_leaves
    index = session.execute(select(func.max(leaves.c.leaf_index))).scalar()
    if index is None:
        return 0, stamp(now)
    last = session.execute(select(leaves.c.recorded_at).where(leaves.c.leaf_index == index))
    return index + 1, max(stamp(now), last.scalar_one())


def _leaf(
    index: int, *, table: str, key: str, digest: str, at: str, kind: str = ""
) -> dict[str, Any]:
    said = {
        "kind": kind or table, "table_name": table, "key": key, "digest": digest, "recorded_at": at
    }  # fmt: skip
    return {**said, "leaf_index": index, "leaf_hash": leaf_hash(document(said)).hex()}


def _values(text: bytes, columns: Iterable[str]) -> dict[str, Any]:
    doc = json.loads(text)
    return {name: doc[name] for name in columns}


def _bulk_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    said = sorted(
        document({name: value for name, value in row.items() if name != "leaf"}) for row in rows
    )
    return sha256_hex(b"\n".join(said))


def _broken_leaves(session: Session, promised: dict[str, dict[int, _Promise]]) -> Iterator[str]:
    """Check the leaves themselves, and sort what they promise by table."""
    expected = 0
    rows = session.execute(select(schema.log_leaves).order_by(schema.log_leaves.c.leaf_index))
    for row in rows.mappings():
        index = row["leaf_index"]
        if index != expected:
            yield f"log_leaves {expected}: missing, the next leaf is {index}"
        expected = index + 1
        again = _leaf(
            index, table=row["table_name"], key=row["key"], digest=row["digest"],
            at=row["recorded_at"], kind=row["kind"],
        )  # fmt: skip
        if again["leaf_hash"] != row["leaf_hash"]:
            yield f"log_leaves {index}: {row['table_name']} {row['key']} does not match its hash"
        mine = promised.setdefault(row["table_name"], {})
        mine[index] = _Promise(row["key"], row["digest"], row["recorded_at"])


def _broken_records(session: Session, table: Table, promised: dict[int, _Promise]) -> Iterator[str]:
    for row in session.execute(select(table).order_by(table.c.seq)).mappings():
        promise = promised.pop(row["seq"], None)
        if promise is None:
            yield f"{table.name} seq {row['seq']}: a row that the log does not know"
        elif (
            sha256_hex(row["doc"].encode()) != promise.digest
            or row["recorded_at"] != promise.recorded_at
        ):
            yield f"{table.name} {promise.key}: the row differs from the log"
        elif not _columns_agree(row):
            yield f"{table.name} {promise.key}: a column differs from the row's document"
    for promise in promised.values():
        yield f"{table.name} {promise.key}: the row is missing"


def _columns_agree(row: RowMapping) -> bool:
    doc = json.loads(row["doc"])
    return all(doc.get(name) == value for name, value in row.items() if name not in _OWN)


def _broken_bulk(session: Session, table: Table, promised: dict[int, _Promise]) -> Iterator[str]:
    query = select(table).order_by(table.c.leaf).execution_options(yield_per=WRITTEN)
    rows = session.execute(query).mappings()
    for leaf, mine in groupby(rows, key=lambda row: int(row["leaf"])):
        promise = promised.pop(leaf, None)
        if promise is None:
            yield f"{table.name} leaf {leaf}: rows that the log does not know"
        elif _bulk_digest(dict(row) for row in mine) != promise.digest:
            yield f"{table.name} {promise.key}: rows of leaf {leaf} differ from the log"
    for promise in promised.values():
        yield f"{table.name} {promise.key}: the rows are missing"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a record cannot hold a {type(value).__name__}")
