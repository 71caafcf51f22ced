"""The station: counsel takes the approval of a statutory rule back.

In: a rule that stands as a ground for a source, the day from which it no longer does, why. Out: the
end of every ground that it is there, with who took it back, in one transaction. The approval stays
on record beside its end; whatever is decided anew for a day from then on finds it not enabled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from catalog import rights, sources
from catalog.acts import record_act
from pipelines.attach.approving import grounds_at, statutory_rule
from pipelines.attach.checks import check_reason
from pipelines.attach.trying import acting
from pipelines.errors import RegistrationError

if TYPE_CHECKING:
    from pipelines.settings import Settings

END = "withdrawn"  # the kind of end that marks nothing but the ground itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """What counsel says: the rule, the first day on which it no longer stands, and why."""

    rule: str
    at: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """Which rule was taken back for which source, from which day, on how many layers."""

    source_id: str
    rule: str
    at: date
    layers: int
    dry_run: bool = False

    def line(self) -> dict[str, Any]:
        """The outcome as one line of JSON holds it."""
        return {"source": self.source_id, "rule": self.rule, "at": self.at.isoformat(),
                "layers": self.layers, "dry_run": self.dry_run}  # fmt: skip

    def summary(self) -> str:
        """Say it in one line."""
        word = "would stand" if self.dry_run else "stands"
        return (f"source {self.source_id}: from {self.at} on {self.rule} no longer {word} on "
                f"{self.layers} layer(s)")  # fmt: skip


def withdraw(
    settings: Settings, source_id: str, said: Withdrawal, *, actor: str, now: datetime,
    dry_run: bool = False,
) -> Withdrawn:  # fmt: skip
    """Take the approval of a rule for a source back, as `actor` says.

    Raises:
        NotFound: UNKNOWN_ID, AMBIGUOUS_ID.
        RegistrationError: RULE_UNKNOWN, REASON_MISSING, NOT_APPROVED.
    """
    rule = statutory_rule(said.rule)
    reason = check_reason(said.reason, way_out="say why the approval is taken back")
    with acting(settings, dry_run=dry_run) as session:
        named = sources.source(session, source_id).source_id
        grounds = grounds_at(session, rule, named, at=said.at)
        if not grounds:
            raise RegistrationError(
                f"{rule.id} stands on no layer of {named} from {said.at} on, expected one that "
                "counsel enabled",
                code="NOT_APPROVED", subject=rule.id, way_out="nothing is left to take back",
            )  # fmt: skip
        if not dry_run:
            for one in grounds:
                rights.end_fact(
                    session, one.fact_id, at=said.at, kind=END, now=now, reason=reason,
                )  # fmt: skip
            about = {"rule": rule.id, "at": said.at.isoformat(), "reason": reason,
                     "facts": [one.fact_id for one in grounds]}  # fmt: skip
            record_act(session, "withdraw", actor=actor, subject=named, now=now, about=about)
    layers = len({one.doc["layer_id"] for one in grounds})
    return Withdrawn(source_id=named, rule=rule.id, at=said.at, layers=layers, dry_run=dry_run)
