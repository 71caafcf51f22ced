"""`clearway catalog …`: the database that holds the record, its roles."""

from typing import Annotated

import typer

from pipelines.cli import edge

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
