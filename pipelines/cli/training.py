"""`clearway train`: a model from a training set."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import edge


def add_to(app: typer.Typer) -> None:
    """Hang the verb of this file under `clearway`."""
    app.command("train")(train)


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
