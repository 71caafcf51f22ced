"""Requests: the uses that were asked for, each over all sources, and the matrix of both."""

from catalog import requests
from catalog.pages.nouns import sources_page
from catalog.pages.paging import Window
from catalog.requests import StoredRequest
from pipelines.console.blocks import (
    Block,
    Cell,
    Column,
    Field,
    Form,
    Link,
    Page,
    Row,
    Table,
    Terms,
    fixed,
    path,
)
from pipelines.console.overview import age, hours_tables, source_link
from pipelines.console.sums import (
    VERDICTS,
    Decided,
    OfSource,
    decided,
    digest_of,
    hours_of,
    standings,
    sums_of,
)
from pipelines.console.view import View

_HOME = Link(text="Requests", href="/requests")


def request_list(view: View) -> Page:
    """Build the list of requests, and the matrix of sources under each."""
    asked = requests.requests(view.session)
    under = [decided(view, one) for one in asked]
    hours = hours_of(view, under)
    rows: list[Row] = [
        {
            "request": Link(text=one.name, href=path("requests", one.name)),
            "version": one.version, "day": str(last.day or "never"),
            **{word: hours[one.name].get(word, 0.0) for word in VERDICTS},
        }
        for one, last in zip(asked, under, strict=True)
    ]  # fmt: skip
    columns = (
        Column(name="request", title="Request"),
        Column(name="version", title="Version", kind="number"),
        Column(name="day", title="Decided for"),
        *(Column(name=word, title=word, kind="hours") for word in VERDICTS),
    )
    table = Table(name="requests", title="Requests", columns=columns, read=fixed(rows),
                  empty="No request is on record.")  # fmt: skip
    return Page(title="Requests", blocks=(table, *_matrix(view, under)))


def request_page(view: View) -> Page:
    """Build the page of one request: what it asks, and what was decided."""
    found = requests.request(view.session, view.path["request"])
    under = decided(view, found)
    blocks: list[Block] = [
        Terms(title="The use", rows=tuple(_asked(found))),
        *age(under, view),
        *hours_tables(sums_of(view, under)),
        Terms(title="Go on", rows=(
            ("Sources under it", Link(text="with their verdicts",
                                      href=path("sources", request=found.name))),
            ("Which grant frees most", Link(text="the worklist",
                                            href=path("requests", found.name, "worklist"))),
        )),
    ]  # fmt: skip
    return Page(title=found.name, trail=(_HOME,), blocks=tuple(blocks))


def _asked(request: StoredRequest) -> list[tuple[str, Cell]]:
    rows: list[tuple[str, Cell]] = [
        (name.replace("_", " ").capitalize(), _said(value)) for name, value in request.doc.items()
    ]
    return [*rows, ("Version", request.version), ("Digest", digest_of(request)[:16])]


def _said(value: object) -> Cell:
    if isinstance(value, list | tuple):
        return [str(one) for one in value]
    return "yes" if value is True else "no" if value is False else str(value)


def _matrix(view: View, under: list[Decided]) -> list[Block]:
    if not under:
        return []

    def read(window: Window) -> tuple[list[Row], str]:
        found, after = sources_page(view.session, window, words=view.text("q"))
        stand = standings(view, under, [one.source_id for one in found])
        return [_row(one.source_id, stand) for one in found], after

    ask = Form(title="", action="/requests", button="Filter", fields=(
        Field(name="q", label="Words in a source's id, title or address", value=view.text("q")),
    ))  # fmt: skip
    columns = (
        Column(name="source", title="Source"),
        *(Column(name=f"under {one.request}", title=one.request, kind="verdict") for one in under),
    )
    matrix = Table(name="matrix", title="Sources under each request", columns=columns, read=read,
                   note="The verdict of the least free part; it leads to the proof.",
                   empty="No source is so.")  # fmt: skip
    return [ask, matrix]


def _row(source_id: str, stand: dict[str, dict[str, OfSource]]) -> Row:
    row: dict[str, Cell] = {"source": source_link(source_id)}
    for name, of in stand.items():
        own = of[source_id]
        row[f"under {name}"] = (
            Link(text=own.verdict, href=path("decisions", own.least)) if own.least else own.verdict
        )
    return row
