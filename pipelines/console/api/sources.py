"""Sources: the list with the verdict of each under one request, and one of them."""

from typing import Annotated, Final, Literal

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from catalog import requests
from catalog import sources as registered
from catalog.pages.nouns import file_counts, sources_page
from catalog.sources import Source
from pipelines.console.api.answering import recorded
from pipelines.console.api.routing import about, get
from pipelines.console.api.shapes import (
    Count,
    Day,
    Hours,
    Listed,
    Page,
    Said,
    Shape,
    Under,
    Verdict,
    Words,
    listed,
    made,
)
from pipelines.console.overview import age_words
from pipelines.console.sums import (
    Decided,
    OfSource,
    decided,
    named_request,
    sources_with,
    standings,
)
from pipelines.console.view import View

ROUTER: Final = about("sources")


class SourceLine(Shape):
    """A source in a list."""

    source_id: str = Field(description="Its id.", examples=["films"])
    title: str = Field(description="Its title.")
    modality: str = Field(description="What kind of recordings it holds.")
    owner: str = Field(description="Id of the party that owns it, or empty.")
    uri: str = Field(description="Where its recordings were found.")
    fictional: bool = Field(description="Whether it was made up, as in a demo.")
    verdict: Verdict | None = Field(
        description="That of its least free part under the request; null if there is no request."
    )
    hours: Hours | None = Field(description="Hours of its recordings that the verdict counts.")


class SourceVerdict(Shape):
    """What was decided about a source under one request."""

    request: str = Field(description="Name of the request.")
    verdict: Verdict = Field(description="The verdict of its least free part.")
    decided_for: Day | None = Field(description="The day it was decided for; null if never.")
    least: str | None = Field(description="Id of the decision about its least free part.")
    decisions: list[str] = Field(description="Ids of the decisions about its parts.")
    hours: Hours = Field(description="Hours of its recordings.")
    notes: list[str] = Field(description="Why this may no longer be the verdict of today.")


class SourceFull(Shape):
    """A source, and how it is decided."""

    source_id: str = Field(description="Its id.")
    title: str = Field(description="Its title.")
    modality: str = Field(description="What kind of recordings it holds.")
    owner: str = Field(description="Id of the party that owns it, or empty.")
    uri: str = Field(description="Where its recordings were found.")
    reader: str = Field(description="The reader of its files, or `auto`.")
    attribution: str = Field(description="How it is to be credited.")
    acquisition: str = Field(description="How it was come by, as a class.")
    obtained: str = Field(description="How it was come by, in words.")
    fictional: bool = Field(description="Whether it was made up, as in a demo.")
    streams: dict[str, str] = Field(description="Its streams, each with its rights stream.")
    files: dict[str, Count] = Field(description="How many of its files have each status.")
    verdicts: list[SourceVerdict] = Field(description="The verdict under each request.")


@get(ROUTER, "/sources", Listed[SourceLine], refuses=(404,))
def sources(  # noqa: PLR0913 - one parameter a filter
    request: Request,
    page: Page,
    *,
    q: Words = "",
    modality: Annotated[Said, Query(max_length=60, description="Of this modality alone.")] = "",
    owner: Annotated[Said, Query(max_length=400, description="Of this party alone.")] = "",
    under: Under = "",
    verdict: Annotated[Verdict | Literal[""], Query(description="With this verdict alone.")] = "",
) -> Response:
    """List the sources by id, each with its verdict under one request."""

    def build(view: View) -> Listed[SourceLine]:
        asked = named_request(view, under)
        last = None if asked is None else decided(view, asked)
        only = sources_with(view, last, verdict) if last is not None and verdict else None
        found, after = sources_page(
            view.session, page, words=q, modality=modality, owner=owner, only=only
        )
        own: dict[str, OfSource] = {}
        if last is not None:
            own = standings(view, [last], [one.source_id for one in found])[last.request]
        lines = [_line(one, own.get(one.source_id)) for one in found]
        return listed(Listed[SourceLine], lines, after)

    return recorded(request, build)


@get(ROUTER, "/sources/{source}", SourceFull, refuses=(404, 409))
def source(request: Request, source: str) -> Response:
    """Show one source: what it is, its files by status, its verdict under each request."""

    def build(view: View) -> SourceFull:
        found = registered.source(view.session, source)
        return made(
            SourceFull, found, streams=dict(found.streams),
            files=file_counts(view.session, found.source_id),
            verdicts=_verdicts(view, found.source_id),
        )  # fmt: skip

    return recorded(request, build)


def _line(found: Source, own: OfSource | None) -> SourceLine:
    return made(
        SourceLine, found, verdict=own.verdict if own else None, hours=own.hours if own else None
    )


def _verdicts(view: View, source_id: str) -> list[SourceVerdict]:
    under = [decided(view, one) for one in requests.requests(view.session)]
    stand = standings(view, under, [source_id])
    return [_verdict(view, one, stand[one.request][source_id]) for one in under]


def _verdict(view: View, under: Decided, own: OfSource) -> SourceVerdict:
    return SourceVerdict.model_validate({
        "request": under.request, "verdict": own.verdict, "decided_for": under.day,
        "least": own.least or None, "decisions": list(own.decisions), "hours": own.hours,
        "notes": list(age_words(under, view)),
    })  # fmt: skip
