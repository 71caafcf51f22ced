"""`clearway revoke`: end rights, publish it, and show what is affected and what it costs."""

from typing import Annotated

import typer

from pipelines.cli import edge

NS = 1_000_000_000


def add_to(app: typer.Typer) -> None:
    """Hang the verb of this file under `clearway`."""
    app.command("revoke")(revoke)


def revoke(
    what: Annotated[
        str,
        typer.Argument(help="Source, SOURCE/PATH or sha256, episode, party or instrument."),
    ],
    *,
    of: Annotated[
        str, typer.Option(help="What it names: source, file, span, party or instrument.")
    ] = "source",
    reason: Annotated[
        str,
        typer.Option(
            help="expired, ended, breach, withdrawn, opted_out, taken_down, ordered or void."
        ),
    ] = "ended",
    at: Annotated[str, typer.Option(help="Day from which; default today.")] = "",
    start: Annotated[float, typer.Option("--from", help="Start of a span, episode seconds.")] = 0.0,
    end: Annotated[float, typer.Option("--to", help="End of a span, episode seconds.")] = 0.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what it would touch and cost.")
    ] = False,
    as_json: edge.Json = False,
) -> None:
    """End rights, publish it, and show what is affected and what to train again."""
    from pipelines import revoke as station

    if end and of != "span":
        raise typer.BadParameter("--from and --to need --of span")
    settings, instant = edge.here(), edge.now()
    with edge.progress() as show:
        done = station.revoke(
            what,
            settings,
            reason=reason,
            at=edge.day(at) if at else instant.date(),
            now=instant,
            run_id=edge.run_id(instant),
            of=of,
            span=(round(start * NS), round(end * NS)),
            dry_run=dry_run,
            progress=show,
        )
    if as_json:
        edge.show([done.line()], (), as_json=True)
    else:
        edge.say(done.summary())
