"""A trace as an SVG picture: boxes in columns, from papers and sources on the left to models.

Every box has a title with all of its words, for a pointer and for a screen reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from catalog.lineage.graph import Node, Trace, in_order
from pipelines.documents.layout import Layout, Point, lay_out
from pipelines.documents.lineage_look import (
    COLOURS,
    NAMES,
    full,
    heading,
    short,
    title,
)

BOX: Final = (276, 40)
STEP: Final = (340, 54)  # from column to column, from place to place
MARGIN: Final = 24
HEAD: Final = 64  # title and legend
FONT: Final = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
STYLE: Final = (
    f"text {{ font: 12px {FONT}; fill: #1b1b1f }} .title {{ font-size: 16px; font-weight: 600 }} "
    ".kind { font-size: 10px; fill: #44464f } .edge { fill: none; stroke: #8a8f99 } "
    ".root { stroke-width: 2.5 }"
)


def svg(trace: Trace) -> str:
    """Draw a trace; the same trace is the same bytes."""
    style = f"<style>{STYLE}</style>"
    return "\n".join([*_drawn(trace, role="img", style=style, link=_nowhere), ""])


def drawing(trace: Trace, link: Callable[[Node], str]) -> str:
    """Draw a trace into a page that has the style itself; each box leads to `link`, if anywhere."""
    return "\n".join(_drawn(trace, role="group", style="", link=link))


def _nowhere(_node: Node) -> str:
    return ""


def _drawn(trace: Trace, *, role: str, style: str, link: Callable[[Node], str]) -> Iterator[str]:
    layout = lay_out(in_order(trace.nodes), sorted(trace.edges))
    width = 2 * MARGIN + (layout.num_columns - 1) * STEP[0] + BOX[0]
    height = HEAD + MARGIN + max(layout.heights, default=1) * STEP[1]
    name = _text(title(trace))
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="{role}" aria-labelledby="title">'
    )
    yield f'<title id="title">{name}</title>'
    if style:
        yield style
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    yield f'<text class="title" x="{MARGIN}" y="26">{name}</text>'
    yield from _legend({one.state for one in trace.nodes.values()})
    for way in layout.routes.values():
        yield _edge([_middle(layout, one) for one in way])
    for box, node in _boxes(trace, layout):
        href = link(node)
        yield f'<a href="{_text(href)}">{box}</a>' if href else box
    yield "</svg>"


def _legend(states: set[str]) -> Iterator[str]:
    x = MARGIN
    for state, look in COLOURS.items():
        if state in states:
            yield (
                f'<rect x="{x}" y="38" width="14" height="14" rx="3" fill="{look.fill}" '
                f'stroke="{look.line}"/><text x="{x + 20}" y="49">{NAMES[state]}</text>'
            )
            x += 100


def _boxes(trace: Trace, layout: Layout) -> Iterator[tuple[str, Node]]:
    for key in in_order(trace.nodes):
        node = trace.nodes[key]
        yield "\n".join(_box(node, layout, is_root=key in trace.roots)), node


def _box(node: Node, layout: Layout, *, is_root: bool) -> Iterator[str]:
    x, y = _corner(layout, layout.places[node.key])
    look = COLOURS[node.state]
    marked = ' class="root"' if is_root else ""
    yield f"<g><title>{_text(full(node))}</title>"
    yield (
        f'<rect{marked} x="{x}" y="{y:g}" width="{BOX[0]}" height="{BOX[1]}" rx="6" '
        f'fill="{look.fill}" stroke="{look.line}"/>'
    )
    yield f'<text class="kind" x="{x + 10}" y="{y + 15:g}">{_text(heading(node))}</text>'
    yield f'<text x="{x + 10}" y="{y + 31:g}">{_text(short(node))}</text></g>'


def _edge(way: Sequence[tuple[float, float]]) -> str:
    """A line through the middles that it passes, from the right of a box to the left of another."""
    (x, y), *rest = way
    x += BOX[0]
    path = f"M{x:g} {y:g}"
    for number, (next_x, next_y) in enumerate(rest, 1):
        bend = (x + next_x) / 2
        path += f" C{bend:g} {y:g} {bend:g} {next_y:g} {next_x:g} {next_y:g}"
        x, y = next_x, next_y
        if number < len(rest):
            x += BOX[0]
            path += f" L{x:g} {y:g}"
    return f'<path class="edge" d="{path}"/>'


def _corner(layout: Layout, point: Point) -> tuple[int, float]:
    column, place = point
    spare = max(layout.heights) - layout.heights[column]
    return MARGIN + column * STEP[0], HEAD + (place + spare / 2) * STEP[1]


def _middle(layout: Layout, point: Point) -> tuple[float, float]:
    x, y = _corner(layout, point)
    return x, y + BOX[1] / 2


def _text(words: str) -> str:
    """Words as XML can hold them: control characters are in no document."""
    plain = "".join(one if one.isprintable() else " " for one in words)
    return escape(plain, {'"': "&quot;"})
