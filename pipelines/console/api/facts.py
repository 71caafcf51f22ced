"""What lies in a source: its facts, files, decisions, and what is held in quarantine."""

from datetime import timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from catalog import rights
from catalog import sources as registered
from catalog.layers import Fact
from catalog.pages.decided import decisions_page
from catalog.pages.facts import duties_page, ending_page, facts_page, unread_page
from catalog.pages.nouns import files_page, quarantine_page
from pipelines.console.api.answering import recorded
from pipelines.console.api.routing import about, get
from pipelines.console.api.shapes import (
    Count,
    Day,
    Doc,
    Instant,
    Listed,
    Page,
    Said,
    Shape,
    Verdict,
    listed,
    made,
)
from pipelines.console.view import View

ROUTER: Final = about("facts")
KINDS: Final = rights.KINDS
_SourceId = Annotated[str, Field(description="Id of the source.")]
_Source = Annotated[Said, Query(max_length=400, description="Of this source alone.")]


class FactShown(Shape):
    """One thing said about the rights in a source, ended or not."""

    fact_id: str = Field(description="Its id.")
    source_id: _SourceId
    kind: str = Field(description="What kind of fact it is.")
    valid_from: Day | None = Field(description="From which day it holds; null for always.")
    valid_to: Day | None = Field(description="The first day after it; null for no end of its own.")
    recorded_at: Instant = Field(description="When it was recorded.")
    said: Doc = Field(description="What it says, as it was recorded.")


class FileShown(Shape):
    """What was found last at one path of a source."""

    source_id: _SourceId
    path: str = Field(description="Its name in the source.")
    sha256: str = Field(description="sha256 of its bytes.")
    size_bytes: Count = Field(description="Its bytes.")
    status: str = Field(description="What became of it.", examples=["ingested"])
    reason: str = Field(description="Why, as a code, or empty.")
    duration_ns: int | None = Field(description="Length of its recording; null if not known.")


class Held(Shape):
    """A file that is held in quarantine."""

    source_id: _SourceId
    path: str = Field(description="Its name in the source.")
    sha256: str = Field(description="sha256 of its bytes.")
    reason: str = Field(description="Why, as a code.", examples=["UNREADABLE"])
    reader: str = Field(description="The reader that could not take it, or empty.")
    retryable: bool = Field(description="Whether it may be tried again.")
    evidence: Any = Field(description="What the reader found.")


class DecisionLine(Shape):
    """A decision in a list."""

    decision_id: str = Field(description="Its id.")
    source_id: _SourceId
    request: str = Field(description="Name of the request, or empty for one that has none.")
    verdict: Verdict = Field(description="The verdict.")
    reasons: list[str] = Field(description="Codes of what it rests on.")
    obligations: list[str] = Field(description="Duties that come with it.")
    rights_key: str = Field(description="The key of the parts that it is about.")
    decided_for: Day = Field(description="The day that it was decided for.")


@get(ROUTER, "/sources/{source}/facts", Listed[FactShown], refuses=(404, 409))
def source_facts(
    request: Request,
    source: str,
    page: Page,
    *,
    kind: Annotated[
        Literal[KINDS] | None,  # type: ignore[valid-type]
        Query(description="Of this kind alone."),
    ] = None,
) -> Response:
    """List the facts about a source, oldest first, ended ones too."""

    def build(view: View) -> Listed[FactShown]:
        found = registered.source(view.session, source)
        kinds = KINDS if kind is None else (kind,)
        rows, after = facts_page(view.session, found.source_id, page, kinds=kinds)
        return listed(Listed[FactShown], [_fact(one) for one in rows], after)

    return recorded(request, build)


@get(ROUTER, "/sources/{source}/files", Listed[FileShown], refuses=(404, 409))
def source_files(request: Request, source: str, page: Page) -> Response:
    """List what was found in a source last, path by path."""

    def build(view: View) -> Listed[FileShown]:
        found = registered.source(view.session, source)
        rows, after = files_page(view.session, found.source_id, page)
        names = [one for one in FileShown.model_fields if one != "source_id"]
        files = [
            FileShown.model_validate(
                {"source_id": found.source_id, **{name: one.get(name) for name in names}}
            )
            for one in rows
        ]
        return listed(Listed[FileShown], files, after)

    return recorded(request, build)


@get(ROUTER, "/quarantine", Listed[Held])
def quarantine(request: Request, page: Page, *, source: _Source = "") -> Response:
    """List what is held in quarantine, by path."""

    def build(view: View) -> Listed[Held]:
        rows, after = quarantine_page(view.session, source, page)
        held = [
            Held.model_validate({name: one[name] for name in Held.model_fields}) for one in rows
        ]
        return listed(Listed[Held], held, after)

    return recorded(request, build)


@get(ROUTER, "/decisions", Listed[DecisionLine])
def decisions(request: Request, page: Page, *, source: _Source = "") -> Response:
    """List the decisions on record, the newest first."""

    def build(view: View) -> Listed[DecisionLine]:
        rows, after = decisions_page(view.session, page, source_id=source)
        lines = [
            made(DecisionLine, part, request=name, decided_for=day) for part, name, day in rows
        ]
        return listed(Listed[DecisionLine], lines, after)

    return recorded(request, build)


@get(ROUTER, "/duties", Listed[FactShown])
def duties(request: Request, page: Page) -> Response:
    """List the duties whose last state on record is not `met`, the next deadline first."""
    return recorded(request, lambda view: _facts(*duties_page(view.session, page)))


@get(ROUTER, "/ending", Listed[FactShown])
def ending(
    request: Request,
    page: Page,
    *,
    days: Annotated[int, Query(ge=1, le=3_650, description="Within how many days.")] = 90,
) -> Response:
    """List the facts that end by themselves within some days from today, the next first."""

    def build(view: View) -> Listed[FactShown]:
        until = view.today + timedelta(days=days)
        return _facts(*ending_page(view.session, page, since=view.today, until=until))

    return recorded(request, build)


@get(ROUTER, "/unread-signals", Listed[FactShown])
def unread_signals(request: Request, page: Page) -> Response:
    """List the signals that stand and that no reader could take, oldest first."""
    return recorded(request, lambda view: _facts(*unread_page(view.session, page)))


def _facts(rows: tuple[Fact, ...], after: str) -> Listed[FactShown]:
    return listed(Listed[FactShown], [_fact(one) for one in rows], after)


def _fact(one: Fact) -> FactShown:
    return made(FactShown, one, said=dict(one.doc))
