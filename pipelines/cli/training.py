"""`clearway train` and `clearway evaluate`: a model and its measure."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import edge


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    app.command("train")(train)
    app.command("evaluate")(evaluate)


def train(
    config: Annotated[Path, typer.Argument(help="Training configuration (TOML).")],
    *,
    as_json: edge.Json = False,
) -> None:
    """Train on a training set that the gate lets through; record what was seen."""
    from pipelines import train as station

    settings, at = edge.here(), edge.now()
    with edge.progress() as show:
        done = station.train_set(config, settings, now=at, run_id=edge.run_id(at), progress=show)
    if as_json:
        edge.show([done.line()], (), as_json=True)
    else:
        edge.say(done.summary())


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
