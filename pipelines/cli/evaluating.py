"""`clearway evaluate`: what a checkpoint is worth."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import edge


def add_to(app: typer.Typer) -> None:
    """Hang the verb of this file under `clearway`."""
    app.command("evaluate")(evaluate)


def evaluate(
    checkpoint: Annotated[str, typer.Argument(help="RUN/STEP, or a checkpoint's id or its start.")],
    *,
    out: Annotated[
        Path | None,
        typer.Option(help="Where the page goes (HTML); else beside the checkpoint."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Which windows, whose actions.", min=0)] = 0,
    windows: Annotated[
        int, typer.Option(help="Held-out windows; 0: as the run's configuration says.", min=0)
    ] = 0,
    as_json: edge.Json = False,
) -> None:
    """Measure a checkpoint on held-out clips, beside what it must beat; write a page."""
    from pipelines.evaluate import station
    from training.evaluating import Plan

    settings, at = edge.here(), edge.now()
    plan = Plan(seed=seed, windows=windows)
    done = station.evaluate_checkpoint(checkpoint, settings, now=at, plan=plan, out=out)
    if as_json:
        edge.show([done.line()], (), as_json=True)
    else:
        edge.say(done.summary())
