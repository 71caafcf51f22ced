"""Lineage with the standing of every decision in it: a trace as people are shown it.

In: an id. Out: a graph of the catalog, whose decisions say whether they still stand.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from catalog import decisions
from catalog.lineage.graph import REVOKED, Node, Trace
from catalog.lineage.tracing import down, up
from pipelines.audit.standing import STANDS, Standing, standings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def trace_of(session: Session, wanted: str, *, downward: bool, widest: int | None = None) -> Trace:
    """Trace an id up, or down; of more than `widest` sources, without what lies around each.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
    """
    trace = (down if downward else up)(session, wanted, widest=widest)
    told = {key: node for key, node in trace.nodes.items() if key[0] in {"decision", "decisions"}}
    ids = {one for node in told.values() for one in node.of or (node.node_id,)}
    rows = decisions.decisions_with(session, ids)  # the last record of each is the one that counts
    found = {
        row.decision_id: standing
        for row, standing in zip(rows, standings(session, rows), strict=True)
    }
    return replace(
        trace, nodes={**trace.nodes, **{key: _marked(node, found) for key, node in told.items()}}
    )


def _marked(node: Node, found: dict[str, Standing]) -> Node:
    own = [found[one] for one in node.of or (node.node_id,) if one in found]
    lost = [one for one in own if one.state != STANDS]
    if not lost:
        return node
    if node.of:
        counts = Counter(one.state for one in lost)
        note = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
    else:
        note = lost[0].words()
    is_gone = not node.of and not lost[0].partly
    return replace(node, note=note, state=REVOKED if is_gone else node.state)
