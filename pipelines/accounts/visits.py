"""Who comes: a session that a password or a link of one use began, or a token.

Secrets come in and are looked up by their digest. Every refusal of a sign-in says the same and
takes as long, whatever was wrong: nobody learns which accounts there are.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from catalog import accounts as stored
from catalog.accounts import ACTIVE, LINK, SESSION, Account, Visit
from catalog.engine import open_catalog, transaction
from pipelines.accounts.passwords import fits
from pipelines.accounts.roles import ROLES
from pipelines.accounts.station import FIRST, digest_of, make_first
from pipelines.errors import AccountError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from pipelines.settings import Settings

LASTS: Final = timedelta(hours=12)  # a session, however busy
IDLE: Final = timedelta(hours=1)  # a session that asks nothing
SEEN: Final = timedelta(minutes=5)  # between two writings of when it was seen
LINK_LASTS: Final = timedelta(minutes=15)
LINK_ADDRESS: Final = "/sign-in/link"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks, what they may, and the word that every form of their session brings.

    A token has no `digest` and no `form`: no browser sends one by itself, so no site can lend it.
    """

    account: str
    role: str
    rights: frozenset[str]
    digest: str = ""
    form: str = ""
    is_unseen: bool = False

    def may(self, right: str) -> bool:
        """May they do so?"""
        return right in self.rights


def knows(session: Session, name: str, password: str) -> bool:
    """Does this password open this account? It takes as long where there is no such account."""
    found = stored.find_account(session, name)
    is_open = found is not None and found.state == ACTIVE
    return fits(password, found.password if found is not None and is_open else None)


def refused() -> AccountError:
    """The one answer to a sign-in that fails."""
    return AccountError(
        "this account and this password do not go together", code="SIGN_IN_REFUSED",
        way_out="try again; `clearway account password NAME` gives a new password",
    )  # fmt: skip


def begin(session: Session, account: str, *, now: datetime, instead_of: str = "") -> str:
    """Begin a session and return its secret; the one that this browser had before ends."""
    if instead_of:
        stored.end_visit(session, digest_of(instead_of))
    return _begun(session, account, kind=SESSION, now=now)


def take_link(session: Session, secret: str, *, now: datetime) -> str:
    """Use a link up and return its account, "" if it holds no more."""
    found = stored.find_visit(session, digest_of(secret))
    if found is None or found.kind != LINK:
        return ""
    stored.end_visit(session, found.digest)
    account = stored.find_account(session, found.account)
    holds = now < found.ends_at and account is not None and account.state == ACTIVE
    return found.account if holds else ""


def make_link(settings: Settings, *, now: datetime) -> str:
    """Make a link of one use for the first admin who may sign in; "" if there is none.

    Whoever may write the catalog could make an admin anyway.
    """
    with transaction(open_catalog(settings.catalog_url)) as session:
        admins = [
            one for one in stored.accounts(session) if one.role == "admin" and one.state == ACTIVE
        ]
        return _begun(session, admins[0].name, kind=LINK, now=now) if admins else ""


def ways_in(settings: Settings, url: str, *, now: datetime) -> tuple[tuple[str, str], ...]:
    """How to sign in to the console at `url`, each way with its name: to be told, kept nowhere.

    A link of one use; before it, in a home without accounts, the password of its first admin.
    """
    password, code = make_first(settings, now=now), make_link(settings, now=now)
    found = (
        ("Password", password and f"{password} of {FIRST}, shown this once"),
        ("Sign in once", code and f"{url}{LINK_ADDRESS}?code={code}"),
    )
    return tuple((name, said) for name, said in found if said)


def by_session(session: Session, secret: str, *, now: datetime) -> Visitor | None:
    """Say whose session this is, None if it is none or over."""
    found = stored.find_visit(session, digest_of(secret))
    if found is None or found.kind != SESSION:
        return None
    if now >= found.ends_at or now >= found.seen_at + IDLE:
        return None
    return _visitor(
        stored.find_account(session, found.account), digest=found.digest, form=form_word(secret),
        is_unseen=now >= found.seen_at + SEEN,
    )  # fmt: skip


def by_token(session: Session, secret: str, *, now: datetime) -> Visitor | None:
    """Say whose token this is and what it may, None if it is none or over."""
    found = stored.find_token(session, digest=digest_of(secret))
    if found is None or found.state != ACTIVE or now >= found.ends_at:
        return None
    return _visitor(stored.find_account(session, found.account), scopes=frozenset(found.scopes))


def form_word(secret: str) -> str:
    """The word that forms of a session bring: who does not know its secret cannot tell it."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


def _begun(session: Session, account: str, *, kind: str, now: datetime) -> str:
    secret = secrets.token_urlsafe(32)
    ends = now + (LASTS if kind == SESSION else LINK_LASTS)
    visit = Visit(
        digest=digest_of(secret), kind=kind, account=account, begun_at=now, seen_at=now,
        ends_at=ends,
    )  # fmt: skip
    stored.begin_visit(session, visit)
    return secret


def _visitor(
    account: Account | None,
    *,
    scopes: frozenset[str] | None = None,
    digest: str = "",
    form: str = "",
    is_unseen: bool = False,
) -> Visitor | None:
    if account is None or account.state != ACTIVE:
        return None
    rights = ROLES[account.role]
    return Visitor(
        account=account.name, role=account.role, digest=digest, form=form, is_unseen=is_unseen,
        rights=rights if scopes is None else rights & scopes,
    )  # fmt: skip
