"""A trace in the language of Graphviz, for `dot -Tsvg` and other tools that lay graphs out."""

from __future__ import annotations

from catalog.lineage.graph import Key, Trace, in_order
from pipelines.documents.lineage_look import COLOURS, full, heading, short, title


def dot(trace: Trace) -> str:
    """Write a trace as a directed graph: each thing once, edges to what came of it."""
    lines = [
        f"digraph {_quoted(title(trace))} {{",
        '  rankdir=LR; node [shape=box, style="rounded,filled", fontname="sans-serif"];',
    ]
    for key in in_order(trace.nodes):
        node, look = trace.nodes[key], COLOURS[trace.nodes[key].state]
        said = {
            "label": f"{heading(node)}\n{short(node)}",
            "tooltip": full(node),
            "fillcolor": look.fill,
            "color": look.line,
        }
        listed = ", ".join(f"{name}={_quoted(value)}" for name, value in said.items())
        lines.append(f"  {_name(key)} [{listed}];")
    lines += [f"  {_name(one)} -> {_name(other)};" for one, other in sorted(trace.edges)]
    return "\n".join([*lines, "}", ""])


def _name(key: Key) -> str:
    return _quoted(" ".join(key))


def _quoted(text: str) -> str:
    """A string of the language; a backslash or quote in it stays what it was."""
    plain = "".join(one if one.isprintable() or one == "\n" else " " for one in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
