"""`clearway documents …`: what the documents of training sets ask of people, and the answers."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from pipelines.cli import edge
from pipelines.errors import RegistrationError

documents = typer.Typer(
    no_args_is_help=True, help="What documents ask of people: questions, answers, what is missing."
)
COLUMNS = ("field", "asks", "answer")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    app.add_typer(documents, name="documents")


@documents.command("questions")
def documents_questions(
    training_set: Annotated[str, typer.Argument(metavar="[SET]", help="Its own answers too.")] = "",
    *,
    as_json: edge.Json = False,
) -> None:
    """List every field that an answer may fill, and the answer on record."""
    from pipelines.export.answering import questions

    rows = [asdict(one) for one in questions(edge.here(), set_name=training_set.split("@")[0])]
    edge.show(rows, COLUMNS, as_json=as_json)


@documents.command("missing")
def documents_missing(
    training_set: Annotated[str, typer.Argument(metavar="SET", help="A training set.")],
    *,
    as_json: edge.Json = False,
) -> None:
    """List what the documents of a training set leave open and nobody has answered since."""
    from pipelines.export.answering import missing_of

    rows = [asdict(one) for one in missing_of(edge.here(), training_set)]
    edge.show(rows, COLUMNS[:2], as_json=as_json)


@documents.command("answer")
def documents_answer(
    said: Annotated[
        list[str] | None, typer.Argument(metavar="FIELD=TEXT…", help="Answers, one a field.")
    ] = None,
    *,
    file: Annotated[Path | None, typer.Option(help="TOML or JSON file of fields.")] = None,
    training_set: Annotated[str, typer.Option("--set", help="For this set alone.")] = "",
    as_json: edge.Json = False,
) -> None:
    """Record answers; an empty one takes the answer back. The next export writes them down."""
    from pipelines.export.answering import answer
    from pipelines.register import read_file

    found = {} if file is None else {key: str(text) for key, text in _flat(read_file(file))}
    for one in said or ():
        field, is_pair, text = one.partition("=")
        if not is_pair:
            raise RegistrationError(
                f"answer {one!r}, expected FIELD=TEXT",
                code="OPTION_INVALID",
                subject=one,
                way_out="clearway documents answer rai.dataBiases='mostly daylight'",
            )
        found[field] = text
    done = answer(edge.here(), found, set_name=training_set, now=edge.now())
    edge.show(
        [{"field": field, "change": change} for field, change in done.items()],
        ("field", "change"),
        as_json=as_json,
    )


def _flat(doc: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every text of a file under its dotted name: `rai.dataBiases` may be a key or a table."""
    for key, value in doc.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value
