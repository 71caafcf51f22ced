"""One source: what it is, how it is decided, and every fact about the rights in it."""

from collections.abc import Iterator, Mapping
from typing import Any

from catalog import personal, rights, sources
from catalog.pages.decided import decisions_page
from catalog.pages.nouns import file_counts, files_page
from catalog.pages.paging import Window
from catalog.requests import requests
from catalog.sources import Source
from pipelines.clear.clearance import HOUR_NS
from pipelines.console.acting import word_of
from pipelines.console.blocks import Block, Column, Link, Page, Row, Table, Terms, fixed, path
from pipelines.console.overview import age_words
from pipelines.console.revoking import revoke_forms
from pipelines.console.rights_tables import (
    clauses_table,
    consents_table,
    ends_table,
    instruments_table,
    layers_table,
    settled_table,
    signals_table,
)
from pipelines.console.sources import party_link, quarantine_table
from pipelines.console.sums import decided, standings
from pipelines.console.view import View


def source_page(view: View) -> Page:
    """Build the page of one source."""
    found = sources.source(view.session, view.path["source"])
    layers = personal.aloud(
        view.session, rights.asked_of(view.session, found.source_id, known=None)
    )
    blocks: list[Block] = [
        Terms(rows=tuple(_described(view, found))),
        _verdicts(view, found.source_id),
        layers_table(layers),
        instruments_table(view, found.source_id),
        clauses_table(view, found.source_id),
        consents_table(layers),
        signals_table(view, found.source_id),
        settled_table(view, found.source_id),
        ends_table(view, found.source_id),
        _files(view, found.source_id),
        quarantine_table(view, found.source_id),
        _decisions(view, found.source_id),
        *revoke_forms(view, of="source", what=found.source_id),
    ]
    trail = (Link(text="Sources", href="/sources"),)
    return Page(title=found.source_id, lead=found.title, trail=trail, blocks=tuple(blocks))


def _described(view: View, source: Source) -> Iterator[tuple[str, Any]]:
    yield "Owner", party_link(source.owner)
    yield "Modality", source.modality
    yield "Address", source.uri
    yield "Reader", source.reader
    yield "Attribution", source.attribution
    yield "Acquired", ", ".join(filter(None, (source.acquisition, source.obtained)))
    yield "Streams", [f"{name} → {right}" for name, right in source.streams.items()]
    counts = file_counts(view.session, source.source_id)
    yield "Files", [f"{number:,} {status}" for status, number in counts.items()]
    yield "Fictional", "yes" if source.fictional else "no"
    yield (
        "Counsel",
        Link(text="rules that wait for counsel", href=path("sources", source.source_id, "rules")),
    )
    if word_of(view, "attach"):
        yield "Bring a paper", Link(
            text="attach a licence, agreement or consent",
            href=path("sources", source.source_id, "attach"),
        )  # fmt: skip


def _verdicts(view: View, source_id: str) -> Table:
    under = [decided(view, one) for one in requests(view.session)]
    stand = standings(view, under, [source_id])
    rows: list[Row] = [
        {
            "request": one.request, "verdict": stand[one.request][source_id].verdict,
            "why": [decision_link(each, f"why {each[:8]}")
                    for each in stand[one.request][source_id].decisions],
            "day": str(one.day or ""), "note": [*age_words(one, view)],
        }
        for one in under
    ]  # fmt: skip
    columns = (
        Column(name="request", title="Request"),
        Column(name="verdict", title="Verdict", kind="verdict"),
        Column(name="why", title="Proof"), Column(name="day", title="Decided for"),
        Column(name="note", title="Note"),
    )  # fmt: skip
    return Table(name="verdicts", title="Verdict under each request", columns=columns,
                 read=fixed(rows), empty="No request is on record.")  # fmt: skip


def _files(view: View, source_id: str) -> Table:
    def read(window: Window) -> tuple[list[Row], str]:
        found, after = files_page(view.session, source_id, window)
        return [_file(one) for one in found], after

    columns = (
        Column(name="path", title="File"), Column(name="status", title="Status"),
        Column(name="reason", title="Reason"), Column(name="bytes", title="Bytes", kind="number"),
        Column(name="hours", title="Length", kind="hours"),
        Column(name="sha256", title="sha256", kind="code"),
    )  # fmt: skip
    return Table(name="files", title="Files", columns=columns, read=read,
                 empty="No file was looked for yet.")  # fmt: skip


def _file(doc: Mapping[str, Any]) -> Row:
    length = doc.get("duration_ns")
    return {
        "path": str(doc["path"]), "status": str(doc["status"]), "reason": str(doc["reason"]),
        "bytes": doc["size_bytes"], "hours": None if length is None else length / HOUR_NS,
        "sha256": str(doc["sha256"]),
    }  # fmt: skip


def _decisions(view: View, source_id: str) -> Table:
    def read(window: Window) -> tuple[list[Row], str]:
        found, after = decisions_page(view.session, window, source_id=source_id)
        rows: list[Row] = [
            {
                "id": decision_link(part.decision_id, part.decision_id[:12]),
                "verdict": part.verdict, "reasons": part.reasons, "request": name,
                "day": str(day),
            }
            for part, name, day in found
        ]  # fmt: skip
        return rows, after

    columns = (
        Column(name="id", title="Decision", kind="code"),
        Column(name="verdict", title="Verdict", kind="verdict"),
        Column(name="reasons", title="Reasons", kind="code"),
        Column(name="request", title="Request"), Column(name="day", title="Decided for"),
    )  # fmt: skip
    return Table(name="decisions", title="Decisions on record", columns=columns, read=read,
                 empty="Nothing was decided about it yet.")  # fmt: skip


def decision_link(decision_id: str, text: str) -> Link:
    """A decision, as a link to its proof."""
    return Link(text=text, href=path("decisions", decision_id))
