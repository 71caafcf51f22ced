"""`clearway erase`: what a revocation has ended goes physically."""

from typing import Annotated

import typer

from pipelines.cli import edge


def add_to(app: typer.Typer) -> None:
    """Hang the verb under `clearway`."""
    app.command("erase")(erase)


def erase(
    source: Annotated[str, typer.Argument(help="Source that was revoked.")],
    *,
    wait: Annotated[
        float, typer.Option(min=0, help="Seconds to wait for readers and writers.")
    ] = 60.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go and what remains.")
    ] = False,
    as_json: edge.Json = False,
) -> None:
    """Erase a revoked source from every disk of this home, and read back that it is gone."""
    from pipelines import erase as station

    done = station.erase(source, edge.here(), now=edge.now(), dry_run=dry_run, wait_s=wait)
    if as_json:
        edge.show([done.line()], (), as_json=True)
    else:
        edge.say(done.summary())
