"""The station: make accounts, give and take tokens. Every such act is in the log with its actor."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from catalog import accounts as stored
from catalog.accounts import ACTIVE, DISABLED, REVOKED, Account, Token
from catalog.acts import record_act
from catalog.engine import open_catalog, transaction
from pipelines.accounts.passwords import generated, hashed
from pipelines.accounts.roles import RIGHTS, ROLES
from pipelines.errors import AccountError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipelines.settings import Settings

COMMAND_LINE: Final = "command line"  # the actor of what is done there: who may write the home
FIRST: Final = "admin"
PREFIX: Final = "cw_"
MOST_DAYS: Final = 366
_NAME = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")


def add_account(
    settings: Settings, name: str, *, role: str, password: str = "", now: datetime
) -> str:
    """Make an account; return its password, which is generated when none is given.

    Raises:
        AccountError: ACCOUNT_NAME, ROLE_UNKNOWN, PASSWORD_INVALID, ACCOUNT_TAKEN.
    """
    if not _NAME.fullmatch(name):
        raise AccountError(
            f"account name {name[:80]!r}: expected up to 64 of a-z 0-9 . _ - @",
            code="ACCOUNT_NAME", subject=name[:80], way_out="write it so, as jo.doe",
        )  # fmt: skip
    _check_word(role, tuple(ROLES), code="ROLE_UNKNOWN")
    said = password or generated()
    made = _account(name, role=role, password=said, is_chosen=bool(password), now=now)
    with _acting(settings, "add account", name, now=now) as session:
        if stored.find_account(session, name) is not None:
            raise AccountError(
                f"account {name} is there already", code="ACCOUNT_TAKEN", subject=name,
                way_out="give another name; `clearway account password` gives a new password",
            )  # fmt: skip
        stored.save_account(session, made)
    return said


def make_first(settings: Settings, *, now: datetime) -> str:
    """Make the first account of a home, an admin; return its password, "" if there are accounts."""
    with transaction(open_catalog(settings.catalog_url)) as session:
        if stored.accounts(session):
            return ""
        said = generated()
        made = _account(FIRST, role="admin", password=said, is_chosen=False, now=now)
        stored.save_account(session, made)
        record_act(session, "add account", actor=COMMAND_LINE, subject=FIRST, now=now)
    return said


def set_password(settings: Settings, name: str, *, password: str = "", now: datetime) -> str:
    """Give an account another password and end its sessions; return the password.

    Raises:
        NotFound: UNKNOWN_ID.
        AccountError: PASSWORD_INVALID.
    """
    said = password or generated()
    phc = hashed(said)
    with _acting(settings, "set password", name, now=now) as session:
        before = stored.account(session, name)
        made = "chosen" if password else "generated"
        stored.save_account(session, replace(before, password=phc, made=made, changed_at=now))
        stored.end_visits(session, name)
    return said


def disable(settings: Settings, name: str, *, now: datetime) -> None:
    """Let an account in no more: its sessions end, its tokens hold no more.

    Raises:
        NotFound: UNKNOWN_ID.
        AccountError: LAST_ADMIN.
    """
    with _acting(settings, "disable account", name, now=now) as session:
        before = stored.account(session, name)
        others = (one for one in stored.accounts(session) if one.name != name)
        if before.role == "admin" and not any(_is_admin(one) for one in others):
            raise AccountError(
                f"account {name} is the last admin", code="LAST_ADMIN", subject=name,
                way_out="make another admin first",
            )  # fmt: skip
        stored.save_account(session, replace(before, state=DISABLED, changed_at=now))
        stored.end_visits(session, name)
        for token in stored.tokens(session, name):
            stored.revoke_token(session, token.token_id)


def new_token(
    settings: Settings,
    account: str,
    *,
    name: str,
    scopes: tuple[str, ...],
    days: int,
    now: datetime,
) -> tuple[Token, str]:
    """Make a token of an account; return it and its secret, which is kept nowhere.

    Raises:
        NotFound: UNKNOWN_ID.
        AccountError: SCOPE_UNKNOWN, SCOPE_BEYOND, TOKEN_DAYS, ACCOUNT_DISABLED.
    """
    for scope in scopes:
        _check_word(scope, tuple(RIGHTS), code="SCOPE_UNKNOWN")
    if not 1 <= days <= MOST_DAYS:
        raise AccountError(
            f"a token of {days} days, expected 1 to {MOST_DAYS}", code="TOKEN_DAYS",
            subject=str(days), way_out="make it shorter, and make another when it ends",
        )  # fmt: skip
    secret = PREFIX + secrets.token_urlsafe(32)
    made = Token(
        token_id=secrets.token_hex(6), digest=digest_of(secret), account=account, name=name,
        scopes=scopes, state=ACTIVE, begun_at=now, ends_at=now + timedelta(days=days),
    )  # fmt: skip
    with _acting(settings, "new token", account, now=now) as session:
        _check_scopes(stored.account(session, account), scopes)
        stored.save_token(session, made)
    return made, secret


def revoke_token(settings: Settings, token_id: str, *, now: datetime) -> None:
    """Let a token hold no more.

    Raises:
        AccountError: TOKEN_UNKNOWN, TOKEN_REVOKED.
    """
    with _acting(settings, "revoke token", token_id, now=now) as session:
        found = stored.find_token(session, token_id=token_id)
        if found is None or found.state == REVOKED:
            raise AccountError(
                f"token {token_id[:40]!r} is {'not on record' if found is None else 'revoked'}",
                code="TOKEN_UNKNOWN" if found is None else "TOKEN_REVOKED",
                subject=token_id[:40], way_out="`clearway token list` shows the tokens",
            )  # fmt: skip
        stored.revoke_token(session, token_id)


def digest_of(secret: str) -> str:
    """The digest under which a secret is looked up: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _account(name: str, *, role: str, password: str, is_chosen: bool, now: datetime) -> Account:
    made = "chosen" if is_chosen else "generated"
    return Account(name=name, role=role, password=hashed(password), made=made, state=ACTIVE,
                   changed_at=now)  # fmt: skip


def _is_admin(one: Account) -> bool:
    return one.role == "admin" and one.state == ACTIVE


def _check_word(word: str, known: tuple[str, ...], *, code: str) -> None:
    if word not in known:
        raise AccountError(
            f"got {word[:40]!r}, expected one of {', '.join(known)}", code=code,
            subject=word[:40], way_out=f"give one of {', '.join(known)}",
        )  # fmt: skip


def _check_scopes(account: Account, scopes: tuple[str, ...]) -> None:
    if account.state != ACTIVE:
        raise AccountError(
            f"account {account.name} is disabled", code="ACCOUNT_DISABLED", subject=account.name,
            way_out="give the token to an account that may sign in",
        )  # fmt: skip
    beyond = sorted(set(scopes) - ROLES[account.role])
    if beyond or not scopes:
        raise AccountError(
            f"account {account.name} is {account.role} and may not {', '.join(beyond) or '…'}",
            code="SCOPE_BEYOND", subject=account.name,
            way_out=f"give scopes among {', '.join(sorted(ROLES[account.role]))}",
        )  # fmt: skip


@contextmanager
def _acting(settings: Settings, act: str, subject: str, *, now: datetime) -> Iterator[Session]:
    """One transaction in which something is done and said to be done."""
    with transaction(open_catalog(settings.catalog_url)) as session:
        yield session
        record_act(session, act, actor=COMMAND_LINE, subject=subject, now=now)
