"""`clearway request …`: the uses that are asked for."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import edge
from pipelines.errors import RegistrationError

request = typer.Typer(no_args_is_help=True, help="Describe the use that is asked for.")

TEMPLATE = """\
# A request: the use that somebody asks for. An unknown key is refused.
action = "train_generative"
commercial = true
release = "api"            # none internal api weights dataset
model_kind = "world_model"
territory = ["WORLD"]
streams = ["video", "action", "state"]
# at = 2026-12-01          # another day than today makes it a what-if, which cannot be exported
"""


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    app.add_typer(request, name="request")


@request.command("new")
def request_new(
    file: Annotated[Path | None, typer.Argument(help="Where to write; stdout without.")] = None,
) -> None:
    """Write a commented request to start from; never over an existing file."""
    if file is None:
        sys.stdout.write(TEMPLATE)
        return
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(TEMPLATE)
    except FileExistsError as error:
        raise RegistrationError(
            f"{file} exists already",
            code="FILE_EXISTS",
            subject=str(file),
            way_out="choose another name; nothing was changed",
        ) from error
    edge.say(f"wrote {file}")


@request.command("check")
def request_check(
    file: Annotated[Path, typer.Argument(help="REQUEST.toml.")],
    *,
    save: Annotated[str, typer.Option(help="Also record it under this name.")] = "",
) -> None:
    """Check a request file; with --save record it under a name and version."""
    from licensing.request import read_request, request_digest
    from pipelines.register import read_request_file

    doc = read_request_file(file)
    digest = request_digest(read_request(doc))
    if save:
        from catalog.requests import save_request

        with edge.writing(edge.here()) as session:
            change = save_request(session, save, doc, now=edge.now())
        edge.say(f"request {save}: {change}")
    edge.say(f"{file}: a valid request, digest {digest[:16]}")


@request.command("list")
def request_list(*, as_json: edge.Json = False) -> None:
    """List the recorded requests, latest version each."""
    from catalog.requests import requests

    with edge.records(edge.here()) as session:
        rows = [
            {"id": one.name, "version": one.version, "digest": one.digest, "request": one.doc}
            for one in requests(session)
        ]
    edge.show(rows, ("id", "version", "request"), as_json=as_json)
