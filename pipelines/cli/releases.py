"""`clearway release …`: which checkpoints were published, and how."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import edge

release = typer.Typer(no_args_is_help=True, help="Record published models, and list them.")
_COLUMNS = ("release_id", "checkpoint_id", "run_id", "release", "out_licence", "published")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    app.add_typer(release, name="release")


@release.command("record")
def release_record(
    name: Annotated[str, typer.Argument(help="Name of the model.")],
    *,
    checkpoint: Annotated[
        str, typer.Option(help="RUN/STEP, or the checkpoint's id or the start of it.")
    ],
    version: Annotated[str, typer.Option(help="Its version.")] = "1",
    out_licence: Annotated[
        str, typer.Option(help="The licence that it is given under (SPDX), or proprietary.")
    ] = "proprietary",
    how: Annotated[
        str, typer.Option("--release", help="weights, api, internal or dataset.")
    ] = "internal",
    published: Annotated[str, typer.Option(help="Day on which it was published.")] = "",
    uri: Annotated[
        list[str], typer.Option("--uri", help="Where it can be had; may be given again.")
    ] = [],  # noqa: B006 - Typer reads the default and never changes it
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be recorded.")
    ] = False,
    as_json: edge.Json = False,
) -> None:
    """Record that a checkpoint was published: a revocation of what it saw will name it."""
    from pipelines.release import Told, record

    told = Told(
        name=name, checkpoint=checkpoint, version=version, out_licence=out_licence, release=how,
        published=edge.day(published) if published else None, uris=tuple(uri),
    )  # fmt: skip
    done = record(edge.here(), told, now=edge.now(), dry_run=dry_run)
    if as_json:
        edge.show([done.line()], (), as_json=True)
    else:
        edge.say(done.summary())


@release.command("list")
def release_list(*, as_json: edge.Json = False) -> None:
    """List every release, oldest first."""
    from pipelines.release import recorded

    rows = [one.line() for one in recorded(edge.here())]
    edge.show(rows, _COLUMNS, as_json=as_json)


@release.command("show")
def release_show(
    what: Annotated[str, typer.Argument(help="NAME@VERSION or its start; NAME is the last one.")],
    *,
    as_json: edge.Json = False,
) -> None:
    """Show a release, and in what it goes beyond what its training set was cleared for."""
    from pipelines.release import recorded

    for one in recorded(edge.here(), what):
        if as_json:
            edge.show([one.line()], (), as_json=True)
        else:
            edge.say(one.summary())


@release.command("documents")
def release_documents(
    what: Annotated[str, typer.Argument(help="NAME@VERSION or its start; NAME is the last one.")],
    *,
    out: Annotated[Path, typer.Option(help="The folder to write them into.")],
    as_json: edge.Json = False,
) -> None:
    """Write the documents of a model, from all training sets that its runs were trained on."""
    from pipelines.export.released import write_documents

    rows = [
        {"name": one.name, "num_bytes": one.stat().st_size, "path": str(one)}
        for one in write_documents(what, edge.here(), out=out)
    ]
    edge.show(rows, ("name", "num_bytes"), as_json=as_json)
