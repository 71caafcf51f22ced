"""`clearway train`: a model from a training set."""

from typing import Annotated, Any, Protocol

import typer

from pipelines.cli import edge


class Said(Protocol):
    """What a station says of its work."""

    def line(self) -> dict[str, Any]:
        """For machines."""

    def summary(self) -> str:
        """For people."""


def add_to(app: typer.Typer) -> None:
    """Hang the verb of this file under `clearway`."""
    app.command("train")(train)


def train(
    config: Annotated[
        str,
        typer.Argument(help="A training configuration (TOML), or smoke, small, base or long."),
    ],
    *,
    set_name: Annotated[str, typer.Option("--set", help="Training set, if not the file's.")] = "",
    parent: Annotated[
        str, typer.Option(help="Checkpoint to begin from: RUN/STEP, or its id or its start.")
    ] = "",
    adapter: Annotated[
        str, typer.Option(help="Source whose adapter alone learns, on top of the parent.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Pass the gate and say what it would take.")
    ] = False,
    as_json: edge.Json = False,
) -> None:
    """Train on a training set that the gate lets through; record what was seen."""
    from pipelines import train as station

    settings, at = edge.here(), edge.now()
    options = station.Options(set_name=set_name, parent=parent, adapter=adapter)
    if dry_run:
        _say(station.plan_set(config, settings, now=at, options=options), as_json=as_json)
        return
    with edge.progress() as show:
        done = station.train_set(
            config, settings, now=at, run_id=edge.run_id(at), options=options, progress=show
        )
    _say(done, as_json=as_json)


def _say(done: Said, *, as_json: bool) -> None:
    if as_json:
        edge.show([done.line()], (), as_json=True)
    else:
        edge.say(done.summary())
