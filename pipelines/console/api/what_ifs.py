"""What-ifs: a decision as of another day, and what a grant would change. Nothing is recorded."""

from typing import Annotated, Final, Literal

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from catalog import decisions as decided
from catalog import requests
from licensing.explain import explain
from licensing.facts.vocabulary import LAYER_KINDS
from licensing.request import read_request
from pipelines.audit.what_if import Gained, gains
from pipelines.console.api.answering import alone, computed
from pipelines.console.api.routing import about, get
from pipelines.console.api.shapes import Day, Doc, Hours, Instant, Said, Shape, Verdict
from pipelines.console.granting import TO, WHAT, Grant, gain_of
from pipelines.console.view import View
from pipelines.console.why import as_of

ROUTER: Final = about("what-ifs")
_Limit = Annotated[Said, Query(max_length=400, description="Words, a,b; empty: no limit.")]


class DecidedAsOf(Shape):
    """What a decision would be on another day, or with what was on record then."""

    decision_id: str = Field(description="Id of the decision that is asked again.")
    source_id: str = Field(description="Id of the source.")
    valid: Day = Field(description="The day that it is decided for.")
    known: Instant = Field(description="With what was on record at this instant.")
    verdict: Verdict = Field(description="The verdict.")
    reasons: list[str] = Field(description="Codes of what it rests on.")
    obligations: list[str] = Field(description="Duties that come with it.")
    words: str = Field(description="The proof in words.")
    proof: Doc = Field(description="The proof.")


class GainedPart(Shape):
    """Parts of a source under the same rights, without the grant and with it."""

    source_id: str = Field(description="Id of the source.")
    hours: Hours = Field(description="Hours of its recordings.")
    before: Verdict = Field(description="The verdict without it.")
    after: Verdict = Field(description="The verdict with it.")
    reasons: list[str] = Field(description="Codes of what the verdict with it rests on.")
    missing: list[list[str]] = Field(
        description="Sets of further grants or answers, each of which would permit it."
    )


class GainedUnder(Shape):
    """What a grant would change under one request."""

    request: str = Field(description="Name of the request.")
    turned: Hours = Field(description="Hours of recordings that would have another verdict.")
    parts: list[GainedPart] = Field(description="By source, in their order.")


class GainShown(Shape):
    """What a grant would change; nothing was granted."""

    to: Literal["source", "party"] = Field(description="What it would be granted for.")
    subject: str = Field(description="Its whole id.")
    at: Day = Field(description="The day that is decided for.")
    requests: list[GainedUnder] = Field(description="Under each request.")


@get(ROUTER, "/decisions/{decision}/as-of", DecidedAsOf, refuses=(404, 409))
def decision_as_of(
    request: Request,
    decision: str,
    *,
    valid: Annotated[Day | None, Query(description="On this day; else on its own.")] = None,
    known: Annotated[
        Day | None, Query(description="With what was on record at its end; else with all.")
    ] = None,
) -> Response:
    """Decide what a decision is about again, on the layers that it names, and record nothing."""

    def build(view: View) -> DecidedAsOf:
        row = decided.decision(view.session, decision)
        found, then = as_of(view, row, valid=valid, known=known)
        return DecidedAsOf.model_validate({
            "decision_id": row.decision_id, "source_id": row.source_id,
            "valid": valid or row.valid, "known": then, "verdict": found.verdict.word,
            "reasons": list(found.reasons), "obligations": list(found.obligations),
            "words": explain(found), "proof": dict(found.proof),
        })  # fmt: skip

    return computed(request, build)


@get(ROUTER, "/what-if/grant", GainShown, refuses=(404, 409, 429))
def what_if_granted(  # noqa: PLR0913 - what a grant is made of
    request: Request,
    what: Annotated[Said, Query(min_length=1, max_length=400, description="Its id.")],
    *,
    to: Annotated[Literal[TO], Query(description="What kind of thing that is.")] = "source",  # type: ignore[valid-type]
    grant: Annotated[Literal[WHAT], Query(description="What is granted.")] = "contract",  # type: ignore[valid-type]
    said: Annotated[Said, Query(max_length=400, description="Licence, or actions.")] = "",
    layer: Annotated[Literal[("", *LAYER_KINDS)], Query(description="Of this right.")] = "",  # type: ignore[valid-type]
    actions: _Limit = "",
    territory: _Limit = "",
    valid_to: Annotated[Day | None, Query(description="First day after its end.")] = None,
) -> Response:
    """Say what a grant would change under each request, without making it."""
    asked = Grant(to=to, what=what, kind=grant, said=said, layer=layer, actions=actions,
                  territory=territory, valid_to=valid_to)  # fmt: skip

    def build(view: View) -> GainShown:
        subject, gain = gain_of(view, asked)
        found = [
            (one.name, gains(view.session, gain, read_request(one.doc)))
            for one in requests.requests(view.session)
        ]
        return GainShown(to=to, subject=subject, at=gain.at, requests=[
            GainedUnder(
                request=name, parts=[_part(one) for one in parts],
                turned=sum(one.hours for one in parts if one.before != one.after),
            )
            for name, parts in found
        ])  # fmt: skip

    return alone(request, build)


def _part(one: Gained) -> GainedPart:
    return GainedPart.model_validate({
        "source_id": one.source_id, "hours": one.hours, "before": one.before, "after": one.after,
        "reasons": list(one.reasons), "missing": [list(each) for each in one.missing()],
    })  # fmt: skip
