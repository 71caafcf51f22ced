"""Accounts, sessions, tokens, and what was refused: working state, which no evidence rests on.

Secrets are not here: of a password there is its Argon2 text, of a session and a token the digest.
Instants are text as `log.stamp` writes it, so that their order is that of time.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.orm import Session

from catalog import access_schema as tables
from catalog.errors import NotFound
from catalog.log import instant_of, stamp

ACTIVE, DISABLED, REVOKED = "active", "disabled", "revoked"
SESSION, LINK = "session", "link"  # the kinds of secrets that ops_sessions holds
KEPT: Final = 10_000  # the newest entries of the access log
_PRUNED: Final = 500  # entries between two prunings


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who may sign in; `made` is generated or chosen: where the password came from."""

    name: str
    role: str
    password: str
    made: str
    state: str
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A session, or a link that makes one: whose, since when, last seen, until when at most."""

    digest: str
    kind: str
    account: str
    begun_at: datetime
    seen_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token of the API: on whose behalf, for what, until when."""

    token_id: str
    digest: str
    account: str
    name: str
    scopes: tuple[str, ...]
    state: str
    begun_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """An entry of the access log."""

    account: str
    what: str
    outcome: str
    subject: str
    origin: str


def accounts(session: Session) -> tuple[Account, ...]:
    """Return every account, by name."""
    table = tables.ops_accounts
    return tuple(map(_account, session.execute(select(table).order_by(table.c.name))))


def find_account(session: Session, name: str) -> Account | None:
    """Look an account up by its name."""
    table = tables.ops_accounts
    found = session.execute(select(table).where(table.c.name == name)).first()
    return None if found is None else _account(found)


def account(session: Session, name: str) -> Account:
    """Look an account up that must be there.

    Raises:
        NotFound: UNKNOWN_ID.
    """
    found = find_account(session, name)
    if found is None:
        raise NotFound(
            f"no account is named {name[:80]!r}", code="UNKNOWN_ID", subject=name[:80],
            way_out="`clearway account list` shows the accounts",
        )  # fmt: skip
    return found


def save_account(session: Session, saved: Account) -> None:
    """Write an account, in the place of the one of its name."""
    table = tables.ops_accounts
    session.execute(delete(table).where(table.c.name == saved.name))
    row = {**asdict(saved), "changed_at": stamp(saved.changed_at)}
    session.execute(insert(table).values(row))


def begin_visit(session: Session, visit: Visit) -> None:
    """Write a session or a link, and forget those that are over."""
    table = tables.ops_sessions
    session.execute(delete(table).where(table.c.ends_at <= stamp(visit.begun_at)))
    session.execute(insert(table).values(_row(visit)))


def find_visit(session: Session, digest: str) -> Visit | None:
    """Look a session or link up by the digest of its secret."""
    table = tables.ops_sessions
    found = session.execute(select(table).where(table.c.digest == digest)).first()
    return None if found is None else _visit(found)


def touch_visit(session: Session, digest: str, *, now: datetime) -> None:
    """Write that a session was seen."""
    table = tables.ops_sessions
    seen = update(table).where(table.c.digest == digest).values(seen_at=stamp(now))
    session.execute(seen)


def end_visit(session: Session, digest: str) -> None:
    """Forget a session or link."""
    table = tables.ops_sessions
    session.execute(delete(table).where(table.c.digest == digest))


def end_visits(session: Session, account_name: str) -> None:
    """Forget all sessions and links of an account."""
    table = tables.ops_sessions
    session.execute(delete(table).where(table.c.account == account_name))


def save_token(session: Session, token: Token) -> None:
    """Write a new token."""
    row = {**_row(token), "scopes": " ".join(token.scopes)}
    session.execute(insert(tables.ops_tokens).values(row))


def tokens(session: Session, account_name: str = "") -> tuple[Token, ...]:
    """Return the tokens of an account, or all, by when they were made."""
    table = tables.ops_tokens
    query = select(table).order_by(table.c.begun_at, table.c.token_id)
    if account_name:
        query = query.where(table.c.account == account_name)
    return tuple(map(_token, session.execute(query)))


def find_token(session: Session, *, digest: str = "", token_id: str = "") -> Token | None:
    """Look a token up by the digest of its secret, or by its id."""
    table = tables.ops_tokens
    column, value = (table.c.digest, digest) if digest else (table.c.token_id, token_id)
    found = session.execute(select(table).where(column == value)).first()
    return None if found is None else _token(found)


def revoke_token(session: Session, token_id: str) -> None:
    """Write that a token holds no more."""
    table = tables.ops_tokens
    session.execute(update(table).where(table.c.token_id == token_id).values(state=REVOKED))


def log_access(session: Session, entry: Access, *, now: datetime) -> None:
    """Append to the access log; of a long one the oldest entries go."""
    table = tables.ops_access
    row = {**asdict(entry), "at": stamp(now)}
    seq = session.execute(insert(table).values(row).returning(table.c.seq)).scalar_one()
    if not seq % _PRUNED:
        session.execute(delete(table).where(table.c.seq <= seq - KEPT))


def accesses(session: Session, *, newest: int) -> tuple[tuple[datetime, Access], ...]:
    """Return entries of the access log with their instants, the newest first."""
    table = tables.ops_access
    query = select(table).order_by(table.c.seq.desc()).limit(newest)
    return tuple(
        (
            instant_of(row.at),
            Access(
                account=row.account, what=row.what, outcome=row.outcome, subject=row.subject,
                origin=row.origin,
            ),
        )
        for row in session.execute(query)
    )  # fmt: skip


def _row(one: Visit | Token) -> dict[str, object]:
    return {
        name: stamp(value) if isinstance(value, datetime) else value
        for name, value in asdict(one).items()
    }


def _timed(row: Row[Any]) -> dict[str, Any]:
    return {
        name: instant_of(value) if name.endswith("_at") else value
        for name, value in row._asdict().items()
    }


def _account(row: Row[Any]) -> Account:
    return Account(**_timed(row))


def _visit(row: Row[Any]) -> Visit:
    return Visit(**_timed(row))


def _token(row: Row[Any]) -> Token:
    said = {**_timed(row), "scopes": tuple(row.scopes.split())}
    return Token(**said)
