"""The feed of what happened, in the order of the log, to be polled by sequence number.

A number belongs to one leaf of the log for ever, and the log has one writer at a time: whoever
asks on after the last number that he was given misses nothing and is told nothing twice.
"""

from typing import Annotated, Final, Literal

from fastapi import Query, Request
from pydantic import Field
from starlette.responses import Response

from catalog.pages.decided import log_size
from catalog.pages.events import Event, events_after
from catalog.pages.paging import MOST, SHOWN, Window
from pipelines.console.api.answering import recorded
from pipelines.console.api.routing import about, get
from pipelines.console.api.shapes import Day, Instant, Shape, Verdict
from pipelines.console.view import View
from pipelines.errors import ConsoleError

ROUTER: Final = about("events")
BEFORE_ALL: Final = -1
_LAST = 2**62
_KINDS = {
    "source": "sources", "decision": "decisions", "clearance": "clearances",
    "revocation": "revocations",
}  # fmt: skip


class Told(Shape):
    """What every event says of itself."""

    sequence: int = Field(ge=0, description="Number of its leaf in the log.", examples=[17])
    recorded_at: Instant = Field(description="When it was recorded.")


class SourceEvent(Told):
    """A source was registered, or described anew."""

    type: Literal["source_registered", "source_changed"] = Field(description="What happened.")
    source_id: str = Field(description="Id of the source.")
    modality: str = Field(description="What kind of recordings it holds.")
    owner: str = Field(description="Id of the party that owns it, or empty.")
    title: str = Field(description="Its title.")


class DecisionEvent(Told):
    """A part of a source was decided, for the first time or anew."""

    type: Literal["decision_made", "decision_changed"] = Field(description="What happened.")
    decision_id: str = Field(description="Id of the decision.")
    source_id: str = Field(description="Id of the source.")
    request: str = Field(description="Name of the request, or empty for one that has none.")
    decided_for: Day = Field(description="The day that it was decided for.")
    verdict: Verdict = Field(description="The verdict.")
    before: Verdict | None = Field(
        description="The verdict of the decision that it replaces, which may be the same."
    )
    reasons: list[str] = Field(description="Codes of what stands against it.")


class ClearanceEvent(Told):
    """A clearance of a training set was signed, the first or another."""

    type: Literal["clearance_issued", "clearance_renewed"] = Field(description="What happened.")
    set_id: str = Field(description="Id of the training set.")
    statement_digest: str = Field(description="sha256 of the signed statement.")
    not_before: Instant = Field(description="From when it holds.")
    not_after: Instant = Field(description="When it ends.")


class RevocationEvent(Told):
    """Rights were ended or defeated."""

    type: Literal["revocation_recorded"] = Field(description="What happened.")
    revocation_id: str = Field(description="Id of the revocation.")
    subject_kind: str = Field(description="What was named: a source, a party, an instrument …")
    subject_id: str = Field(description="Id of what was named.")
    reason: str = Field(description="Why, as a word.")
    at: Day = Field(description="The first day on which the right is gone.")
    sources: list[str] = Field(description="Ids of the sources that it lies in.")


AnyEvent = Annotated[
    SourceEvent | DecisionEvent | ClearanceEvent | RevocationEvent, Field(discriminator="type")
]


class Feed(Shape):
    """Events in the order of the log; `next` is the number to ask on after, events or none."""

    events: list[AnyEvent] = Field(description="What happened after the number that was asked.")
    next: int = Field(ge=-1, description="Give it as `after` to be told what comes next.")
    more: bool = Field(description="Whether there may be more now: ask on at once.")


@get(ROUTER, "/events", Feed, refuses=(409,))
def events(
    request: Request,
    *,
    after: Annotated[
        int, Query(ge=BEFORE_ALL, le=_LAST, description="The last number known; -1 for all.")
    ] = BEFORE_ALL,
    limit: Annotated[int, Query(ge=1, le=MOST, description="The most events.")] = SHOWN,
    kind: Annotated[
        Literal["source", "decision", "clearance", "revocation"] | None,
        Query(description="Events of this kind alone."),
    ] = None,
) -> Response:
    """Tell what happened after a sequence number, in order, each event once.

    A number that the log has not reached is refused: it is that of another log, or of one that was
    put back to an earlier state, and events would be missed without a word.
    """
    kinds = tuple(_KINDS.values()) if kind is None else (_KINDS[kind],)

    def build(view: View) -> Feed:
        _refuse_ahead(after, log_size(view.session))
        found, last = events_after(view.session, after, Window(limit=limit), kinds=kinds)
        said = [_event(one) for one in found]
        return Feed(events=said, next=last, more=len(found) == limit)

    return recorded(request, build)


def _refuse_ahead(after: int, size: int) -> None:
    if after >= size:
        raise ConsoleError(
            f"after={after}: the last entry of this log is {size - 1}",
            code="SEQUENCE_AHEAD", subject=str(after),
            way_out="it is another log, or was put back: read again from a number that you trust",
        )  # fmt: skip


def _event(one: Event) -> AnyEvent:
    shape, types, names = _TOLD[one.kind]
    doc = one.doc
    told = {name: doc.get(name) for name in names}
    told |= {"sequence": one.sequence, "recorded_at": one.recorded_at}
    told["type"] = types[0 if one.is_first else 1]
    if one.kind == "decisions":
        told |= {"request": doc["request_name"], "decided_for": doc["valid"], "before": one.before}
    elif one.kind == "revocations":
        told["sources"] = sorted({str(piece["source_id"]) for piece in doc.get("covers", ())})
    return shape.model_validate(told)


_Shown = tuple[
    type[SourceEvent | DecisionEvent | ClearanceEvent | RevocationEvent],
    tuple[str, str],
    tuple[str, ...],
]
_TOLD: Final[dict[str, _Shown]] = {
    "sources": (
        SourceEvent, ("source_registered", "source_changed"),
        ("source_id", "modality", "owner", "title"),
    ),
    "decisions": (
        DecisionEvent, ("decision_made", "decision_changed"),
        ("decision_id", "source_id", "verdict", "reasons"),
    ),
    "clearances": (
        ClearanceEvent, ("clearance_issued", "clearance_renewed"),
        ("set_id", "statement_digest", "not_before", "not_after"),
    ),
    "revocations": (
        RevocationEvent, ("revocation_recorded", "revocation_recorded"),
        ("revocation_id", "subject_kind", "subject_id", "reason", "at"),
    ),
}  # fmt: skip
