"""What rights people say of a source from the Launchpad: what a statement says, what counsel holds.

Each job is one op that calls the station of the command of the same name under `clearway rights`.
Who launched it is on record with Dagster; the log of the catalog names the Dagster UI.
"""

from typing import Final

import dagster as dg
from pydantic import Field

from pipelines.defs.automation import IN_ONE_PROCESS
from pipelines.defs.reporting import day_of, tell
from pipelines.defs.resources import Clearway, refusals_shown

ACTOR: Final = "Dagster UI"
RULE: Final = "Rule, as `clearway rights rules` names it."
NO_NAMES: Final = "It stays on record: name no person."


class Reading(dg.Config):
    """What an unread signal says."""

    signal: str = Field(description="Id, as `clearway rights unread` lists it.")
    reading: str = Field(description="What it says: reserved, allowed or silent.")
    reason: str = Field(default="", description=f"Where it was read, by what words. {NO_NAMES}")
    dry_run: bool = Field(default=True, description="Show what it would do.")


class Approving(dg.Config):
    """A statutory rule, as counsel enables it for a source."""

    source: str = Field(description="Registered source.")
    rule: str = Field(description=RULE)
    lawful_access: str = Field(default="", description="Was it lawful? yes, no; empty: unknown.")
    reason: str = Field(default="", description=f"On what opinion it rests. {NO_NAMES}")
    dry_run: bool = Field(default=True, description="Show what it would do.")


class TakingBack(dg.Config):
    """An approval that counsel takes back."""

    source: str = Field(description="Registered source.")
    rule: str = Field(description=RULE)
    at: str = Field(default="", description="Day from which, 2026-01-01; empty for today.")
    reason: str = Field(default="", description=f"Why. {NO_NAMES}")
    dry_run: bool = Field(default=True, description="Show what it would do.")


class Making(dg.Config):
    """What a source was made from."""

    source: str = Field(description="The source that was made.")
    inputs: list[str] = Field(description="The sources that it was made from.")
    op: str = Field(
        default="adaptation",
        description="copy, collection, adaptation, fact_extraction, anonymise, synthesise or "
        "produced_work.",
    )
    tool: str = Field(default="", description="What made it, and its version.")
    no_biometric: bool = Field(default=False, description="Facts extracted identify nobody.")


@dg.op(description="Record what an unread signal says, as `clearway rights settle` does.")
def settle_signal(context: dg.OpExecutionContext, config: Reading, clearway: Clearway) -> None:
    """Settle it for every file that the statement speaks of."""
    from pipelines.attach.settling import settle as station

    with refusals_shown(context):
        done = station(
            clearway.settings, config.signal, config.reading,
            reason=config.reason, actor=ACTOR, now=clearway.now, dry_run=config.dry_run,
        )  # fmt: skip
    tell(context, done.summary(), console=clearway.settings.console_url, **done.line())


@dg.op(description="Enable a statutory rule, as `clearway rights approve` does.")
def approve_rule(context: dg.OpExecutionContext, config: Approving, clearway: Clearway) -> None:
    """Enable it for one source, as counsel."""
    from pipelines.attach import approving

    with refusals_shown(context):
        said = approving.Approval(
            rule=config.rule, lawful_access=_yes_or_no(config.lawful_access), reason=config.reason
        )
        done = approving.approve(
            clearway.settings, config.source, said,
            actor=ACTOR, now=clearway.now, dry_run=config.dry_run,
        )  # fmt: skip
    tell(context, done.summary(), console=clearway.settings.console_url, **done.line())


@dg.op(description="Take an approval back, as `clearway rights withdraw` does.")
def withdraw_rule(context: dg.OpExecutionContext, config: TakingBack, clearway: Clearway) -> None:
    """Take it back from a day on."""
    from pipelines.attach import withdrawing

    now = clearway.now
    with refusals_shown(context):
        said = withdrawing.Withdrawal(
            rule=config.rule, at=day_of(config.at, now.date()), reason=config.reason
        )
        done = withdrawing.withdraw(
            clearway.settings, config.source, said, actor=ACTOR, now=now, dry_run=config.dry_run
        )
    tell(context, done.summary(), console=clearway.settings.console_url, **done.line())


@dg.op(description="Say what a source was made from, as `clearway rights derive` does.")
def derive_source(context: dg.OpExecutionContext, config: Making, clearway: Clearway) -> None:
    """Their rights lie on it from now on, and their loss reaches it."""
    from licensing.compose.derive import Derivation
    from pipelines.attach.deriving import derive as station

    with refusals_shown(context):
        made = Derivation(
            op=config.op, inputs=tuple(sorted(set(config.inputs))), output=config.source,
            tool=config.tool or None, biometric=False if config.no_biometric else None,
        )  # fmt: skip
        change = station(clearway.settings, made, now=clearway.now)
    said = f"source {config.source}: made from {', '.join(made.inputs)}, {change}"
    tell(context, said, source=config.source, console=clearway.settings.console_url)


@dg.job(
    executor_def=IN_ONE_PROCESS, description="Say what a statement says that no reader could take.",
    config={"ops": {"settle_signal": {"config": {
        "signal": "an id", "reading": "reserved", "reason": "", "dry_run": True}}}},
)  # fmt: skip
def settle() -> None:
    """Settle a signal."""
    settle_signal()


@dg.job(
    executor_def=IN_ONE_PROCESS, description="Enable a statutory rule for a source, as counsel.",
    config={"ops": {"approve_rule": {"config": {
        "source": "my-source", "rule": "EU-CDSM-4", "reason": "", "dry_run": True}}}},
)  # fmt: skip
def approve() -> None:
    """Approve a rule."""
    approve_rule()


@dg.job(
    executor_def=IN_ONE_PROCESS, description="Take the approval of a rule back, as counsel.",
    config={"ops": {"withdraw_rule": {"config": {
        "source": "my-source", "rule": "EU-CDSM-4", "reason": "", "dry_run": True}}}},
)  # fmt: skip
def withdraw() -> None:
    """Take an approval back."""
    withdraw_rule()


@dg.job(
    executor_def=IN_ONE_PROCESS, description="Say what a source was made from.",
    config={"ops": {"derive_source": {"config": {
        "source": "my-captions", "inputs": ["my-source"]}}}},
)  # fmt: skip
def derive() -> None:
    """Derive a source."""
    derive_source()


def _yes_or_no(said: str) -> bool | None:
    from pipelines.attach.approving import LAWFUL_ACCESS
    from pipelines.errors import RegistrationError

    if said not in LAWFUL_ACCESS:
        raise RegistrationError(
            f"lawful_access is {said!r}, expected yes, no or nothing",
            code="OPTION_INVALID",
            subject=said,
            way_out="leave it empty where nobody looked into it",
        )
    return LAWFUL_ACCESS[said]
