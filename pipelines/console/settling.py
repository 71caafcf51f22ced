"""A signal that no reader could take: what it is, where it lies, and the form that settles it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from fastapi import FastAPI

from catalog import rights
from catalog.engine import open_catalog, reading
from catalog.layers import Fact
from pipelines.attach.settling import READINGS, same_statement, settle, signal
from pipelines.console.acting import Asked, add_act, check_typed, word_of
from pipelines.console.blocks import (
    Block,
    Cell,
    Column,
    Field,
    Form,
    Link,
    Page,
    Table,
    Terms,
    Words,
    fixed,
    path,
)
from pipelines.console.evidence import digests_of
from pipelines.console.overview import source_link
from pipelines.console.view import View
from pipelines.settings import Settings

ADDRESS: Final = "/signals/{fact}/settle"
DECIDE: Final = "Verdicts stay as they were decided until `clearway clear` decides anew."


def add_settling(app: FastAPI, settings: Settings, *, clock: Callable[[], datetime]) -> None:
    """Give the application the address that settles a signal."""
    add_act(app, ADDRESS, "settle", do=_do, settings=settings, clock=clock)


def signal_page(view: View) -> Page:
    """Build the page of one signal, with the form that settles it for whom may."""
    found = signal(view.session, view.path["fact"])
    ends = rights.ends_of(view.session, [found.fact_id])
    is_open = "unread" in found.doc and not ends
    blocks: list[Block] = [Terms(rows=tuple(_described(view, found)))]
    if is_open:
        blocks += [_reach(view, found), *_forms(view, found)]
    blocks += [
        Words(tone="note", title="Settled" if "unread" in found.doc else "Ended",
              paragraphs=(f"On {one.recorded_at:%Y-%m-%d %H:%M} UTC: {one.reason}",))
        for one in ends
    ]  # fmt: skip
    return Page(
        title="A signal that no reader could take" if is_open else "A signal of a holder",
        lead=str(found.doc.get("unread", "")),
        trail=(Link(text="Sources", href="/sources"), source_link(found.source_id)),
        blocks=tuple(blocks),
    )


def signal_link(fact: Fact, text: str) -> Link:
    """A signal, as a link to its page."""
    return Link(text=text, href=path("signals", fact.fact_id))


def _do(asked: Asked) -> Page:
    fact_id = asked.path["fact"]
    with reading(open_catalog(asked.settings.catalog_url, read_only=True)) as session:
        check_typed(asked, signal(session, fact_id).source_id, "nothing was settled")
    done = settle(
        asked.settings, fact_id, asked.text("reading"), reason=asked.text("reason"),
        actor=asked.visitor.account, now=asked.now,
    )  # fmt: skip
    return Page(
        title="Settled", lead=f"By {asked.visitor.account}",
        trail=(Link(text="Sources", href="/sources"), source_link(done.source_id)),
        blocks=(Words(title="What it says now", paragraphs=(done.summary(), DECIDE)),),
    )  # fmt: skip


def _described(view: View, found: Fact) -> Iterator[tuple[str, Cell]]:
    where = found.doc.get("where") or {}
    yield "Source", source_link(found.source_id)
    yield "Found in", str(where.get("path") or "attached by hand")
    yield "Place", str(where.get("place") or "")
    yield "States", [f"{name} {said}" for name, said in found.doc.items()
                     if name not in {"layer_id", "about", "where", "unread"}]  # fmt: skip
    yield "Bytes", _paper(view, found, str(where.get("sha256") or ""))
    yield "Recorded", f"{found.recorded_at:%Y-%m-%d %H:%M} UTC"
    yield "Id", found.fact_id


def _paper(view: View, found: Fact, digest: str) -> Cell:
    """The bytes that it was read from, opened by the fact that names them."""
    kept = rights.facts_about(view.session, [found.source_id], kind="evidence")
    named = (one.fact_id for one in kept if digest and digest in digests_of(one.doc))
    fact_id = next(named, None)
    if fact_id is None:
        return digest or "not kept: read the file itself"
    return Link(text=f"as they were kept, sha256 {digest}", href=path("evidence", fact_id, digest))


def _reach(view: View, found: Fact) -> Table:
    marks = same_statement(view.session, found)
    rows = [{"about": str(one.doc.get("about") or "the whole source"), "fact": one.fact_id}
            for one in marks]  # fmt: skip
    return Table(
        name="reach", title="What the statement speaks of", read=fixed(rows),
        columns=(Column(name="about", title="File"), Column(name="fact", title="Id", kind="code")),
    )  # fmt: skip


def _forms(view: View, found: Fact) -> Iterator[Form]:
    word = word_of(view, "settle")
    if word:
        yield Form(
            title="Record what it says", button="Record the reading", word=word,
            action=path("signals", found.fact_id, "settle"),
            fields=(
                Field(name="reading", label="Somebody read it, and", value="reserved",
                      choices=tuple(READINGS.items())),
                Field(name="reason", label="Where, and by what words",
                      hint="it stays on record: name no person"),
                Field(name="typed", label=f"To confirm, type {found.source_id}",
                      hint="nothing takes a reading back; a new statement can be attached"),
            ),
        )  # fmt: skip
