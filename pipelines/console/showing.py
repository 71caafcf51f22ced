"""Draw a page as HTML, or one of its tables as CSV or JSON.

Whatever comes from the record is escaped, stands apart from the direction of the text around it,
and shows the characters that nobody would see: a name cannot pass for another, or for markup.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from catalog.pages.paging import MOST, Window
from pipelines.accounts.visits import Visitor
from pipelines.console.blocks import Cell, Link, Page, Picture, Row, Table
from pipelines.errors import ConsoleError

HERE = Path(__file__).parent
STATIC = HERE / "static"
_JOINERS = "\u200c\u200d"  # some scripts cannot be written without them
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # begins what a spreadsheet would compute
SECTIONS = (
    ("/", "Overview"),
    ("/sources", "Sources"),
    ("/parties", "Parties"),
    ("/requests", "Requests"),
    ("/sets", "Training sets"),
    ("/models", "Models"),
    ("/lineage", "Lineage"),
    ("/what-if", "What if"),
    ("/log", "Log"),
    ("/quarantine", "Quarantine"),
)


def html(
    page: Page, *, at: str, asked: Mapping[str, str], instant: str, who: Visitor | None
) -> str:
    """Draw a page whose address is `at`, as it was written, and asks `asked`, for who looks.

    Without an `instant` it is the answer to an act: its address shows it no more.
    """
    drawn = [_drawn(one, at=at, asked=asked) for one in page.blocks]
    return _environment().get_template("page.html").render(
        page=page, blocks=drawn, at=at, instant=instant, sections=_sections(at), who=who
    )  # fmt: skip


def trouble(status: int, headline: str, *, code: str, way_out: str, who: Visitor | None) -> str:
    """Draw an error: what, its code, the way out."""
    return _environment().get_template("trouble.html").render(
        status=status, headline=headline, code=code, way_out=way_out, who=who,
        sections=_sections("") if who else (),
    )  # fmt: skip


def sign_in(action: str, *, way: str, name: str, wrong: str, link: str) -> str:
    """Draw the form to sign in with: a password, or a link that was given."""
    return _environment().get_template("sign-in.html").render(
        action=action, next=way, name=name, wrong=wrong, link=link, sections=(), who=None
    )  # fmt: skip


def table_of(page: Page, name: str) -> Table:
    """Return one table of a page.

    Raises:
        ConsoleError: TABLE_UNKNOWN.
    """
    tables = {one.name: one for one in page.blocks if isinstance(one, Table)}
    if name not in tables:
        raise ConsoleError(
            f"{page.title} has no table {name[:60]!r}, it has {', '.join(tables) or 'none'}",
            code="TABLE_UNKNOWN", subject=name[:60], way_out="take a table by the links under it",
        )  # fmt: skip
    return tables[name]


def as_csv(table: Table) -> Iterator[str]:
    """Write all rows of a table as CSV; a text that a spreadsheet would compute gets a quote."""
    yield _csv_line([one.name for one in table.columns])
    for row in _every(table):
        yield _csv_line([_csv_cell(row.get(one.name)) for one in table.columns])


def as_json(table: Table) -> Iterator[str]:
    """Write all rows of a table as a JSON array, one row a line."""
    first = True
    for row in _every(table):
        said = {one.name: _bare(row.get(one.name)) for one in table.columns}
        yield ("[\n" if first else ",\n") + json.dumps(said, ensure_ascii=True)
        first = False
    yield "[]\n" if first else "\n]\n"


def plain(value: object) -> object:
    """Show the characters of a text that nobody would see; other values stay."""
    if not isinstance(value, str) or isinstance(value, Markup) or value.isprintable():
        return value
    return "".join(
        one if one.isprintable() or one in _JOINERS or one == "\n" else f"\\u{ord(one):04x}"
        for one in value
    )


def hours(value: object) -> str:
    """Say a number of hours as people do."""
    if not isinstance(value, int | float):
        return ""
    seconds = value * 3600
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if value < 1 else f"{value:,.1f} h"


def number(value: object) -> str:
    """Say a number with its thousands apart."""
    return f"{value:,}" if isinstance(value, int) else str(value)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined,
        finalize=plain, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"hours": hours, "number": number, "parts": _parts}
    made.tests["link"] = lambda one: isinstance(one, Link)
    return made


def _drawn(block: Any, *, at: str, asked: Mapping[str, str]) -> dict[str, Any]:  # noqa: ANN401
    """A block with its kind; of a table, the rows of the page that is asked."""
    found: dict[str, Any] = {"kind": type(block).__name__, "block": block}
    if isinstance(block, Picture):
        return found | {"markup": Markup(block.svg)}
    if not isinstance(block, Table):
        return found
    cursor = f"{block.name}.after"
    rows, after = block.read(Window(after=asked.get(cursor, "")))
    rest = {name: value for name, value in asked.items() if name != cursor}
    export = {one: _address(at, rest | {"table": block.name, "as": one}) for one in ("csv", "json")}
    anchor = f"#{block.name}"
    return found | {
        "rows": rows,
        "first": _address(at, rest) + anchor if asked.get(cursor) else "",
        "next": _address(at, rest | {cursor: after}) + anchor if after else "",
        "export": export,
    }


def _address(at: str, asked: Mapping[str, str]) -> str:
    return at + (f"?{urlencode(asked)}" if asked else "")


def _sections(at: str) -> list[dict[str, Any]]:
    return [
        {"href": href, "title": title, "here": at == href or (href != "/" and at.startswith(href))}
        for href, title in SECTIONS
    ]


def _every(table: Table) -> Iterator[Row]:
    after = ""
    while True:
        rows, after = table.read(Window(after=after, limit=MOST))
        yield from rows
        if not after:
            return


def _parts(cell: Cell) -> Sequence[object]:
    if isinstance(cell, Sequence) and not isinstance(cell, str):
        return cell
    return () if cell is None or cell == "" else (cell,)


def _bare(cell: Cell) -> object:
    if isinstance(cell, Link):
        return cell.text
    if isinstance(cell, Sequence) and not isinstance(cell, str):
        return [one.text if isinstance(one, Link) else one for one in cell]
    return cell


def _csv_cell(cell: Cell) -> str:
    bare = _bare(cell)
    said = (
        "; ".join(map(str, bare)) if isinstance(bare, list) else "" if bare is None else str(bare)
    )
    is_text = not isinstance(bare, int | float)
    return f"'{said}" if is_text and said.startswith(_FORMULA) else said


def _csv_line(cells: Sequence[str]) -> str:
    out = io.StringIO()
    csv.writer(out).writerow(cells)
    return out.getvalue().encode(errors="backslashreplace").decode()
