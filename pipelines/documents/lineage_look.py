"""How a trace looks in any picture: short words that fit a box, and a colour a state.

A state is told in words too: nobody needs to see colours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from catalog.lineage.graph import CLEARED, REFUSED, REVOKED, Node, Trace

WIDTH: Final = 39  # characters of a line in a box
_ID: Final = re.compile(r"[0-9a-f]{16,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Colours:
    """Of a box."""

    fill: str
    line: str


COLOURS: Final = {
    REVOKED: Colours(fill="#fde3e1", line="#b3261e"),
    CLEARED: Colours(fill="#e2f3e5", line="#2e7d32"),
    REFUSED: Colours(fill="#fff1d0", line="#9a5b00"),
    "": Colours(fill="#f3f4f6", line="#6b7280"),
}
NAMES: Final = {REVOKED: "revoked", CLEARED: "cleared", REFUSED: "refused", "": "on record"}


def heading(node: Node) -> str:
    """The upper line of a box: the kind, and the state if there is one."""
    return f"{node.kind} · {node.state}" if node.state else node.kind


def short(node: Node) -> str:
    """The lower line: the label with long ids shortened, cut to fit."""
    said = node.label.removeprefix(f"{node.kind} ")
    text = _ID.sub(lambda found: f"{found.group()[:8]}…", said)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def full(node: Node) -> str:
    """All that is known of a node, for whoever points at it or hears it read."""
    said = f"{node.label}, {node.note}" if node.note else node.label
    return f"{heading(node)}: {said} ({node.node_id})"


def title(trace: Trace) -> str:
    """What the picture shows."""
    roots = (trace.nodes[one] for one in trace.roots)
    what = ", ".join(f"{one.kind} {one.node_id}" for one in roots)
    return f"What came of {what}" if trace.downward else f"What {what} came from"
