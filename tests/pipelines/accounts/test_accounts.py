"""Accounts, sessions, links and tokens: who gets in, for how long, and what is left on record."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from catalog.accounts import Access, accesses, accounts, find_visit, log_access, touch_visit
from catalog.acts import acts
from catalog.audit import verify_log
from catalog.engine import open_catalog, reading, transaction
from pipelines.accounts import visits
from pipelines.accounts.roles import RIGHTS, ROLES
from pipelines.accounts.station import (
    add_account,
    digest_of,
    disable,
    make_first,
    new_token,
    revoke_token,
    set_password,
)
from pipelines.errors import AccountError
from pipelines.settings import Settings
from tests.catalogs import new_catalog

NOW = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
WORDS = "correct horse battery"


@pytest.fixture
def settings(tmp_path):
    made = Settings(
        home=tmp_path, catalog_url=f"sqlite:///{tmp_path}/c.sqlite", lake=str(tmp_path / "lake")
    )
    new_catalog(made.catalog_url)
    return made


def writing(settings):
    return transaction(open_catalog(settings.catalog_url))


def begun(settings, account, **how):
    with writing(settings) as session:
        return visits.begin(session, account, now=NOW, **how)


def at(settings, secret, now):
    with reading(open_catalog(settings.catalog_url, read_only=True)) as session:
        return visits.by_session(session, secret, now=now)


def test_every_role_may_look_and_only_what_has_a_meaning():
    assert all("look" in rights <= set(RIGHTS) for rights in ROLES.values())
    assert ROLES["admin"] == set(RIGHTS)
    assert [role for role, rights in ROLES.items() if "approve" in rights] == ["counsel", "admin"]


def test_the_first_account_is_made_once_and_opens(settings):
    said = make_first(settings, now=NOW)
    assert make_first(settings, now=NOW) == ""
    with writing(settings) as session:
        assert visits.knows(session, "admin", said)
        assert not visits.knows(session, "admin", said + "x")


def test_neither_a_password_nor_a_secret_lies_in_the_catalog(settings):
    said = add_account(settings, "jo", role="steward", now=NOW)
    _, token = new_token(settings, "jo", name="ci", scopes=("look",), days=7, now=NOW)
    secrets = (said, begun(settings, "jo"), token)
    with closing(sqlite3.connect(settings.home / "c.sqlite")) as connection:
        dump = "\n".join(connection.iterdump())
    assert "$argon2id$" in dump
    assert [one for one in secrets if one in dump] == []


def test_a_session_ends_when_idle_and_at_its_last_hour(settings):
    add_account(settings, "jo", role="viewer", password=WORDS, now=NOW)
    secret = begun(settings, "jo")
    visitor = at(settings, secret, NOW + visits.IDLE - timedelta(seconds=1))
    assert visitor is not None
    assert (visitor.account, visitor.rights) == ("jo", ROLES["viewer"])
    assert at(settings, secret, NOW + visits.IDLE) is None
    assert at(settings, secret, NOW + visits.LASTS) is None
    assert at(settings, secret + "x", NOW) is None


def test_a_new_session_ends_the_one_before(settings):
    add_account(settings, "jo", role="viewer", password=WORDS, now=NOW)
    first = begun(settings, "jo")
    second = begun(settings, "jo", instead_of=first)
    assert at(settings, first, NOW) is None
    assert at(settings, second, NOW) is not None
    assert visits.form_word(first) != visits.form_word(second)


@pytest.mark.parametrize("act", [disable, set_password])
def test_sessions_end_with_the_account_or_its_password(settings, act):
    add_account(settings, "jo", role="viewer", password=WORDS, now=NOW)
    secret = begun(settings, "jo")
    act(settings, "jo", now=NOW)
    assert at(settings, secret, NOW) is None
    with writing(settings) as session:
        assert not visits.knows(session, "jo", WORDS)


def test_a_link_opens_once_and_not_later(settings):
    assert visits.make_link(settings, now=NOW) == ""
    make_first(settings, now=NOW)
    link, late = (visits.make_link(settings, now=NOW) for _ in range(2))
    assert at(settings, link, NOW) is None  # it is no session by itself
    with writing(settings) as session:
        assert visits.take_link(session, link, now=NOW) == "admin"
        assert visits.take_link(session, link, now=NOW) == ""
        assert visits.take_link(session, late, now=NOW + visits.LINK_LASTS) == ""
        assert find_visit(session, digest_of(late)) is None


def test_a_token_may_what_its_scopes_and_its_account_may_until_it_ends(settings):
    add_account(settings, "jo", role="steward", password=WORDS, now=NOW)
    made, secret = new_token(
        settings, "jo", name="", scopes=("look", "attach"), days=1, now=NOW
    )  # fmt: skip
    with writing(settings) as session:
        visitor = visits.by_token(session, secret, now=NOW)
        assert visitor is not None
        assert visitor.rights == {"look", "attach"}
        assert not visitor.form
        assert visits.by_token(session, secret, now=made.ends_at) is None
    revoke_token(settings, made.token_id, now=NOW)
    with writing(settings) as session:
        assert visits.by_token(session, secret, now=NOW) is None
    with pytest.raises(AccountError, match="is revoked"):
        revoke_token(settings, made.token_id, now=NOW)


@pytest.mark.parametrize(
    ("scopes", "days", "code"),
    [(("revoke",), 1, "SCOPE_BEYOND"), ((), 1, "SCOPE_BEYOND"), (("all",), 1, "SCOPE_UNKNOWN"),
     (("look",), 0, "TOKEN_DAYS"), (("look",), 9_999, "TOKEN_DAYS")],
)  # fmt: skip
def test_no_token_reaches_further_than_its_account(settings, scopes, days, code):
    add_account(settings, "jo", role="viewer", password=WORDS, now=NOW)
    with pytest.raises(AccountError, match=r".") as caught:
        new_token(settings, "jo", name="", scopes=scopes, days=days, now=NOW)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "role", "password", "code"),
    [("../x", "viewer", WORDS, "ACCOUNT_NAME"), ("jo", "root", WORDS, "ROLE_UNKNOWN"),
     ("jo", "viewer", "short", "PASSWORD_INVALID"), ("admin", "viewer", WORDS, "ACCOUNT_TAKEN")],
)  # fmt: skip
def test_an_account_that_cannot_be_is_refused(settings, name, role, password, code):
    make_first(settings, now=NOW)
    with pytest.raises(AccountError, match=r".") as caught:
        add_account(settings, name, role=role, password=password, now=NOW)
    assert caught.value.code == code


def test_the_last_admin_stays(settings):
    make_first(settings, now=NOW)
    with pytest.raises(AccountError, match="last admin"):
        disable(settings, "admin", now=NOW)
    add_account(settings, "jo", role="admin", password=WORDS, now=NOW)
    disable(settings, "admin", now=NOW)
    with writing(settings) as session:
        assert [one.state for one in accounts(session)] == ["disabled", "active"]


def test_every_act_is_in_the_log_with_its_actor(settings):
    make_first(settings, now=NOW)
    add_account(settings, "jo", role="viewer", password=WORDS, now=NOW)
    set_password(settings, "jo", now=NOW)
    with writing(settings) as session:
        assert [(one.act, one.actor) for one in acts(session, subject="jo")] == [
            ("add account", "command line"), ("set password", "command line"),
        ]  # fmt: skip
        assert verify_log(session).broken == ()


def test_an_unknown_account_is_refused_no_faster(settings):
    add_account(settings, "jo", role="viewer", password=WORDS, now=NOW)

    def spent(name):
        begun_s = time.perf_counter()
        with writing(settings) as session:
            assert not visits.knows(session, name, "wrong password")
        return time.perf_counter() - begun_s

    spent("nobody")  # the hash of nobody's password is made once
    assert min(spent("nobody") for _ in range(3)) > 0.5 * min(spent("jo") for _ in range(3))


def test_accounts_sessions_and_tokens_live_on_either_database(tmp_path, catalog_url):
    settings = Settings(home=tmp_path, catalog_url=catalog_url, lake=str(tmp_path / "lake"))
    make_first(settings, now=NOW)
    made, secret = new_token(settings, "admin", name="ci", scopes=("look",), days=1, now=NOW)
    first = begun(settings, "admin")
    second = begun(settings, "admin", instead_of=first)
    with writing(settings) as session:
        for number in range(501):  # one past a pruning
            entry = Access(account="jo", what="GET", outcome="O", subject=f"{number}", origin="")
            log_access(session, entry, now=NOW)
        assert [one.subject for _, one in accesses(session, newest=2)] == ["500", "499"]
        assert visits.by_token(session, secret, now=NOW) is not None
        touch_visit(session, digest_of(second), now=NOW + timedelta(minutes=30))
    assert at(settings, first, NOW) is None
    assert at(settings, second, NOW + timedelta(minutes=80)) is not None
    revoke_token(settings, made.token_id, now=NOW)
    with writing(settings) as session:
        assert visits.by_token(session, secret, now=NOW) is None
        assert verify_log(session).broken == ()
