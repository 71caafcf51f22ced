"""`clearway erase`: what a revocation has ended goes physically."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli import edge

if TYPE_CHECKING:
    from pipelines.erase import Erased


def add_to(app: typer.Typer) -> None:
    """Hang the verb under `clearway`."""
    app.command("erase")(erase)


def erase(
    what: Annotated[
        str,
        typer.Argument(help="Source, SOURCE/PATH or sha256, episode, party or instrument."),
    ] = "",
    *,
    of: Annotated[
        str, typer.Option(help="What it names: source, file, span, party or instrument.")
    ] = "source",
    file: Annotated[
        str, typer.Option(help="Of a source, only this file: its path or the start of its sha256.")
    ] = "",
    replay: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True, dir_okay=False, help="Certificate to carry out again after a restore."
        ),
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for readers and writers.")
    ] = 60.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go and what remains.")
    ] = False,
    as_json: edge.Json = False,
) -> None:
    """Erase what was revoked from every disk of this home, read back, and certify it."""
    from pipelines import erase as station

    if bool(what) == bool(replay) or (replay and (file or dry_run or of != "source")):
        raise typer.BadParameter("give WHAT with its options, or --replay alone")
    if file and of != "source":
        raise typer.BadParameter("--file needs a source; or give SOURCE/PATH and --of file")
    settings, now = edge.here(), edge.now()
    with edge.progress() as told:
        if replay:
            done = station.replay(replay, settings, now=now, wait_s=wait, progress=told)
        elif file:
            one = station.erase(
                what, settings, file=file, now=now, dry_run=dry_run, wait_s=wait, progress=told
            )
            done = (one,)
        else:
            done = station.erase_revoked(
                what, settings, of=of, now=now, dry_run=dry_run, wait_s=wait, progress=told
            )
    _show(done, as_json=as_json)


def _show(done: "tuple[Erased, ...]", *, as_json: bool) -> None:
    if as_json:
        edge.show([one.line() for one in done], (), as_json=True)
    else:
        for one in done:
            edge.say(one.summary())
