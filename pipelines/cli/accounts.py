"""`clearway account …` and `token …`: who may sign in to the console, and what programs may."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import edge

account = typer.Typer(no_args_is_help=True, help="Accounts of the console, each with a role.")
token = typer.Typer(no_args_is_help=True, help="Tokens with which programs ask the console.")
_PASSWORD = "FILE with the password in its first line, - for stdin; default: one is generated."


def add_to(app: typer.Typer) -> None:
    """Hang the verbs of this file under `clearway`."""
    app.add_typer(account, name="account")
    app.add_typer(token, name="token")


@account.command("add")
def account_add(
    name: Annotated[str, typer.Argument(help="Name to sign in with.")],
    *,
    role: Annotated[str, typer.Option(help="viewer, auditor, steward, counsel or admin.")],
    password_file: Annotated[str, typer.Option(help=_PASSWORD)] = "",
    as_json: edge.Json = False,
) -> None:
    """Make an account; a generated password is shown once."""
    from pipelines.accounts.station import add_account

    given = _read(password_file)
    said = add_account(edge.here(), name, role=role, password=given, now=edge.now())
    _tell(name, said if not given else "", as_json=as_json)


@account.command("list")
def account_list(*, as_json: edge.Json = False) -> None:
    """List the accounts with their roles."""
    from catalog.accounts import accounts

    with edge.records(edge.here()) as session:
        rows = [
            {"name": one.name, "role": one.role, "state": one.state, "password": one.made,
             "changed": one.changed_at.isoformat()}
            for one in accounts(session)
        ]  # fmt: skip
    edge.show(rows, ("name", "role", "state", "password", "changed"), as_json=as_json)


@account.command("password")
def account_password(
    name: Annotated[str, typer.Argument(help="Name of the account.")],
    *,
    password_file: Annotated[str, typer.Option(help=_PASSWORD)] = "",
    as_json: edge.Json = False,
) -> None:
    """Give an account another password; its sessions end."""
    from pipelines.accounts.station import set_password

    given = _read(password_file)
    said = set_password(edge.here(), name, password=given, now=edge.now())
    _tell(name, said if not given else "", as_json=as_json)


@account.command("disable")
def account_disable(
    name: Annotated[str, typer.Argument(help="Name of the account.")],
) -> None:
    """Let an account in no more: its sessions end, its tokens hold no more."""
    from pipelines.accounts.station import disable

    disable(edge.here(), name, now=edge.now())
    edge.say(f"account {name}: disabled")


@token.command("new")
def token_new(
    account_name: Annotated[str, typer.Argument(metavar="ACCOUNT", help="On whose behalf.")],
    *,
    scopes: Annotated[
        str, typer.Option(help="What it may: look, papers, compute, attach … a,b.")
    ] = "look",
    days: Annotated[int, typer.Option(help="Until when: days from now, at most 366.")] = 30,
    name: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: edge.Json = False,
) -> None:
    """Make a token, which is shown once: send it as `Authorization: Bearer TOKEN`."""
    from pipelines.accounts.station import new_token

    words = tuple(one for one in scopes.split(",") if one)
    made, secret = new_token(
        edge.here(), account_name, name=name, scopes=words, days=days, now=edge.now()
    )
    if as_json:
        row = {"id": made.token_id, "token": secret, "ends": made.ends_at.isoformat()}
        edge.show([row], (), as_json=True)
    else:
        edge.say(secret)
        edge.note(f"token {made.token_id} of {account_name}, until {made.ends_at:%Y-%m-%d %H:%M}")


@token.command("list")
def token_list(*, as_json: edge.Json = False) -> None:
    """List the tokens; their secrets are kept nowhere."""
    from catalog.accounts import tokens

    with edge.records(edge.here()) as session:
        rows = [
            {"id": one.token_id, "account": one.account, "name": one.name,
             "scopes": list(one.scopes), "state": one.state, "ends": one.ends_at.isoformat()}
            for one in tokens(session)
        ]  # fmt: skip
    edge.show(rows, ("id", "account", "name", "scopes", "state", "ends"), as_json=as_json)


@token.command("revoke")
def token_revoke(
    token_id: Annotated[str, typer.Argument(help="Id of the token.")],
) -> None:
    """Let a token hold no more."""
    from pipelines.accounts.station import revoke_token

    revoke_token(edge.here(), token_id, now=edge.now())
    edge.say(f"token {token_id}: revoked")


def _read(place: str) -> str:
    if not place:
        return ""
    said = sys.stdin.readline() if place == "-" else Path(place).read_text(encoding="utf-8")
    return said.partition("\n")[0]


def _tell(name: str, generated: str, *, as_json: bool) -> None:
    if as_json:
        edge.show([{"account": name, "password": generated or None}], (), as_json=True)
    else:
        shown = f", password {generated} (shown once)" if generated else ", with the given password"
        edge.say(f"account {name}{shown}")
