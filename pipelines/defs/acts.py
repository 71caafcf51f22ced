"""What a person does to a source from the Launchpad: register it, attach rights, revoke, erase.

Each job is one op that calls the station of the command of the same name; its config is a form that
comes filled in with an example. Dagster keeps the config of a run as it was typed.
"""

from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from pipelines.defs.automation import IN_ONE_PROCESS
from pipelines.defs.reporting import day_of, tell
from pipelines.defs.resources import Clearway, progress_of, refusals_shown
from pipelines.errors import RevocationError

NS = 1_000_000_000
WHAT = "Source, SOURCE/PATH or sha256, episode, party or instrument. Name a file by its sha256."
OF = "What it names: source, file, span, party or instrument."


class Registration(dg.Config):
    """A source: recordings of one owner in one folder."""

    name: str = Field(description="Short name, also the prefix in the lake.")
    uri: str = Field(description="Folder that holds the recordings.")
    modality: str = Field(description="video, game, robot, sensor or synthetic.")
    owner: str = Field(default="", description="Party that holds the rights, by its id.")
    title: str = Field(default="", description="A line for people.")
    attribution: str = Field(default="", description="Credit line for notices.")
    acquisition: str = Field(default="", description="How it was come by: public, user …")
    obtained: str = Field(default="", description="The same in words, for documents.")
    reader: str = Field(default="auto", description="Reader that is asked first, or `auto`.")
    streams: dict[str, str] = Field(
        default={}, description="STREAM: RIGHT, RIGHT of video audio action state event."
    )
    options: dict[str, Any] = Field(default={}, description="Options of the reader, and `clips`.")


class Grant(dg.Config):
    """One basis of one right: a licence, an agreement or a consent; or what was settled."""

    source: str = Field(description="Registered source.")
    licence: str = Field(default="", description="Public licence, as written.")
    contract: str = Field(default="", description="Number of a signed agreement.")
    consent: str = Field(default="", description="Actions that a person consented to, a,b.")
    evidence: str = Field(default="", description="Path of the paper that proves it.")
    grade: str = Field(default="", description="E0 … E4: strength of the evidence.")
    layer: str = Field(default="copyright", description="Which right.")
    stream: str = Field(default="", description="Only this rights stream.")
    actions: str = Field(default="", description="Actions that the agreement grants, a,b.")
    territory: str = Field(default="", description="Where, ISO codes or WORLD, a,b.")
    valid_from: str = Field(default="", description="First day, 2026-01-01.")
    valid_to: str = Field(default="", description="First day after the end.")
    settled: list[str] = Field(
        default=[], description="Questions of the checklist and their answers, HEADING=WORDS."
    )


class Ending(dg.Config):
    """What is revoked, why and from when; once done it stays."""

    what: str = Field(description=WHAT)
    confirm: str = Field(default="", description="The same once more, for good: no dry run.")
    of: str = Field(default="source", description=OF)
    reason: str = Field(
        default="ended",
        description="expired, ended, breach, withdrawn, opted_out, taken_down, ordered or void.",
    )
    at: str = Field(default="", description="Day from which, 2026-01-01; empty for today.")
    from_s: float = Field(default=0.0, ge=0, description="Start of a span, episode seconds.")
    to_s: float = Field(default=0.0, ge=0, description="End of a span, episode seconds.")
    dry_run: bool = Field(default=True, description="Show what it would touch and cost.")


class Erasure(dg.Config):
    """What was revoked and now goes from every disk of this home."""

    what: str = Field(description=WHAT)
    of: str = Field(default="source", description=OF)
    wait_s: float = Field(default=60.0, ge=0, description="Seconds to wait for readers, writers.")
    dry_run: bool = Field(default=True, description="Show what would go and what remains.")


@dg.op(description="Put a source on record, as `clearway source add` does.")
def register_source(
    context: dg.OpExecutionContext, config: Registration, clearway: Clearway
) -> None:
    """Record it; the sensor `source_registered` prepares it."""
    from pipelines.register import describe_source
    from pipelines.register import register_source as station

    facts = ("owner", "title", "attribution", "acquisition", "obtained", "reader")
    with refusals_shown(context):
        described = describe_source(
            config.name,
            uri=config.uri,
            modality=config.modality,
            facts={name: getattr(config, name) for name in facts},
            streams=config.streams,
            config=config.options,
        )
        change = station(clearway.settings, described, now=clearway.now)
    tell(
        context,
        f"source {config.name}: {change}",
        source=config.name,
        console=clearway.settings.console_url,
    )


@dg.op(description="Attach rights to a source, as `clearway rights attach` does.")
def attach_rights(context: dg.OpExecutionContext, config: Grant, clearway: Clearway) -> None:
    """Record the basis, or what was settled."""
    from pipelines.attach.papers import paper_at
    from pipelines.attach.station import attach_terms
    from pipelines.attach.terms import Terms

    said = {name: getattr(config, name) for name in Terms.__dataclass_fields__}
    terms = Terms(**said | {"settled": tuple(config.settled)})
    with refusals_shown(context):
        evidence = paper_at(Path(config.evidence)) if config.evidence else None
        done = attach_terms(
            clearway.settings, config.source, terms, evidence=evidence, now=clearway.now
        )
    tell(
        context,
        f"source {config.source}: {done.summary()}",
        source=config.source,
        console=clearway.settings.console_url,
        facts=dict(done.facts),
    )


@dg.op(description="End rights, publish it, show what is affected, as `clearway revoke` does.")
def revoke_rights(context: dg.OpExecutionContext, config: Ending, clearway: Clearway) -> None:
    """Revoke what was named twice alike."""
    from pipelines.revoke import revoke

    now, progress = clearway.now, progress_of(context, config.what)
    with refusals_shown(context):
        _check_confirmed(config)
        done = revoke(
            config.what,
            clearway.settings,
            reason=config.reason,
            at=day_of(config.at, now.date()),
            now=now,
            run_id=context.run.run_id,
            of=config.of,
            span=(round(config.from_s * NS), round(config.to_s * NS)),
            dry_run=config.dry_run,
            progress=progress,
        )
    tell(
        context,
        done.summary(),
        source=config.what if config.of == "source" else "",
        console=clearway.settings.console_url,
        **done.line(),
    )


@dg.op(description="Erase what was revoked from every disk, as `clearway erase` does.")
def erase_revoked(context: dg.OpExecutionContext, config: Erasure, clearway: Clearway) -> None:
    """Erase, read back and certify; or show what would go."""
    from pipelines.erase import erase_revoked as station

    with refusals_shown(context):
        done = station(
            config.what,
            clearway.settings,
            of=config.of,
            now=clearway.now,
            dry_run=config.dry_run,
            wait_s=config.wait_s,
            progress=progress_of(context, config.what),
        )
    said = "\n".join(one.summary() for one in done)
    tell(context, said, erased=[one.line() for one in done])


@dg.job(
    executor_def=IN_ONE_PROCESS, description="Put a source on record.",
    config={"ops": {"register_source": {"config": {
        "name": "my-source", "uri": "/recordings/my-source", "modality": "video"}}}},
)  # fmt: skip
def register() -> None:
    """Register a source."""
    register_source()


@dg.job(
    executor_def=IN_ONE_PROCESS, description="Attach a licence, an agreement or a consent.",
    config={"ops": {"attach_rights": {"config": {"source": "my-source", "licence": "CC-BY-4.0"}}}},
)  # fmt: skip
def attach() -> None:
    """Attach rights."""
    attach_rights()


@dg.job(
    executor_def=IN_ONE_PROCESS, description="End rights for good, or show what that would do.",
    config={"ops": {"revoke_rights": {"config": {
        "what": "my-source", "confirm": "", "reason": "ended", "dry_run": True}}}},
)  # fmt: skip
def revoke() -> None:
    """Revoke rights."""
    revoke_rights()


@dg.job(
    executor_def=IN_ONE_PROCESS, description="Erase what was revoked, or show what would go.",
    config={"ops": {"erase_revoked": {"config": {"what": "my-source", "dry_run": True}}}},
)  # fmt: skip
def erase() -> None:
    """Erase what was revoked."""
    erase_revoked()


def _check_confirmed(config: Ending) -> None:
    if not config.dry_run and config.what != config.confirm:
        raise RevocationError(
            f"confirm is {config.confirm!r}, expected {config.what!r}: nothing was revoked",
            code="NOT_CONFIRMED",
            subject=config.what,
            way_out="type into `confirm` what is in `what`, or set `dry_run`",
        )
