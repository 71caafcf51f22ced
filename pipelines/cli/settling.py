"""`clearway rights unread`, `settle`: statements that no reader could take, and what they say."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import edge

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_COLUMNS = ("signal", "source", "unread", "found", "about")


def add_to(rights: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway rights`."""
    rights.command("unread")(unread)
    rights.command("settle")(settle)


def unread(
    source: Annotated[str, typer.Argument(help="Registered source; default all.")] = "",
    *,
    as_json: edge.Json = False,
) -> None:
    """List the signals that stand and that no reader could take, oldest first."""
    from catalog import sources

    with edge.records(edge.here()) as session:
        named = sources.source(session, source).source_id if source else ""
        rows = [one for one in _unread(session) if not named or one["source"] == named]
    edge.show(rows, _COLUMNS, as_json=as_json)


def settle(
    signal: Annotated[str, typer.Argument(help="Id, as `clearway rights unread` lists it.")],
    *,
    reading: Annotated[str, typer.Option(help="What it says: reserved, allowed or silent.")],
    reason: Annotated[str, typer.Option(help="Where, by what words: name no person.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do.")] = False,
    as_json: edge.Json = False,
) -> None:
    """Record what an unread signal says, for every file that its statement speaks of."""
    from pipelines.accounts.station import COMMAND_LINE
    from pipelines.attach import settling

    done = settling.settle(
        edge.here(), signal, reading,
        reason=reason, actor=COMMAND_LINE, now=edge.now(), dry_run=dry_run,
    )  # fmt: skip
    edge.tell(done.line(), done.summary(), as_json=as_json)


def _unread(session: "Session") -> Iterator[dict[str, Any]]:
    from catalog.pages.facts import unread_page
    from catalog.pages.paging import MOST, Window

    after, is_last = "", False
    while not is_last:
        found, after = unread_page(session, Window(after=after, limit=MOST))
        for one in found:
            where = one.doc.get("where") or {}
            yield {
                "signal": one.fact_id, "source": one.source_id, "unread": one.doc["unread"],
                "found": where.get("path"), "about": one.doc.get("about"),
            }  # fmt: skip
        is_last = not after
