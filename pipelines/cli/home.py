"""`clearway init`, `doctor`, `keys …` and `ui`: the home and what runs in it."""

import importlib.metadata
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from licensing.errors import ClearwayError
from pipelines.cli import edge
from pipelines.settings import Settings

keys = typer.Typer(no_args_is_help=True, help="Signing keys of this home.")


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    app.command("init")(init)
    app.command("doctor")(doctor)
    app.command("ui")(ui)
    app.add_typer(keys, name="keys")


def init(
    *,
    operator: Annotated[
        str, typer.Option(help="Your organisation: documents name it as who made a set.")
    ] = "",
    jurisdiction: Annotated[str, typer.Option(help="Where it sits, an ISO 3166 code.")] = "",
) -> None:
    """Make the home: catalog, signing keys, an empty signed revocation list. Safe to repeat."""
    from catalog.parties import OPERATOR, Party, register_party

    settings = edge.here()
    made = make_home(settings)
    if operator:
        party = Party(party_id=OPERATOR, name=operator, jurisdiction=jurisdiction)
        with edge.writing(settings) as session:
            register_party(session, party, now=edge.now())
    edge.say(f"home {settings.home}: {made}")


def doctor(*, as_json: edge.Json = False) -> None:
    """Check what this installation needs: versions, catalog, keys, lake, Ray; exit 1 on trouble."""
    settings = edge.here()
    rows = [*_versions(), *_parts(settings)]
    edge.show(rows, ("check", "state", "detail"), as_json=as_json)
    if any(row["state"] == "FAILED" for row in rows):
        raise typer.Exit(1)


def ui(
    *,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of Dagster on 127.0.0.1.")
    ] = 3000,
    console_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the audit console on 127.0.0.1.")
    ] = 3001,
    auditors: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help="Port of a second Dagster on 127.0.0.1 that takes no act."
        ),
    ] = None,
) -> None:
    """Start Dagster and the audit console, print their addresses, stop both with Ctrl-C."""
    from pipelines.cli.ui import serve

    def told(name: str, url: str) -> None:
        edge.say(f"{name:<14}{url}")

    raise typer.Exit(
        serve(edge.here(), port, console_port=console_port, auditors=auditors, ready=told)
    )


@keys.command("list")
def keys_list(*, as_json: edge.Json = False) -> None:
    """List the public keys that this home trusts."""
    from licensing.manifest import key_id
    from pipelines.keys import trusted_publics

    rows = [{"id": key_id(one), "public": one.hex()} for one in trusted_publics(edge.here())]
    edge.show(rows, ("id", "public"), as_json=as_json)


@keys.command("rotate")
def keys_rotate() -> None:
    """Sign with a new key from now on; the old public part stays trusted."""
    from pipelines.heads import rotate

    edge.say(f"now signing with key {rotate(edge.here(), now=edge.now())}")


@keys.command("export")
def keys_export(
    file: Annotated[Path, typer.Argument(help="Where to write the public part (PEM).")],
) -> None:
    """Write the public key: all that `verify` and a trainer need."""
    from pipelines.keys import export_public

    export_public(edge.here(), file)
    edge.say(f"wrote {file}")


@keys.command("publish")
def keys_publish() -> None:
    """Sign the revocation list anew: what is revoked on record, fresh for another week."""
    from pipelines.revocations import publish_revocations

    at = edge.now()
    edge.say(f"revocation list {publish_revocations(edge.here(), now=at)} signed")


def make_home(settings: Settings) -> str:
    """Make whatever of the home is missing; return what was made."""
    from catalog.engine import migrate
    from pipelines.keys import make_keys
    from pipelines.revocations import publish_revocations
    from pipelines.storage import exists

    settings.home.mkdir(parents=True, exist_ok=True)
    made = [f"catalog at revision {migrate(settings.catalog_url)}"]
    made.append(f"signing key {make_keys(settings)}")
    if not exists(settings.revocations):
        publish_revocations(settings, now=edge.now())
        made.append("empty revocation list signed")
    return ", ".join(made)


def _versions() -> list[dict[str, str]]:
    names = ("dagster", "ray", "pylance", "pyarrow", "torch", "av", "sqlalchemy")
    found = {"python": sys.version.split()[0]}
    found |= {name: importlib.metadata.version(name) for name in names}
    return [{"check": name, "state": "ok", "detail": said} for name, said in found.items()]


def _parts(settings: Settings) -> list[dict[str, str]]:
    rows = []
    for name, check in (("catalog", _catalog), ("keys", _keys), ("lake", _lake), ("ray", _ray)):
        try:
            rows.append({"check": name, "state": "ok", "detail": check(settings)})
        except ClearwayError as error:
            detail = f"{error.code}: {error}; {error.way_out}"
            rows.append({"check": name, "state": "FAILED", "detail": detail})
    return rows


def _catalog(settings: Settings) -> str:
    from catalog.engine import open_catalog

    open_catalog(settings.catalog_url, read_only=True).dispose()
    return settings.catalog_url.split("@")[-1]


def _keys(settings: Settings) -> str:
    from pipelines.keys import trusted_publics

    return f"{len(trusted_publics(settings))} trusted"


def _lake(settings: Settings) -> str:
    if not settings.lake_is_local:
        return settings.lake
    if not settings.home.is_dir():
        return f"{settings.lake}, made by `clearway init`"
    free = shutil.disk_usage(settings.home).free
    return f"{settings.lake}, {free / 1e9:.1f} GB free"


def _ray(settings: Settings) -> str:
    from pipelines.workers import probe

    if not settings.ray_address:
        return "embedded, started when needed"
    probe(settings)
    return settings.ray_address
