"""Lineage: where something came from or what came of it, as a picture that one can walk."""

from collections.abc import Mapping
from typing import Any

from catalog.lineage.graph import Node, trees
from pipelines.audit.tracing import trace_of
from pipelines.console.blocks import (
    SECTION_OF,
    Block,
    Branch,
    Field,
    Form,
    Link,
    Page,
    Picture,
    Tree,
    Words,
    path,
)
from pipelines.console.view import View
from pipelines.documents.lineage_look import title
from pipelines.documents.lineage_svg import drawing

MOST_DRAWN = 400  # boxes; a larger picture is told as a tree alone
MOST_NAMED = 50  # sources; of more, sets and counts are shown, whose pages go on from there
_WAYS = (("up", "what it came from"), ("down", "what came of it"))


def lineage(view: View) -> Page:
    """Build the picture of an id, upwards or downwards."""
    wanted = view.text("id")
    way = view.choice("way", tuple(one for one, _ in _WAYS))
    ask = Form(title="", action="/lineage", button="Show", fields=(
        Field(name="id", label="Id of anything on record, or its start", value=wanted,
              hint="SET/NUMBER is a shard, EPISODE/NAME a stream, SOURCE/PATH a file"),
        Field(name="way", label="Show", value=way, choices=_WAYS),
    ))  # fmt: skip
    if not wanted:
        return Page(title="Lineage", blocks=(ask,))
    trace = trace_of(view.session, wanted, downward=way == "down", widest=MOST_NAMED)
    said = title(trace)
    blocks: list[Block] = [ask]
    if trace.is_wide:
        blocks.append(Words(paragraphs=(_WIDE,), tone="note"))
    if len(trace.nodes) <= MOST_DRAWN:
        blocks.append(Picture(title="Picture", svg=drawing(trace, lambda node: _onward(node, way))))
    else:
        blocks.append(Words(paragraphs=(f"{len(trace.nodes):,} things: too many to draw.",),
                            tone="note"))  # fmt: skip
    blocks.append(Tree(title="The same in words", roots=tuple(map(_branch, trees(trace)))))
    return Page(title="Lineage", lead=said, blocks=tuple(blocks))


_WIDE = (
    f"More than {MOST_NAMED} sources: they and their shards are counted here. The page of a "
    "training set lists its shards with their sources; each source has its own lineage."
)


def _onward(node: Node, way: str) -> str:
    return path("lineage", id=node.node_id, way=way) if node.count == 1 and not node.of else ""


def _branch(tree: Mapping[str, Any]) -> Branch:
    kind, label = tree["kind"], str(tree["label"])
    said = label if label.startswith(kind) else f"{kind} {label}"
    notes = [tree[one] for one in ("state", "note") if tree.get(one)]
    again = " (see above)" if tree.get("again") else ""
    return Branch(
        text=f"{said}{''.join(f', {one}' for one in notes)}{again}",
        links=_links(kind, str(tree["id"])),
        below=tuple(map(_branch, tree.get("children", ()))),
    )  # fmt: skip


def _links(kind: str, node_id: str) -> tuple[Link, ...]:
    """The page of one thing; many shards are listed by that of their set."""
    if kind == "shards":
        return (Link(text="their set", href=path("sets", node_id.partition("/")[0])),)
    page = SECTION_OF.get(kind)
    return (Link(text="its page", href=path(page, node_id)),) if page else ()
