"""`clearway audit trace`: lineage as a tree, JSON, OpenLineage events, DOT or a picture."""

import sys
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import edge

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from catalog.lineage.graph import Trace


CUT = 60  # characters of what was told before


class Form(StrEnum):
    """How a trace is told."""

    TREE = "tree"
    JSON = "json"
    OPENLINEAGE = "openlineage"
    DOT = "dot"
    SVG = "svg"


def audit_trace(
    what: Annotated[
        str,
        typer.Argument(
            help="Id, or its start, of anything on record; SET/NUMBER is a shard, "
            "EPISODE/NAME a stream, SOURCE/PATH a file."
        ),
    ],
    *,
    down: Annotated[bool, typer.Option("--down", help="What came of it.")] = False,
    up: Annotated[bool, typer.Option("--up", help="What it came from (the default).")] = False,
    form: Annotated[Form, typer.Option("--format", help="How it is told.")] = Form.TREE,
    to: Annotated[
        Path | None, typer.Option(dir_okay=False, help="The file to write; default stdout.")
    ] = None,
    as_json: edge.Json = False,
) -> None:
    """Trace a thing back to its sources and licences, or down to its checkpoints."""
    from pipelines.audit.tracing import trace_of

    if up and down:
        raise typer.BadParameter("give --up or --down, not both")
    if as_json and form not in {Form.TREE, Form.JSON}:
        raise typer.BadParameter(f"give --json or --format {form}, not both")
    with edge.records(edge.here()) as session:
        trace = trace_of(session, what, downward=down)
        told = _TOLD[Form.JSON if as_json else form](session, trace)
    if to is None:
        sys.stdout.write(told)
    else:
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(told, encoding="utf-8")
        edge.say(f"wrote {to}")


def tree_lines(tree: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Draw a lineage tree, one line a node; what was drawn before is named again in one line."""
    kind, label = tree["kind"], tree["label"]
    said = label if label.startswith(kind) else f"{kind} {label}"
    if tree.get("again"):
        yield f"{indent}{said if len(said) <= CUT else f'{said[:CUT]}…'} (see above)"
        return
    note = f", {tree['note']}" if tree.get("note") else ""
    yield f"{indent}{said}{note}"
    for child in tree.get("children", []):
        yield from tree_lines(child, indent + "  ")


def _tree(_session: "Session", trace: "Trace") -> str:
    from catalog.lineage.graph import trees

    return "".join(f"{line}\n" for tree in trees(trace) for line in tree_lines(tree))


def _json(_session: "Session", trace: "Trace") -> str:
    from catalog.lineage.graph import trees

    return "".join(edge.json_line(tree) for tree in trees(trace))


def _events(session: "Session", trace: "Trace") -> str:
    from catalog.lineage.times import recorded_at
    from pipelines.documents.openlineage import events

    return "".join(edge.json_line(one) for one in events(trace, recorded_at(session, trace)))


def _dot(_session: "Session", trace: "Trace") -> str:
    from pipelines.documents.lineage_dot import dot

    return dot(trace)


def _svg(_session: "Session", trace: "Trace") -> str:
    from pipelines.documents.lineage_svg import svg

    return svg(trace)


_TOLD: dict[Form, Callable[["Session", "Trace"], str]] = {
    Form.TREE: _tree, Form.JSON: _json, Form.OPENLINEAGE: _events, Form.DOT: _dot, Form.SVG: _svg,
}  # fmt: skip
