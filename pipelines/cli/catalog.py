"""`clearway catalog …`: the database that holds the record, its roles, its backups."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli import edge

if TYPE_CHECKING:
    from catalog.backup_paper import Backup
    from pipelines.settings import Settings

catalog = typer.Typer(no_args_is_help=True, help="The database that holds the record.")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    app.add_typer(catalog, name="catalog")


@catalog.command("migrate")
def catalog_migrate() -> None:
    """Bring the catalog's schema up to this version."""
    from catalog.engine import migrate
    from catalog.roles import grant_roles, has_roles

    url = edge.here().catalog_url
    edge.say(f"catalog at revision {migrate(url)}")
    if has_roles(url):  # a table that is new needs its grants
        edge.say(f"granted {', '.join(grant_roles(url))}")


@catalog.command("roles")
def catalog_roles(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the statements only.")] = False,
    as_json: edge.Json = False,
) -> None:
    """Make the roles of the application and of erasure on PostgreSQL; run it as the owner."""
    from catalog.roles import grant_roles, roles_sql

    url = edge.here().catalog_url
    statements = roles_sql(url)
    made = () if dry_run else grant_roles(url)
    if as_json:
        edge.show([{"granted": list(made), "statements": list(statements)}], (), as_json=True)
        return
    for one in (f"{said};" for said in statements) if dry_run else (f"granted {r}" for r in made):
        edge.say(one)


@catalog.command("backup")
def catalog_backup(
    dest: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    *,
    as_json: edge.Json = False,
) -> None:
    """Copy one consistent state of the catalog, with the log's head, while others work."""
    from pipelines.backups import back_up

    with edge.progress() as told:
        found = back_up(edge.here(), dest, now=edge.now(), progress=told)
    _show(found, "backed up", as_json=as_json)


@catalog.command("restore")
def catalog_restore(
    origin: Annotated[Path, typer.Argument(metavar="FROM", help="The folder of a backup.")],
    *,
    erasures: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True, dir_okay=False, help="Certificate of an erasure to carry out again first."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check every byte of the backup only.")
    ] = False,
    as_json: edge.Json = False,
) -> None:
    """Load a backup into this home, whose catalog is missing or empty; safe to run again."""
    from catalog.backup import read_backup
    from pipelines import erase
    from pipelines.backups import restore

    if dry_run:
        _show(read_backup(origin), "would restore", as_json=as_json)
        return

    def again(settings: "Settings") -> None:
        erase.replay(erasures or (), settings, now=edge.now())

    with edge.progress() as told:
        found = restore(edge.here(), origin, replay=again if erasures else None, progress=told)
    _show(found, "restored", as_json=as_json)


@catalog.command("check")
def catalog_check(
    *,
    head: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="A head of the log that was kept elsewhere."
        ),
    ] = None,
    pieces: Annotated[
        int, typer.Option(min=0, help="Also read so many pieces and rows of the lake back.")
    ] = 0,
    as_json: edge.Json = False,
) -> None:
    """Compare catalog, log and lake; exit 1 and name what one has and another lacks."""
    from pipelines.check import check
    from pipelines.sample import sample_lake

    note = "" if head is None else head.read_text(encoding="utf-8", errors="replace")
    with edge.progress() as told:
        found = check(edge.here(), head=note, progress=told)
        if pieces:
            seed = edge.now().isoformat()
            found += sample_lake(edge.here(), num=pieces, seed=seed, progress=told).findings
    if as_json or found:
        columns = ("part", "subject", "what")
        edge.show((one.line() for one in found), columns, as_json=as_json)
    if found:
        raise typer.Exit(1)
    if not as_json:
        edge.say("catalog, log and lake agree")


def _show(found: "Backup", act: str, *, as_json: bool) -> None:
    row: dict[str, Any] = {
        "act": act, "made_at": found.made_at, "revision": found.revision,
        "bytes": found.size_bytes, "rows": sum(found.tables.values()), "entries": found.size,
        "root": found.root,
    }  # fmt: skip
    if as_json:
        edge.show([row], (), as_json=True)
    else:
        edge.say(
            f"{act}: {row['rows']} rows of {found.made_at}, log of {found.size} entries, "
            f"root {found.root[:16] or 'none'}"
        )
