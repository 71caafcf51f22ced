"""The overview of one request, the matrix of all, the search, what would free most."""

from typing import Annotated, Final

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from catalog import requests, training_sets
from catalog.pages.nouns import sources_page
from pipelines.console.api.answering import alone, computed, recorded
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
from pipelines.console.search import found_for
from pipelines.console.sets import documents_in
from pipelines.console.sums import Share, decided, named_request, standings, sums_of
from pipelines.console.view import View
from pipelines.console.worklist import freeing

ROUTER: Final = about("overview")


class ShareShown(Shape):
    """What falls under one value and one verdict."""

    value: str = Field(description="The modality or the reason; `all` for everything.")
    verdict: Verdict = Field(description="The verdict.")
    num_sources: Count = Field(description="How many sources.")
    hours: Hours = Field(description="Hours of recordings.")


class Overview(Shape):
    """Hours under each verdict of one request; all empty if no request is on record."""

    request: str | None = Field(description="Name of the request.")
    decided_for: Day | None = Field(description="The day it was decided for; null if never.")
    notes: list[str] = Field(description="Why these may no longer be the verdicts of today.")
    by_verdict: list[ShareShown] = Field(description="Over everything.")
    by_modality: list[ShareShown] = Field(description="By modality.")
    by_reason: list[ShareShown] = Field(description="By reason; several reasons count each.")


class MatrixRow(Shape):
    """A source under every request."""

    source_id: str = Field(description="Id of the source.")
    verdicts: dict[str, Verdict] = Field(description="The verdict by the name of the request.")
    decisions: dict[str, str] = Field(
        description="The decision about its least free part, by the name of the request."
    )


class Found(Shape):
    """Something that words lead to."""

    kind: str = Field(description="What it is.", examples=["source"])
    id: str = Field(description="Its id.")
    says: str = Field(description="What it says of itself, or empty.")


class Finds(Shape):
    """What was found: some of each kind."""

    items: list[Found] = Field(description="What the words lead to.")


class Freeing(Shape):
    """New grants or answers that, all together, would free something."""

    keys: list[str] = Field(description="What they are; none where three would not be enough.")
    hours: Hours = Field(description="Hours of recordings that they would free.")
    sources: list[str] = Field(description="Ids of the sources.")


class Worklist(Shape):
    """What would free most under a request, the most hours first."""

    items: list[Freeing] = Field(description="Sets of new grants or answers.")


class DocumentShown(Shape):
    """A document of a training set."""

    name: str = Field(description="Its name.", examples=["NOTICE"])
    num_bytes: Count = Field(description="Its bytes.")
    sha256: str = Field(description="sha256 of its bytes.")
    missing: list[str] = Field(description="The fields that it leaves open.")


class Documents(Shape):
    """The documents of a training set; none if its folder is not in this home."""

    items: list[DocumentShown] = Field(description="The documents.")


@get(ROUTER, "/overview", Overview, refuses=(404, 409))
def overview(request: Request, *, under: Under = "") -> Response:
    """Sum up what was decided under one request last, over all sources."""

    def build(view: View) -> Overview:
        asked = named_request(view, under)
        if asked is None:
            return Overview(request=None, decided_for=None, notes=[], by_verdict=[],
                            by_modality=[], by_reason=[])  # fmt: skip
        last = decided(view, asked)
        sums = sums_of(view, last)
        return Overview(
            request=last.request, decided_for=last.day, notes=list(age_words(last, view)),
            by_verdict=_shares(sums.by_verdict), by_modality=_shares(sums.by_modality),
            by_reason=_shares(sums.by_reason),
        )  # fmt: skip

    return recorded(request, build)


@get(ROUTER, "/matrix", Listed[MatrixRow])
def matrix(request: Request, page: Page, *, q: Words = "") -> Response:
    """List the sources by id, each with its verdict under every request."""

    def build(view: View) -> Listed[MatrixRow]:
        under = [decided(view, one) for one in requests.requests(view.session)]
        found, after = sources_page(view.session, page, words=q)
        stand = standings(view, under, [one.source_id for one in found])
        rows = []
        for one in found:
            own = {name: each[one.source_id] for name, each in stand.items()}
            rows.append(MatrixRow.model_validate({
                "source_id": one.source_id,
                "verdicts": {name: of.verdict for name, of in own.items()},
                "decisions": {name: of.least for name, of in own.items() if of.least},
            }))  # fmt: skip
        return listed(Listed[MatrixRow], rows, after)

    return recorded(request, build)


@get(ROUTER, "/search", Finds)
def search(
    request: Request,
    q: Annotated[Said, Query(min_length=1, max_length=400, description="What to look for.")],
) -> Response:
    """Find by a name, an address, a sha256, or the start of any id: some of each kind."""

    def build(view: View) -> Finds:
        found = found_for(view, q) if q else ()
        return Finds(items=[Found(kind=kind, id=name, says=says) for kind, name, says in found])

    return recorded(request, build)


@get(ROUTER, "/requests/{name}/worklist", Worklist, refuses=(404, 409, 429))
def worklist(request: Request, name: str) -> Response:
    """Rank what would free most under a request; decided anew, one such question at a time."""

    def build(view: View) -> Worklist:
        _, ranked = freeing(view, requests.request(view.session, name))
        return Worklist(items=[
            Freeing(keys=list(one.keys), hours=one.hours, sources=list(one.sources))
            for one in ranked
        ])  # fmt: skip

    return alone(request, build)


@get(ROUTER, "/sets/{name}/documents", Documents, refuses=(404, 409))
def documents(request: Request, name: str) -> Response:
    """List the documents of a training set, as its manifest does."""

    def build(view: View) -> Documents:
        row = training_sets.training_set(view.session, name)
        return Documents(items=[
            DocumentShown(name=one.name, num_bytes=one.num_bytes, sha256=one.sha256,
                          missing=list(one.missing))
            for one in documents_in(view, row)
        ])  # fmt: skip

    return computed(request, build)


def _shares(found: tuple[Share, ...]) -> list[ShareShown]:
    return [made(ShareShown, one) for one in found]
