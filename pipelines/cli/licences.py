"""`clearway licence …`: what the rulebook knows, and licence strings as people write them."""

import sys
from typing import TYPE_CHECKING

import typer

from pipelines.cli import edge
from pipelines.errors import RegistrationError

if TYPE_CHECKING:
    from licensing.rulebook import Licence

licence = typer.Typer(no_args_is_help=True, help="Look licences up and normalise their names.")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    app.add_typer(licence, name="licence")


@licence.command("list")
def licence_list(*, as_json: edge.Json = False) -> None:
    """List the licences that the rulebook decides, by family, each with its rules."""
    from licensing.rulebook import load_rulebook

    rulebook = load_rulebook()
    found = sorted(rulebook.licences.values(), key=lambda one: (one.family, one.id))
    rows = [
        {"family": one.family, "id": one.id, "rules": [clause.key for clause in one.clauses]}
        for one in found
    ]
    edge.show(
        rows,
        ("family", "id", "rules"),
        as_json=as_json,
        title=f"rulebook {rulebook.digest[:12]}: {len(rows)} licences, no legal advice",
    )


@licence.command("show")
def licence_show(name: str, *, as_json: edge.Json = False) -> None:
    """Show the rules of one licence: what each asks for, and where the text says so."""
    from licensing.expression import normalise
    from licensing.rulebook import load_rulebook

    rulebook = load_rulebook()
    found = rulebook.find(name) or rulebook.find(normalise(name).licence or "")
    if found is None:
        raise RegistrationError(
            f"licence {name!r} is not in the rulebook", code="LICENCE_UNKNOWN", subject=name,
            way_out="`clearway licence list` shows what is",
        )  # fmt: skip
    rows = [
        {
            "clause": one.key,
            "effect": one.effect,
            "actions": list(one.actions),
            "code": one.fails or one.unknown or one.duty,
            "cite": one.cite,
            "note": one.note,
        }
        for one in found.clauses
    ] or [{"clause": "", "effect": "none", "cite": ", ".join(found.cites), "note": "no condition"}]
    columns = ("clause", "effect", "actions", "code", "cite", "note")
    edge.show(rows, columns, as_json=as_json, title=_headline(found))


@licence.command("normalise")
def licence_normalise() -> None:
    """Read one licence string a line from stdin; print one JSON line each."""
    from licensing.expression import normalise

    for line in sys.stdin.buffer:
        text = line.rstrip(b"\r\n").decode("utf-8", errors="replace")
        found = normalise(text.removeprefix("\ufeff"))
        row = {"input": text, "licence": found.licence, "why": found.why}
        edge.show([row], (), as_json=True)


def _headline(found: "Licence") -> str:
    remarks = [
        found.id,
        found.family,
        "irrevocable" if found.irrevocable else "",
        f"breach cured within {found.cure_days} days" if found.cure_days else "",
        "off until counsel enables it" if found.statutory else "",
        f"goes out under {', '.join(sorted(found.compatible_out))}" if found.compatible_out else "",
    ]
    return " · ".join(one for one in remarks if one)
