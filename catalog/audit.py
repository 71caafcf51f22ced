"""Read the whole log again, with every row it vouches for, and name whatever does not fit.

In: a session that sees one consistent state. Out: a report. Leaves, the nodes of their tree, the
heads that were signed and the rows of each table come in the order of the log, side by side, each
read once: memory is bounded by the largest leaf, whatever the size of the log.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, Final

from sqlalchemy import Row, Table, inspect
from sqlalchemy.orm import Session

from catalog import schema, tree
from catalog.log import OWN, bulk_document, column_value, leaf_document
from catalog.log_reading import Ahead, KeptTree, hash_bytes, in_order, place_of
from licensing.manifest import sha256_hex
from licensing.merkle import leaf_hash

Progress = Callable[[str, int, int], None]

EVIDENCE: Final = tuple(
    one
    for one in schema.metadata.sorted_tables
    if one.c[0].name in {"seq", "leaf"} and not one.name.startswith("ops_")
)
_KNOWN: Final = {*schema.metadata.tables, "alembic_version"}
TOLD: Final = 5_000  # leaves between two words of progress


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReport:
    """What a full reading of the log found; `broken` names table and key of each fault."""

    size: int
    root: str
    broken: tuple[str, ...]


def verify_log(session: Session, *, progress: Progress | None = None) -> LogReport:
    """Read everything again: leaves, their tree, the heads that were signed, and all rows.

    Raises:
        LogBroken: LOG_BROKEN if a table cannot be read at all.
    """
    present = set(inspect(session.connection()).get_table_names())
    broken = [*_odd_tables(present)]
    sides = {one.name: _side(session, one) for one in EVIDENCE if one.name in present}
    kept, heads = KeptTree(session), Ahead(_heads(session))
    expected, last_at, total = 0, "", tree.size(session) if progress else 0
    leaves = schema.log_leaves
    for index, leaf in in_order(session, leaves, leaves.c.leaf_index):
        if index > expected:
            broken.append(f"log_leaves {expected}: missing, the next leaf is {index}")
            kept.pass_over(expected, index)
        broken += _head_faults(heads, kept, index)
        broken += _leaf_faults(leaf, expected, last_at)
        broken += kept.add(index, hash_bytes(leaf.leaf_hash))
        broken += _row_faults(sides, index, leaf)
        expected, last_at = index + 1, str(leaf.recorded_at)
        if progress and (expected == total or not expected % TOLD):
            progress("log", expected, total)
    broken += _head_faults(heads, kept, expected)
    for side in sides.values():
        broken += _strays(side, sys.maxsize)
    broken += kept.strays()
    return LogReport(size=expected, root=kept.root(), broken=tuple(broken))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """The rows of one table; `judge` says what is wrong with those of a leaf, "" if nothing."""

    name: str
    unit: str
    rows: Ahead
    judge: Callable[[Any, Row[Any]], str]


def _odd_tables(present: set[str]) -> Iterator[str]:
    for name in sorted(present - _KNOWN):
        if not name.startswith("ops_"):
            yield f"{name}: a table that the log does not know and that is not named ops_*"
    for name in sorted(_KNOWN - present):
        yield f"{name}: the table is missing"


def _heads(session: Session) -> Iterator[tuple[int, Row[Any]]]:
    heads = schema.log_heads
    found = in_order(session, heads, heads.c.seq)
    return ((row.size if isinstance(row.size, int) else -1, row) for _, row in found)


def _head_faults(heads: Ahead, kept: KeptTree, size: int) -> Iterator[str]:
    """Compare the tree of `size` leaves with the heads that were signed over as many."""
    while heads.at <= size:
        at, root = heads.at, kept.root()
        said = _read(heads.take().doc).get("root")
        if at < size or (root and said != root):
            yield f"log_heads {at}: the head that was signed is not that of the log"


def _leaf_faults(leaf: Row[Any], expected: int, last_at: str) -> Iterator[str]:
    index, of = leaf.leaf_index, f"{leaf.table_name} {leaf.key}"
    if not isinstance(index, int) or index < expected:
        yield f"log_leaves {index}: {of} has no place in the log"
    if leaf.leaf_hash != _hash_of(leaf):
        yield f"log_leaves {index}: {of} does not match its hash"
    elif leaf.recorded_at < last_at:
        yield f"log_leaves {index}: {of} is recorded before the leaf before it"


def _hash_of(leaf: Row[Any]) -> str:
    try:
        said = leaf_document(
            kind=leaf.kind, table=leaf.table_name, key=leaf.key, digest=leaf.digest,
            at=leaf.recorded_at,
        )  # fmt: skip
    except TypeError:  # a value of a kind that no leaf holds
        return ""
    return leaf_hash(said).hex()


def _side(session: Session, table: Table) -> _Side:
    if table in schema.BULK:
        rows = groupby(in_order(session, table, table.c.leaf), key=place_of)
        grouped = ((leaf, [row for _, row in mine]) for leaf, mine in rows)
        return _Side(name=table.name, unit="leaf", rows=Ahead(grouped), judge=_bulk_fault)
    columns = tuple((at, name) for at, name in enumerate(table.c.keys()) if name not in OWN)
    return _Side(
        name=table.name,
        unit="seq",
        rows=Ahead(in_order(session, table, table.c.seq)),
        judge=partial(_record_fault, columns),
    )


def _row_faults(sides: Mapping[str, _Side], index: int, leaf: Row[Any]) -> Iterator[str]:
    """Compare a leaf with the rows of its table that name it."""
    if not leaf.table_name:  # a paper that is kept elsewhere
        return
    side = sides.get(leaf.table_name)
    if side is None:
        yield f"log_leaves {index}: {leaf.key} is of an unknown table {leaf.table_name}"
        return
    yield from _strays(side, index)
    if side.rows.at != index:
        lost = "the row is" if side.unit == "seq" else "the rows are"
        yield f"{side.name} {leaf.key}: {lost} missing"
    elif fault := side.judge(side.rows.take(), leaf):
        yield f"{side.name} {leaf.key}: {fault}"


def _strays(side: _Side, index: int) -> Iterator[str]:
    """The rows before `index` that no leaf has named."""
    while side.rows.at < index:
        yield f"{side.name} {side.unit} {side.rows.at}: a row that the log does not know"
        side.rows.take()


def _record_fault(columns: Sequence[tuple[int, str]], row: Row[Any], leaf: Row[Any]) -> str:
    text = row.doc
    if not isinstance(text, str) or sha256_hex(text.encode()) != leaf.digest:
        return "the row differs from the log"
    if row.recorded_at != leaf.recorded_at:
        return "the row differs from the log in its time"
    said = json.loads(text)
    if any(column_value(said.get(name)) != row[at] for at, name in columns):
        return "a column differs from the row's document"
    return ""


def _bulk_fault(rows: Sequence[Row[Any]], leaf: Row[Any]) -> str:
    try:
        raw = bulk_document([row._asdict() for row in rows])
    except TypeError:  # a value of a kind that no record holds
        raw = b""
    return (
        ""
        if sha256_hex(raw) == leaf.digest
        else f"rows of leaf {leaf.leaf_index} differ from the log"
    )


def _read(text: object) -> dict[str, Any]:
    """A document, empty for one that was made unreadable: it is reported as a row."""
    try:
        said = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        said = None
    return said if isinstance(said, dict) else {}
