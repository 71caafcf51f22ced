"""`clearway rights rules`, `approve`, `withdraw`: statutory rules, which wait for counsel."""

from typing import Annotated, Final

import typer

from pipelines.cli import edge

_RULES: Final = ("rule", "state", "layers", "reservable")
_Source = Annotated[str, typer.Argument(help="Registered source.")]
_Rule = Annotated[str, typer.Argument(help="Rule, as `clearway rights rules` names it.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what it would do.")]


def add_to(rights: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway rights`."""
    rights.command("rules")(rules)
    rights.command("approve")(approve)
    rights.command("withdraw")(withdraw)


def rules(source: _Source, *, as_json: edge.Json = False) -> None:
    """List the statutory rules that wait for counsel, and how each stands for a source."""
    from catalog import sources
    from pipelines.attach.approving import state_of, statutory_rules

    today = edge.now().date()
    with edge.records(edge.here()) as session:
        named = sources.source(session, source).source_id
        found = [state_of(session, one, named) for one in statutory_rules()]
    rows = [
        {"rule": one.rule.id, "state": one.words(today), "stands": one.holds(today),
         "since": one.since, "until": one.until, "reason": one.reason,
         "layers": list(one.rule.layers), "reservable": one.rule.reservable}
        for one in found
    ]  # fmt: skip
    edge.show(rows, _RULES, as_json=as_json, title=f"source {named}")


def approve(
    source: _Source,
    rule: _Rule,
    *,
    reason: Annotated[str, typer.Option(help="On what opinion it rests: name no person.")],
    lawful_access: Annotated[
        str, typer.Option(help="Was the access to the works lawful? yes or no; default unknown.")
    ] = "",
    dry_run: _DryRun = False,
    as_json: edge.Json = False,
) -> None:
    """Enable a statutory rule for a source, as counsel."""
    from pipelines.accounts.station import COMMAND_LINE
    from pipelines.attach import approving

    access = approving.LAWFUL_ACCESS
    if lawful_access not in access:
        raise typer.BadParameter(f"--lawful-access {lawful_access!r}, expected yes or no")
    said = approving.Approval(rule=rule, lawful_access=access[lawful_access], reason=reason)
    done = approving.approve(
        edge.here(), source, said, actor=COMMAND_LINE, now=edge.now(), dry_run=dry_run
    )
    edge.tell(done.line(), done.summary(), as_json=as_json)


def withdraw(
    source: _Source,
    rule: _Rule,
    *,
    reason: Annotated[str, typer.Option(help="Why: name no person.")],
    at: Annotated[str, typer.Option(help="Day from which; default today.")] = "",
    dry_run: _DryRun = False,
    as_json: edge.Json = False,
) -> None:
    """Take the approval of a statutory rule for a source back; it stays on record with its end."""
    from pipelines.accounts.station import COMMAND_LINE
    from pipelines.attach import withdrawing

    instant = edge.now()
    day = edge.day(at) if at else instant.date()
    said = withdrawing.Withdrawal(rule=rule, at=day, reason=reason)
    done = withdrawing.withdraw(
        edge.here(), source, said, actor=COMMAND_LINE, now=instant, dry_run=dry_run
    )
    edge.tell(done.line(), done.summary(), as_json=as_json)
