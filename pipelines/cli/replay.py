"""`clearway audit replay`: compute past decisions again, and say where the record differs."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import edge
from pipelines.errors import ReplayError

if TYPE_CHECKING:
    from pipelines.audit.replay import Replayed


def audit_replay(
    decision: Annotated[str, typer.Argument(help="Decision id; its start is enough.")] = "",
    *,
    every: Annotated[bool, typer.Option("--all", help="Every decision on record.")] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, help="With --all: only so many, by chance.")
    ] = None,
    as_json: edge.Json = False,
) -> None:
    """Compute past decisions again from what was on record then; exit 1 if one differs."""
    from pipelines.audit.replay import replay

    if bool(decision) == every or (sample is not None and not every):
        raise typer.BadParameter("give a decision, or --all [--sample N]")
    found = _many(sample) if every else replay(decision, edge.here())
    refused: list[ReplayError] = []
    count = Counter(_told(one, as_json=as_json, brief=every) for one in _kept(found, refused))
    if not as_json:
        lost = f", {count['input erased']} rest on what was erased" if count["input erased"] else ""
        said = f"{count['equal']} equal, {count['differs']} differ{lost}"
        edge.say(f"{count.total()} replayed, {said}")
    if refused:
        edge.note(f"{len(refused)} were made with another rulebook, the first of them:")
        raise refused[0]
    if count["differs"]:
        raise typer.Exit(1)


def _many(sample: int | None) -> "Iterator[Replayed | ReplayError]":
    from pipelines.audit.replay import decisions_to_replay, replay_many

    settings = edge.here()
    ids = decisions_to_replay(settings, sample=sample, seed=edge.now().isoformat())
    with edge.progress() as report:
        for done, one in enumerate(replay_many(settings, ids), 1):
            report("replay", min(done, len(ids)), len(ids))
            yield one


def _kept(
    found: "Iterable[Replayed | ReplayError]", refused: list[ReplayError]
) -> "Iterator[Replayed]":
    for one in found:
        if isinstance(one, ReplayError):
            refused.append(one)
        else:
            yield one


def _told(one: "Replayed", *, as_json: bool, brief: bool) -> str:
    """Print one decision, and return its outcome; in brief, what is equal goes unsaid."""
    if as_json:
        edge.show([one.line()], (), as_json=True)
    elif one.differences or not brief:
        edge.say("\n".join(_lines(one)))
    return one.outcome


def _lines(one: "Replayed") -> Iterator[str]:
    row = one.row
    outcome = "DIFFERS" if one.outcome == "differs" else one.outcome
    yield (
        f"decision {row.decision_id} of {row.source_id}, {row.valid}: {row.verdict}, {outcome}, "
        + (one.standing.words())
    )
    if one.erased_by:
        yield f"  the name of a file that a signal was about went with {', '.join(one.erased_by)}"
        return
    for each in one.differences:
        yield f"  {each.field}: recorded {_short(each.recorded)}, now {_short(each.recomputed)}"


def _short(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"
