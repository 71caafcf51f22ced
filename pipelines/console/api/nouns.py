"""Parties, requests, and one decision as its proof."""

from collections.abc import Sequence
from typing import Final

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from catalog import decisions as decided
from catalog import parties as registered
from catalog import personal
from catalog import requests as asked
from catalog.pages.nouns import parties_page
from catalog.parties import Party
from catalog.requests import StoredRequest
from licensing.explain import decision_unlocks, explain
from licensing.facts import Decision, Verdict
from licensing.rulebook import load_rulebook
from pipelines.audit.standing import standings
from pipelines.console.api.answering import recorded
from pipelines.console.api.facts import DecisionLine
from pipelines.console.api.routing import about, get
from pipelines.console.api.shapes import Day, Doc, Instant, Listed, Page, Shape, Words, listed, made
from pipelines.console.sums import decided as decided_under
from pipelines.console.sums import hours_of
from pipelines.console.view import View

ROUTER: Final = about("nouns")


class PartyShown(Shape):
    """A person or organisation that holds, gives or receives rights."""

    party_id: str = Field(description="Its id.")
    name: str = Field(description="Its name.")
    kind: str = Field(description="What it is.", examples=["organisation"])
    jurisdiction: str = Field(description="Under which law it stands, or empty.")
    fictional: bool = Field(description="Whether it was made up, as in a demo.")


class RequestShown(Shape):
    """A use that was asked for, in its last version, and how many hours have each verdict."""

    name: str = Field(description="Its name.")
    version: int = Field(ge=1, description="Its version.")
    digest: str = Field(description="sha256 of what it asks.")
    decided_for: Day | None = Field(description="The day it was decided for; null if never.")
    asks: Doc = Field(description="The use in full.")
    hours: dict[str, float] = Field(description="Hours of recordings by verdict.")


class RequestsShown(Shape):
    """All requests on record: they are few."""

    items: list[RequestShown] = Field(description="The requests.")


class DecisionShown(DecisionLine):
    """A decision as its proof, and whether it still stands."""

    known: Instant = Field(description="With what was on record when it was decided.")
    profile: str = Field(description="How strictly it was judged.")
    rulebook_digest: str = Field(description="sha256 of the rules.")
    words: str = Field(description="The proof in words.")
    standing: str = Field(description="Whether it stands, in words.", examples=["stands"])
    unlocks: list[list[str]] = Field(
        description="Sets of new grants or answers, each of which would permit it."
    )
    proof: Doc = Field(description="The proof as it was recorded.")


@get(ROUTER, "/parties", Listed[PartyShown])
def parties(request: Request, page: Page, *, q: Words = "") -> Response:
    """List the parties by id: those with the words in id or name."""

    def build(view: View) -> Listed[PartyShown]:
        rows, after = parties_page(view.session, page, words=q)
        return listed(Listed[PartyShown], [_party(one) for one in rows], after)

    return recorded(request, build)


@get(ROUTER, "/parties/{party:path}", PartyShown, refuses=(404, 409))
def party(request: Request, party: str) -> Response:
    """Show one party."""
    return recorded(request, lambda view: _party(registered.party(view.session, party)))


@get(ROUTER, "/requests", RequestsShown)
def requests(request: Request) -> Response:
    """List the requests, each with what was decided under it last."""

    def build(view: View) -> RequestsShown:
        return RequestsShown(items=_requests(view, asked.requests(view.session)))

    return recorded(request, build)


@get(ROUTER, "/requests/{name}", RequestShown, refuses=(404, 409))
def one_request(request: Request, name: str) -> Response:
    """Show one request: what it asks, and what was decided."""
    return recorded(request, lambda view: _requests(view, [asked.request(view.session, name)])[0])


@get(ROUTER, "/decisions/{decision}", DecisionShown, refuses=(404, 409))
def decision(request: Request, decision: str) -> Response:
    """Show why: a decision as its proof, in words and in full."""

    def build(view: View) -> DecisionShown:
        row = decided.decision(view.session, decision)
        (standing,) = standings(view.session, [row])
        doc = personal.aloud(view.session, dict(row.doc))
        said = Decision(**{**doc, "verdict": Verdict.of_word(doc["verdict"])})
        return made(
            DecisionShown, row, request=row.request_name, decided_for=row.valid,
            words=explain(said), standing=standing.words(), proof=doc["proof"],
            unlocks=_unlocks(said),
        )  # fmt: skip

    return recorded(request, build)


def _unlocks(said: Decision) -> list[list[str]]:
    if said.verdict is Verdict.PERMIT:
        return []
    return [list(one) for one in decision_unlocks(said, load_rulebook())]


def _party(one: Party) -> PartyShown:
    return made(PartyShown, one)


def _requests(view: View, found: Sequence[StoredRequest]) -> list[RequestShown]:
    under = [decided_under(view, one) for one in found]
    hours = hours_of(view, under)
    return [
        RequestShown(
            name=one.name, version=one.version, digest=one.digest, decided_for=last.day,
            asks=dict(one.doc), hours=hours[one.name],
        )
        for one, last in zip(found, under, strict=True)
    ]  # fmt: skip
