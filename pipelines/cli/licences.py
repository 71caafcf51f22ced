"""`clearway licence …`: what the rulebook knows, and licence strings as people write them."""

import sys

import typer

from pipelines.cli import edge
from pipelines.errors import RegistrationError

licence = typer.Typer(no_args_is_help=True, help="Look licences up and normalise their names.")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    app.add_typer(licence, name="licence")


@licence.command("list")
def licence_list(*, as_json: edge.Json = False) -> None:
    """List the licences that the rulebook decides."""
    from licensing.rulebook import load_rulebook

    rulebook = load_rulebook()
    rows = [{"id": name, "family": one.family} for name, one in sorted(rulebook.licences.items())]
    edge.show(rows, ("id", "family"), as_json=as_json, title=f"rulebook {rulebook.digest[:12]}")


@licence.command("show")
def licence_show(name: str, *, as_json: edge.Json = False) -> None:
    """Show the clauses of one licence: what each does, and where the text says so."""
    from licensing.rulebook import load_rulebook

    found = load_rulebook().find(name)
    if found is None:
        raise RegistrationError(
            f"licence {name!r} is not in the rulebook", code="LICENCE_UNKNOWN", subject=name,
            way_out="`clearway licence list` shows what is",
        )  # fmt: skip
    rows = [
        {"clause": one.key, "effect": one.effect, "actions": list(one.actions), "cite": one.cite}
        for one in found.clauses
    ]
    edge.show(rows, ("clause", "effect", "actions", "cite"), as_json=as_json, title=found.id)


@licence.command("normalise")
def licence_normalise() -> None:
    """Read one licence string a line from stdin; print one JSON line each."""
    from licensing.expression import normalise

    for line in sys.stdin:
        text = line.rstrip("\n")
        found = normalise(text)
        row = {"input": text, "licence": found.licence, "why": found.why}
        edge.show([row], (), as_json=True)
