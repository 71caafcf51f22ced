"""Which new grants or answers would free the most hours under one request: a what-if.

The engine decides the request over all sources as they are known now, in the read-only session;
nothing is keyed or recorded.
"""

from dataclasses import replace

from catalog import requests
from catalog.requests import StoredRequest
from licensing.explain import Unlock
from licensing.request import read_request
from pipelines.clear import Clearance, worklist
from pipelines.clear.deciding import decide_sources
from pipelines.console.blocks import Column, Link, Page, Row, Table, fixed, path
from pipelines.console.overview import source_link
from pipelines.console.view import View

FEW = 12  # sources that a line names


def worklist_page(view: View) -> Page:
    """Build the worklist of those who license."""
    found = requests.request(view.session, view.path["request"])
    done, ranked = freeing(view, found)
    lines: list[Row] = [
        {
            "keys": [each.replace("/", ": ", 1) for each in one.keys]
            or "no set of three or fewer",
            "hours": one.hours,
            "sources": [source_link(each) for each in one.sources[:FEW]],
            "number": len(one.sources),
        }
        for one in ranked
    ]  # fmt: skip
    columns = (
        Column(name="keys", title="New grants or answers, all of a line together"),
        Column(name="hours", title="Frees", kind="hours"),
        Column(name="sources", title="Of the sources"),
        Column(name="number", title="How many", kind="number"),
    )
    name = Link(text=found.name, href=path("requests", found.name))
    return Page(
        title=f"What would free most under {found.name}",
        lead=f"Decided for {done.valid}, with what is on record now; recorded nowhere.",
        trail=(Link(text="Requests", href="/requests"), name),
        blocks=(Table(name="worklist", title="Worklist", columns=columns, read=fixed(lines),
                      empty="Nothing is held back."),),
    )  # fmt: skip


def freeing(view: View, found: StoredRequest) -> tuple[Clearance, tuple[Unlock, ...]]:
    """Decide a request anew as of today, and rank what would free something of it."""
    asked = read_request(found.doc)
    dated = replace(asked, at=asked.at or view.today)
    rows = decide_sources(view.session, dated, known=view.now)
    done = Clearance.of(asked, rows, name=found.name, valid=dated.at or view.today, known=view.now)
    return done, worklist(done)
