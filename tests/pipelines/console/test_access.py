"""The page of the access log: what was refused to whom, for auditors and admins."""

from __future__ import annotations

import json
import re

import pytest

from catalog.accounts import Access, log_access
from pipelines.accounts.roles import ROLES
from pipelines.console.app import console
from tests.pipelines.console.conftest import ORIGIN, SCRIPT, TURNED, client_of, later
from tests.pipelines.small_world import NOW, make_world, writing


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = make_world(tmp_path_factory.mktemp("watched"))
    with writing(made) as session:
        for number in range(60):
            entry = Access(account=f"jo-{number:02}", what="sign in", outcome="SIGNED_IN",
                           subject="/sign-in", origin="127.0.0.1")  # fmt: skip
            log_access(session, entry, now=NOW)
        hostile = Access(account=f"{SCRIPT}{TURNED}", what="GET", outcome="NOT_ALLOWED",
                         subject=f"/x\" onmouseover='{SCRIPT}", origin="127.0.0.1")  # fmt: skip
        log_access(session, hostile, now=NOW)
    return made


@pytest.fixture(scope="module")
def site(settings):
    return console(settings, clock=later)


def rows(client, asked=""):
    return json.loads(client.get(f"/access?table=access&as=json{asked}").text)


@pytest.mark.parametrize("role", ROLES)
def test_auditors_and_admins_alone_read_it(settings, site, role):
    client, may = client_of(settings, role, site=site), role in {"auditor", "admin"}
    assert client.get("/access").status_code == (200 if may else 403)
    assert ('href="/access"' in client.get("/log").text) is may


def test_a_refused_act_and_a_hostile_name_are_entries(settings, site):
    client = client_of(settings, "auditor", site=site)
    client_of(settings, "viewer", site=site).post("/revoke", headers={"origin": ORIGIN})
    (one, *_) = rows(client, "&q=viewer")
    assert (one["account"], one["what"], one["outcome"], one["subject"]) == (
        "viewer", "POST", "NOT_ALLOWED", "/revoke",
    )  # fmt: skip
    page = client.get("/access?q=script").text
    assert SCRIPT not in page
    assert "\u202e" not in page
    assert not re.search(r"<[^>]*\sonmouseover", page)
    assert "&lt;script&gt;" in page
    assert f"{SCRIPT}{TURNED}" in {each["account"] for each in rows(client, "&q=SCRIPT")}


def test_it_comes_page_by_page_and_by_kind(settings, site):
    client = client_of(settings, "admin", site=site)
    page = client.get("/access?kind=signed+in").text
    assert page.count("SIGNED_IN") == 50
    (further,) = re.findall(r'href="(/access[^"]*)#access" rel="next"', page)
    assert client.get(further.replace("&amp;", "&")).text.count("SIGNED_IN") == 10
    assert len(rows(client, "&kind=signed in")) == 60
    assert {one["outcome"] for one in rows(client, "&kind=refused")} == {"NOT_ALLOWED"}
    assert client.get("/access?kind=odd").status_code == 400
    assert client.get("/access?table=access&as=csv").text.startswith("at,account,what,outcome")
