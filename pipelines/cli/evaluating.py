"""`clearway evaluate`: what a checkpoint is worth."""

from typing import Annotated

import typer

from pipelines.cli import edge


def add_to(app: typer.Typer) -> None:
    """Hang the verb of this file under `clearway`."""
    app.command("evaluate")(evaluate)


def evaluate(
    checkpoint: Annotated[str, typer.Argument(help="Checkpoint id.")],
    *,
    as_json: edge.Json = False,
) -> None:
    """Measure a checkpoint against copying the last frame and against shuffled actions."""
    from pipelines import evaluate as station

    settings, at = edge.here(), edge.now()
    done = station.evaluate_checkpoint(checkpoint, settings, now=at)
    if as_json:
        edge.show([done.line()], (), as_json=True)
    else:
        edge.say(done.summary())
