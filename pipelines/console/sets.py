"""Training sets: what lies in each, under which request and until when, and its documents."""

import hashlib
from collections.abc import Iterator

from catalog import decisions, training_sets
from catalog.pages.nouns import runs_page, sets_page
from catalog.pages.paging import Window
from catalog.pages.shards import shards_page
from catalog.training_sets import TrainingSetRow
from pipelines.console.blocks import (
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
from pipelines.console.flagged import flag, reaching_set
from pipelines.console.models import run_columns, run_row
from pipelines.console.overview import source_link
from pipelines.console.view import View
from pipelines.errors import ConsoleError
from pipelines.export.answering import BELOW, Document, documents_of, missing_of
from pipelines.storage import exists, join, read_bytes

CARRIED = ("clearance.dsse.json", "manifest.json")
_HOME = Link(text="Training sets", href="/sets")


def set_list(view: View) -> Page:
    """Build the list of training sets, the newest first."""

    def read(window: Window) -> tuple[list[Row], str]:
        found, after = sets_page(view.session, window, words=view.text("q"))
        return [_row(one) for one in found], after

    words = Field(name="q", label="Words in the id", value=view.text("q"))
    ask = Form(title="", action="/sets", button="Filter", fields=(words,))
    columns = (
        Column(name="set", title="Training set"), Column(name="request", title="Request"),
        Column(name="clips", title="Clips", kind="number"),
        Column(name="frames", title="Frames", kind="number"),
        Column(name="sources", title="Sources", kind="number"),
        Column(name="made", title="Made"), Column(name="until", title="Rights end"),
    )  # fmt: skip
    table = Table(name="sets", title="Training sets", columns=columns, read=read,
                  empty="No training set is so.")  # fmt: skip
    return Page(title="Training sets", blocks=(ask, table))


def set_page(view: View) -> Page:
    """Build the page of one version of a training set."""
    found = training_sets.training_set(view.session, view.path["set"])
    return Page(
        title=found.set_id,
        lead=f"{found.num_clips:,} clips, {found.num_frames:,} frames",
        trail=(_HOME,),
        blocks=(
            Terms(rows=tuple(_terms(view, found))),
            *_documents(view, found),
            _shards(view, found),
            _grounds(view, found),
            _clearances(view, found),
            _runs(view, found),
        ),
    )  # fmt: skip


def document(view: View) -> tuple[str, bytes]:
    """Return name and bytes of one document, as the manifest of its set lists them.

    Raises:
        NotFound: UNKNOWN_ID.
        ConsoleError: PAPER_UNKNOWN, PAPER_MISSING, PAPER_CHANGED.
    """
    found = training_sets.training_set(view.session, view.path["set"])
    name = view.path["name"]
    if name in CARRIED:
        sha256 = found.manifest_digest if name == "manifest.json" else None
        return name, _read(view, found, name, sha256=sha256)
    listed = {one.name: one for one in documents_in(view, found)}
    if name not in listed:
        raise _refused(found, name, code="PAPER_UNKNOWN", what="is none of its documents")
    return name, _read(
        view, found, f"{BELOW}{name}", sha256=listed[name].sha256, by="its manifest lists"
    )


def _read(
    view: View, row: TrainingSetRow, below: str, *, sha256: str | None, by: str = "is on record"
) -> bytes:
    """A file of a set, if it is what `by` says; None where its own signature tells."""
    place, name = join(view.settings.set_uri(row.name, row.version), below), below.split("/")[-1]
    if not exists(place):
        raise _refused(row, name, code="PAPER_MISSING", what="is not there any more")
    raw = read_bytes(place)
    if sha256 is not None and hashlib.sha256(raw).hexdigest() != sha256:
        raise _refused(row, name, code="PAPER_CHANGED", what=f"is not what {by}")
    return raw


def _refused(row: TrainingSetRow, name: str, *, code: str, what: str) -> ConsoleError:
    return ConsoleError(
        f"training set {row.set_id}: document {name[:60]!r} {what}",
        code=code, subject=name[:60], way_out=f"`clearway set documents {row.set_id}` lists them",
    )  # fmt: skip


def _row(row: TrainingSetRow) -> Row:
    return {
        "set": Link(text=row.set_id, href=path("sets", row.set_id)), "request": row.request_name,
        "clips": row.num_clips, "frames": row.num_frames, "sources": len(row.sources),
        "made": f"{row.made_at:%Y-%m-%d %H:%M} UTC", "until": str(row.not_after),
    }  # fmt: skip


def _terms(view: View, row: TrainingSetRow) -> Iterator[tuple[str, Cell]]:
    yield "Request", (Link(text=row.request_name, href=path("requests", row.request_name))
                      if row.request_name else row.request_digest[:16])  # fmt: skip
    yield "Made", f"{row.made_at:%Y-%m-%d %H:%M} UTC"
    yield "First end of a right", str(row.not_after)
    signed = training_sets.clearances_of(view.session, row.set_id)
    if signed:
        last = signed[-1].not_after
        over = ", which is over: the gate refuses it" if last <= view.now else ""
        yield "Clearance", f"until {last:%Y-%m-%d %H:%M} UTC{over}"
    else:
        yield "Clearance", "none was signed"
    if exists(join(view.settings.set_uri(row.name, row.version), "manifest.json")):
        yield (
            "To carry out",
            [Link(text=one, href=path("sets", row.set_id, "documents", one)) for one in CARRIED],
        )
    yield "Revoked", flag(
        reaching_set(view, row.set_id), none="nothing of it",
        so="the gate refuses it: export the set again, its next version leaves this out",
    )  # fmt: skip
    yield "Manifest", row.manifest_digest
    yield "Predecessor", row.predecessor or "none"
    yield (
        "Lineage",
        [
            Link(text="what it came from", href=path("lineage", id=row.set_id, way="up")),
            Link(text="what came of it", href=path("lineage", id=row.set_id, way="down")),
        ],
    )


def documents_in(view: View, row: TrainingSetRow) -> tuple[Document, ...]:
    """Return the documents that the manifest lists; none if its folder is not in this home."""
    place = view.settings.set_uri(row.name, row.version)
    return documents_of(view.settings, row.set_id) if exists(join(place, "manifest.json")) else ()


def _documents(view: View, row: TrainingSetRow) -> tuple[Table, ...]:
    documents = documents_in(view, row)
    rows: list[Row] = [
        {
            "name": Link(text=one.name, href=path("sets", row.set_id, "documents", one.name)),
            "bytes": one.num_bytes, "missing": one.missing, "sha256": one.sha256,
        }
        for one in documents
    ]  # fmt: skip
    columns = (
        Column(name="name", title="Document"), Column(name="bytes", title="Bytes", kind="number"),
        Column(name="missing", title="Leaves open"),
        Column(name="sha256", title="sha256", kind="code"),
    )  # fmt: skip
    first = Table(name="documents", title="Documents", columns=columns, read=fixed(rows),
                  empty="Its folder is not in this home.")  # fmt: skip
    if not documents:
        return (first,)
    asked: list[Row] = [
        {"field": one.field, "asks": one.asks} for one in missing_of(view.settings, row.set_id)
    ]
    second = Table(
        name="missing", title="What documents still ask", read=fixed(asked),
        columns=(Column(name="field", title="Field", kind="code"),
                 Column(name="asks", title="Question")),
        empty="Every question is answered.",
    )  # fmt: skip
    return first, second


def _shards(view: View, row: TrainingSetRow) -> Table:
    def read(window: Window) -> tuple[list[Row], str]:
        found, after = shards_page(view.session, window, set_id=row.set_id)
        rows: list[Row] = [
            {"shard": one.shard, "source": source_link(one.source_id), "clips": one.num_clips}
            for one in found
        ]
        return rows, after

    columns = (
        Column(name="shard", title="Shard", kind="number"), Column(name="source", title="Source"),
        Column(name="clips", title="Clips", kind="number"),
    )  # fmt: skip
    return Table(name="shards", title="Shards", columns=columns, read=read, empty="It holds none.")


def _grounds(view: View, row: TrainingSetRow) -> Table:
    found = decisions.sources_of(view.session, row.decisions)
    rows: list[Row] = [
        {"decision": Link(text=one, href=path("decisions", one)),
         "source": source_link(found[one]) if one in found else "not on record"}
        for one in row.decisions
    ]  # fmt: skip
    columns = (Column(name="decision", title="Decision", kind="code"),
               Column(name="source", title="Source"))  # fmt: skip
    return Table(name="grounds", title="Decisions that it rests on", columns=columns,
                 read=fixed(rows))  # fmt: skip


def _clearances(view: View, row: TrainingSetRow) -> Table:
    rows: list[Row] = [
        {"since": f"{one.not_before:%Y-%m-%d %H:%M} UTC",
         "until": f"{one.not_after:%Y-%m-%d %H:%M} UTC", "digest": one.statement_digest}
        for one in reversed(training_sets.clearances_of(view.session, row.set_id))
    ]  # fmt: skip
    columns = (
        Column(name="until", title="Until"), Column(name="since", title="From"),
        Column(name="digest", title="Statement", kind="code"),
    )  # fmt: skip
    return Table(name="clearances", title="Signed clearances", columns=columns, read=fixed(rows),
                 empty="None was signed.")  # fmt: skip


def _runs(view: View, row: TrainingSetRow) -> Table:
    def read(window: Window) -> tuple[list[Row], str]:
        found, after = runs_page(view.session, window, set_id=row.set_id)
        return [run_row(one) for one in found], after

    return Table(name="runs", title="Runs on it", columns=run_columns(), read=read,
                 empty="No run was trained on it.")  # fmt: skip
