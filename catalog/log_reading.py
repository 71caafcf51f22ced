"""The log as streams in its own order, each read once: rows, and the tree of its kept nodes.

In: a session that sees one consistent state. Out: rows with their place in the log, and what is
wrong with the nodes. `audit.py` reads the streams side by side.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Table, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from catalog import schema
from catalog.errors import LogBroken
from licensing.merkle import join, node_hash

PAGE: Final = 2_000  # rows of each table in memory at once
_END: Final = (sys.maxsize, None)


class Ahead:
    """A stream in the order of the log: `at` is the leaf of what comes next."""

    def __init__(self, stream: Iterator[tuple[int, Any]]) -> None:
        self._stream = stream
        self._next: Any
        self.at, self._next = next(stream, _END)

    def take(self) -> Any:  # noqa: ANN401 - whatever the stream holds
        """Return what comes next and move on."""
        taken = self._next
        self.at, self._next = next(self._stream, _END)
        return taken


class KeptTree:
    """The tree as its kept nodes tell it: each is compared with the two below it.

    A node that differs is believed for what is above it, so that one lie is named once.
    """

    def __init__(self, session: Session) -> None:
        nodes = schema.log_nodes
        found = in_order(session, nodes, nodes.c.leaf_index, nodes.c.level)
        self._kept = Ahead(
            (index, {row.level: hash_bytes(row.head) for _, row in mine})
            for index, mine in groupby(found, key=place_of)
        )
        self._open: list[bytes | None] | None = []

    def add(self, index: int, node: bytes | None) -> Iterator[str]:
        """Add a leaf, None for one whose hash is not known."""
        if self._open is None:
            return
        yield from self._before(index)
        kept = self._kept.take() if self._kept.at == index else {}
        for level in range(1, (~index & index + 1).bit_length()):
            left = self._open.pop()
            due = node_hash(left, node) if left is not None and node is not None else None
            node = kept.pop(level, None)
            if node is None:
                yield f"log_nodes {index}: the node of level {level} is missing"
                node = due
            elif due not in {None, node}:
                yield f"log_nodes {index}: the node of level {level} is not that of its leaves"
        for level in kept:
            yield f"log_nodes {index}: a node of level {level} that no leaves make"
        self._open.append(node)

    def pass_over(self, start: int, end: int) -> None:
        """Leaves that are missing: their nodes are believed; without any, the tree is lost."""
        for index in range(start, end):
            if self._open is None or (index & 1 and self._kept.at > index):
                self._open = None
                return
            for _ in self.add(index, None):
                pass

    def root(self) -> str:
        """The head of all leaves so far, "" if it cannot be known."""
        if self._open is None or None in self._open:
            return ""
        return join([one for one in self._open if one is not None]).hex()

    def strays(self) -> Iterator[str]:
        """The nodes beyond the last leaf."""
        if self._open is not None:
            yield from self._before(sys.maxsize)

    def _before(self, index: int) -> Iterator[str]:
        while self._kept.at < index:
            yield f"log_nodes {self._kept.at}: a node that no leaves make"
            self._kept.take()


def in_order(
    session: Session, table: Table, *order: ColumnElement[Any]
) -> Iterator[tuple[int, Row[Any]]]:
    """The rows of a table with their place in the log, which is their first column."""
    query = select(table).order_by(*order).execution_options(yield_per=PAGE)
    try:
        for row in session.execute(query):
            place = row[0]
            yield (place if isinstance(place, int) else -1), row
    except DBAPIError as error:  # a text that is none, a torn page
        raise LogBroken(
            f"{table.name} cannot be read: {error.orig}",
            code="LOG_BROKEN", subject=table.name, way_out="restore a backup of the catalog",
        ) from error  # fmt: skip


def place_of(numbered: tuple[int, Row[Any]]) -> int:
    """The place of a row from `in_order`."""
    return numbered[0]


def hash_bytes(text: object) -> bytes:
    """A hash, empty for what is none."""
    try:
        raw = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        return b""
    return raw if raw.hex() == text else b""
