"""`clearway audit diff`: what was recorded between two instants, and what it turned."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import edge

if TYPE_CHECKING:
    from pipelines.audit.differences import Between


def audit_diff(
    *,
    known: Annotated[
        list[str],
        typer.Option(help="Twice: an instant of RFC 3339, the earlier first."),
    ],
    valid: Annotated[str, typer.Option(help="Day that is asked about; default the later.")] = "",
    as_json: edge.Json = False,
) -> None:
    """List the facts recorded between two instants, and the decisions that they turn."""
    from pipelines.audit.differences import between, fact_line

    instants = [edge.instant(one) for one in known]
    if len(instants) != 2 or instants[0] > instants[1]:
        raise typer.BadParameter("give --known twice, the earlier instant first")
    since, until = instants
    found = between(since, until, edge.here(), day=edge.day(valid) if valid else until.date())
    if as_json:
        edge.show(map(fact_line, found.facts), (), as_json=True)
        edge.show((one.line() for one in found.moved), (), as_json=True)
        edge.show((one.line() for one in found.turned), (), as_json=True)
    else:
        for line in _lines(found):
            edge.say(line)


def _lines(found: "Between") -> Iterator[str]:
    for fact in found.facts:
        by = f" by {fact.by[:16]}" if fact.by else ""
        end = f" from {fact.ends_at} on" if fact.ends_at else ""
        yield f"{fact.recorded_at:%Y-%m-%d %H:%M:%S} {fact.what}{by}{end}: " + (
            f"{fact.source_id} {fact.kind} {fact.fact_id[:16]}"
        )
    for each in found.moved:
        row, words = each.row, f"{each.before.words()} -> {each.after.words()}"
        asked = row.request_name or row.request_digest[:12]
        yield f"decision {row.decision_id[:16]} of {row.source_id} for {asked}: {words}"
    for one in found.turned:
        name = f"decision {one.decision[:16]}" if one.decision else "no recorded decision"
        name += f", {one.standing.words()}" if one.standing else ""
        reasons = f"{', '.join(one.reasons_before)} -> {', '.join(one.reasons_after)}"
        yield f"{one.source_id} for {one.request} ({name}): {one.before} -> {one.after} ({reasons})"
    yield (
        f"{len(found.facts)} changes of facts, {len(found.moved)} standings changed, "
        f"{len(found.turned)} decisions turned"
    )
