"""The tree over the log's leaves: kept node by node, read some twenty nodes at a time.

In: the hashes of leaves in the order of the log. Out: heads and proofs of RFC 9162. A subtree is
kept once it is full, and never changes; what lies above the full ones is joined when it is asked
for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ARRAY, ColumnElement, and_, column, func, insert, literal, select, tuple_
from sqlalchemy.orm import Session

from catalog import schema
from catalog.engine import among
from catalog.errors import LogBroken
from licensing.merkle import (
    Span,
    Subtree,
    consistency_spans,
    grown,
    inclusion_spans,
    join,
    subtrees,
)

WRITTEN = 10_000  # rows written at once


def size(session: Session) -> int:
    """The number of leaves."""
    last = session.execute(select(func.max(schema.log_leaves.c.leaf_index))).scalar()
    return 0 if last is None else int(last) + 1


def head(session: Session, at_size: int | None = None) -> tuple[int, str]:
    """Size and root (hex) of the log, now or when it had `at_size` leaves."""
    found = size(session) if at_size is None else at_size
    return found, _joined(session, [(0, found)])[0].hex()


def inclusion(session: Session, index: int, at_size: int) -> tuple[bytes, ...]:
    """The proof that leaf `index` is in the log of `at_size` leaves.

    Raises:
        PaperError: LEAF_UNKNOWN if that log has no such leaf.
    """
    return _joined(session, inclusion_spans(index, at_size))


def consistency(session: Session, old_size: int, new_size: int) -> tuple[bytes, ...]:
    """The proof that the log of `new_size` leaves begins with that of `old_size`, unchanged.

    Raises:
        PaperError: LEAF_UNKNOWN if `old_size` is not between 1 and `new_size`.
    """
    return _joined(session, consistency_spans(old_size, new_size))


def grow(session: Session, before: int, leaf_hashes: Sequence[bytes]) -> None:
    """Keep the subtrees that `leaf_hashes` make full, added to a log of `before` leaves."""
    open_ones = subtrees(0, before)
    kept = _heads(session, open_ones)
    rows = [
        {"leaf_index": leaf, "level": level, "head": one.hex()}
        for (leaf, level), one in grown(before, [kept[one] for one in open_ones], leaf_hashes)
    ]
    for start in range(0, len(rows), WRITTEN):
        session.execute(insert(schema.log_nodes), rows[start : start + WRITTEN])


def _joined(session: Session, spans: Sequence[Span]) -> tuple[bytes, ...]:
    made_of = [subtrees(*span) for span in spans]
    kept = _heads(session, (one for each in made_of for one in each))
    return tuple(join([kept[one] for one in each]) for each in made_of)


def _heads(session: Session, wanted: Iterable[Subtree]) -> dict[Subtree, bytes]:
    """The heads of full subtrees; those of a single leaf are its hash.

    Raises:
        LogBroken: LOG_BROKEN if one is missing.
    """
    asked = set(wanted)
    leaves, nodes = schema.log_leaves, schema.log_nodes
    single = [leaf for leaf, level in asked if level == 0]
    larger = [one for one in asked if one[1]]
    found: dict[Subtree, bytes] = {}
    if single:
        query = select(leaves.c.leaf_index, leaves.c.leaf_hash)
        own = among(session, leaves.c.leaf_index, single)
        for leaf, one in session.execute(query.where(own)):
            found[leaf, 0] = bytes.fromhex(one)
    if larger:
        one_of = _pairs_among(session, (nodes.c.leaf_index, nodes.c.level), larger)
        for leaf, level, one in session.execute(select(nodes).where(one_of)):
            found[leaf, level] = bytes.fromhex(one)
    if missing := sorted(asked - found.keys()):
        leaf, level = missing[0]
        raise LogBroken(
            f"log_nodes {leaf}: the node of level {level} is missing",
            code="LOG_BROKEN", subject=f"log_nodes {leaf}",
            way_out="`clearway audit log verify` names all that is wrong; restore a backup",
        )  # fmt: skip
    return found


def _pairs_among(
    session: Session,
    columns: tuple[ColumnElement[int], ColumnElement[int]],
    pairs: Sequence[tuple[int, int]],
) -> ColumnElement[bool]:
    """The condition that two columns hold one of `pairs`; one look into their index a pair."""
    if session.get_bind().dialect.name != "postgresql":
        near = columns[0].in_([one for one, _ in pairs])  # SQLite looks into no index for a pair
        return and_(near, tuple_(*columns).in_(pairs))
    first, second = (column(name, each.type) for name, each in zip("ab", columns, strict=True))
    asked = func.unnest(
        literal([one for one, _ in pairs], ARRAY(first.type)),
        literal([one for _, one in pairs], ARRAY(second.type)),
    ).table_valued(first, second, name="asked")
    named = asked.render_derived()
    return tuple_(*columns).in_(select(named.c.a, named.c.b))
