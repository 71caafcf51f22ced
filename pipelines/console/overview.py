"""The overview: how much is cleared and why not, what ends soon, what is owed, what is unread."""

from collections.abc import Sequence
from datetime import timedelta

from catalog import requests, schema
from catalog.layers import Fact
from catalog.pages.decided import is_behind
from catalog.pages.facts import duties_page, ending_page, number_ending, unread_page
from catalog.pages.nouns import number_of, quarantine_page
from catalog.pages.paging import Window
from pipelines.console.blocks import (
    Block,
    Column,
    Field,
    Figure,
    Figures,
    Form,
    Link,
    Page,
    Row,
    Table,
    Words,
    fixed,
    path,
)
from pipelines.console.showing import hours
from pipelines.console.sums import VERDICTS, Decided, Share, Sums, decided, named_request, sums_of
from pipelines.console.view import View

SOON, LATER = 30, 90  # days


def overview(view: View) -> Page:
    """Build the page that the console opens with."""
    asked = named_request(view, view.text("request"))
    under = None if asked is None else decided(view, asked)
    found = None if under is None else sums_of(view, under)
    blocks: list[Block] = []
    if under is None:
        blocks.append(Words(paragraphs=("No request is on record: nothing was decided yet.",
                                        "Record one with clearway request check --save."),
                            tone="note"))  # fmt: skip
    else:
        blocks += [_choice(view, under), *age(under, view)]
    blocks.append(_figures(view, under, found))
    if found is not None:
        blocks += hours_tables(found)
    blocks += [_ending(view), _duties(view), _unread(view)]
    return Page(title="Overview", blocks=tuple(blocks))


def age_words(under: Decided, view: View) -> tuple[str, ...]:
    """Say how old the decisions under a request are, if they may no longer be those of today."""
    if under.day is None:
        return (f"Request {under.request} was never decided on its own day; "
                f"`clearway clear {under.request}` decides it.",)  # fmt: skip
    if is_behind(view.session, under.by.last):
        return (f"Facts, files or clips were recorded after the decisions of {under.day}: some "
                f"verdicts may be others now. `clearway clear {under.request}` decides anew.",
                )  # fmt: skip
    if under.day < view.today:
        return (f"Decided on {under.day}. A term may have ended since; "
                f"`clearway clear {under.request}` decides for today.",)  # fmt: skip
    return ()


def age(under: Decided, view: View) -> list[Block]:
    """Warn of decisions that may no longer be those of today."""
    said = age_words(under, view)
    return [Words(paragraphs=said, tone="warning")] if said else []


def _choice(view: View, under: Decided) -> Form:
    names = [one.name for one in requests.requests(view.session)]
    field = Field(
        name="request", label="Use that is asked for", value=under.request,
        choices=tuple((one, one) for one in names),
    )  # fmt: skip
    return Form(title="", action="/", fields=(field,), button="Show")


def _figures(view: View, under: Decided | None, sums: Sums | None) -> Figures:
    session, today = view.session, view.today
    sources = number_of(session, schema.sources, "source_id")
    figures = [Figure(number=f"{sources:,}", says="sources", href="/sources")]
    if under is not None and sums is not None:
        figures += [
            Figure(number=hours(sums.hours(one)), says=says,
                   href=path("sources", request=under.request, verdict=one))
            for one, says in zip(VERDICTS, ("permitted", "undetermined", "denied"), strict=True)
        ]  # fmt: skip
    for days in (SOON, LATER):
        count = number_ending(session, since=today, until=today + timedelta(days=days))
        figures.append(
            Figure(number=f"{count:,}", says=f"end in {days} days", href="#ending",
                   tone="warning" if count and days == SOON else "plain")
        )  # fmt: skip
    for name, says, rows, after in (
        ("duties", "open duties", *duties_page(session, Window())),
        ("unread", "unread signals", *unread_page(session, Window())),
    ):
        figures.append(_counted(rows, after, says=says, href=f"#{name}"))
    held, more = quarantine_page(session, "", Window())
    figures.append(_counted(held, more, says="in quarantine", href="/quarantine"))
    return Figures(title="At a glance", figures=tuple(figures))


def _counted(rows: Sequence[object], after: str, *, says: str, href: str) -> Figure:
    """A count that is exact as long as it fits a page; no page counts what it does not show."""
    number = f"{len(rows)}+" if after else str(len(rows))
    return Figure(number=number, says=says, href=href, tone="warning" if rows else "plain")


def hours_tables(sums: Sums) -> list[Block]:
    """Build the tables of hours by verdict, modality and reason."""
    verdict = Column(name="verdict", title="Verdict", kind="verdict")
    rest = (
        Column(name="hours", title="Recordings", kind="hours"),
        Column(name="share", title="Share", kind="share"),
        Column(name="sources", title="Sources", kind="number"),
    )
    by = "A thing with several reasons counts under each."
    return [
        Table(name="verdicts", title="Hours by verdict", columns=(verdict, *rest),
              read=fixed(_rows(sums.by_verdict))),
        Table(name="modalities", title="Hours by modality",
              columns=(Column(name="value", title="Modality"), verdict, *rest),
              read=fixed(_rows(sums.by_modality))),
        Table(name="reasons", title="Hours by reason", note=by,
              columns=(Column(name="value", title="Reason", kind="code"), verdict, *rest),
              read=fixed(_rows(sums.by_reason))),
    ]  # fmt: skip


def _rows(shares: tuple[Share, ...]) -> list[Row]:
    total = sum(one.hours for one in shares)
    return [
        {
            "value": one.value, "verdict": one.verdict, "hours": one.hours,
            "share": one.hours / total if total else 0.0, "sources": one.num_sources,
        }
        for one in shares
    ]  # fmt: skip


def _ending(view: View) -> Table:
    until = view.today + timedelta(days=LATER)

    def read(window: Window) -> tuple[list[Row], str]:
        found, after = ending_page(view.session, window, since=view.today, until=until)
        return [_ending_row(one) for one in found], after

    return Table(
        name="ending", title=f"Ends within {LATER} days", read=read,
        empty=f"No term ends by {until}.",
        columns=(
            Column(name="ends", title="First day after it"), Column(name="source", title="Source"),
            Column(name="kind", title="Fact"), Column(name="what", title="What it is"),
            Column(name="fact", title="Id", kind="code"),
        ),
    )  # fmt: skip


def _ending_row(fact: Fact) -> Row:
    said = fact.doc
    names = ("type", "id", "instrument_id", "licensor")
    return {
        "ends": fact.valid_to, "source": source_link(fact.source_id), "kind": fact.kind,
        "what": [str(said[one]) for one in names if said.get(one)], "fact": fact.fact_id,
    }  # fmt: skip


def _duties(view: View) -> Table:
    def read(window: Window) -> tuple[list[Row], str]:
        found, after = duties_page(view.session, window)
        rows: list[Row] = [
            {
                "deadline": str(one.doc.get("deadline") or ""), "duty": str(one.doc.get("duty")),
                "state": str(one.doc.get("state") or "not stated"),
                "instrument": str(one.doc.get("instrument")),
                "source": source_link(one.source_id),
            }
            for one in found
        ]  # fmt: skip
        return rows, after

    return Table(
        name="duties", title="Open duties", read=read, empty="No duty is open.",
        columns=(
            Column(name="deadline", title="Deadline"), Column(name="duty", title="Duty"),
            Column(name="state", title="State"), Column(name="instrument", title="Under"),
            Column(name="source", title="Source"),
        ),
    )  # fmt: skip


def _unread(view: View) -> Table:
    def read(window: Window) -> tuple[list[Row], str]:
        found, after = unread_page(view.session, window)
        rows: list[Row] = [
            {
                "source": source_link(one.source_id), "why": str(one.doc.get("unread")),
                "about": str(one.doc.get("about") or ""),
                "fact": Link(text=one.fact_id, href=path("signals", one.fact_id)),
            }
            for one in found
        ]  # fmt: skip
        return rows, after

    return Table(
        name="unread", title="Unread signals", read=read,
        empty="Every signal that was found could be read.",
        columns=(
            Column(name="source", title="Source"), Column(name="why", title="Why it is unread"),
            Column(name="about", title="File"), Column(name="fact", title="Id", kind="code"),
        ),
    )  # fmt: skip


def source_link(source_id: str) -> Link:
    """A source, as a link to its page."""
    return Link(text=source_id, href=path("sources", source_id))
