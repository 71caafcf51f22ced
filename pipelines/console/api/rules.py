"""Statutory rules, which wait for counsel: what each asks, and how it stands for a source."""

from typing import Final

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from catalog import sources
from licensing.rulebook import Licence
from pipelines.attach.approving import RuleState, state_of, statutory_rules
from pipelines.console.api.answering import computed, recorded
from pipelines.console.api.routing import about, get
from pipelines.console.api.shapes import Day, Shape
from pipelines.console.view import View

ROUTER: Final = about("rules")


class ClauseShown(Shape):
    """One thing that a rule asks."""

    clause: str = Field(description="Its key.")
    says: str = Field(description="What it asks.")
    cite: str = Field(description="Where it stands.")
    code: str = Field(description="The reason where it is not met, or the duty.")


class RuleShown(Shape):
    """A statutory rule of the rulebook."""

    rule: str = Field(description="Its id.", examples=["EU-CDSM-4"])
    layers: list[str] = Field(description="The rights that it can reach.")
    reservable: bool = Field(description="Whether a reservation of the holder takes it away.")
    clauses: list[ClauseShown] = Field(description="What it asks.")


class RulesShown(Shape):
    """All statutory rules: they are few."""

    items: list[RuleShown] = Field(description="The rules, by id.")


class RuleStanding(Shape):
    """How a rule stands for a source, by what counsel said last."""

    rule: str = Field(description="Its id.")
    stands: bool = Field(description="Whether it stands today.")
    since: Day | None = Field(description="The day on which it was enabled; null if never.")
    until: Day | None = Field(description="The first day on which it no longer stands, or null.")
    reason: str = Field(description="Why it was taken back, or empty.")
    words: str = Field(description="The same in words.")
    layers: list[str] = Field(description="The rights that it can reach.")


class RuleStandings(Shape):
    """How all statutory rules stand for a source."""

    items: list[RuleStanding] = Field(description="The rules, by id.")


@get(ROUTER, "/rules", RulesShown)
def rules(request: Request) -> Response:
    """List the statutory rules, which are off until counsel enables them for a source."""
    shown = RulesShown(items=[_rule(one) for one in statutory_rules()])
    return computed(request, lambda _view: shown)


@get(ROUTER, "/sources/{source}/rules", RuleStandings, refuses=(404, 409))
def source_rules(request: Request, source: str) -> Response:
    """List the statutory rules as they stand for a source."""

    def build(view: View) -> RuleStandings:
        named = sources.source(view.session, source).source_id
        found = [state_of(view.session, one, named) for one in statutory_rules()]
        return RuleStandings(items=[_standing(one, view) for one in found])

    return recorded(request, build)


def _rule(one: Licence) -> RuleShown:
    return RuleShown(
        rule=one.id, layers=list(one.layers), reservable=one.reservable,
        clauses=[
            ClauseShown(clause=each.key, says=each.note, cite=each.cite,
                        code=each.fails or each.duty)
            for each in one.clauses
        ],
    )  # fmt: skip


def _standing(one: RuleState, view: View) -> RuleStanding:
    return RuleStanding(
        rule=one.rule.id, stands=one.holds(view.today), since=one.since, until=one.until,
        reason=one.reason, words=one.words(view.today), layers=list(one.rule.layers),
    )  # fmt: skip
