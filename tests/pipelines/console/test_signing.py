"""Sign-in and sign-out: what the browser gets, what is refused, and what is left of it."""

from __future__ import annotations

import re

import pytest

from catalog.accounts import accesses
from pipelines.accounts import visits
from pipelines.accounts.station import add_account
from pipelines.console.attempts import MOST
from pipelines.console.gate import COOKIE
from tests.pipelines.console.conftest import ORIGIN, client_of
from tests.pipelines.small_world import LATER, looking, make_world

WORDS = "correct horse battery"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = make_world(tmp_path_factory.mktemp("signed"))
    add_account(made, "jo", role="admin", password=WORDS, now=LATER)
    return made


@pytest.fixture
def client(settings):
    made = client_of(settings, "")
    made.headers["origin"] = ORIGIN
    return made


def signed_in(client, **form):
    return client.post("/sign-in", data={"name": "jo", "password": WORDS, **form})


def test_a_sign_in_leads_back_with_a_cookie_that_no_script_reads(client, settings):
    answer = signed_in(client, next="/sources?q=a")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sources?q=a")
    said = answer.headers["set-cookie"].lower()
    assert ("httponly" in said, "samesite=lax" in said, "path=/" in said) == (True, True, True)
    assert client.get("/sources").status_code == 200
    with looking(settings) as session:
        ((_, entry),) = accesses(session, newest=1)
    assert (entry.account, entry.outcome) == ("jo", "SIGNED_IN")


def test_a_sign_in_ends_the_session_that_the_browser_had(client):
    signed_in(client)
    before = client.cookies[COOKIE]
    signed_in(client)
    assert client.cookies[COOKIE] != before
    client.cookies.clear()
    client.cookies.set(COOKIE, before)
    assert client.get("/sources").status_code == 401


def test_a_cookie_that_somebody_prepared_becomes_no_session(client):
    client.cookies.set(COOKIE, "prepared")
    said = signed_in(client).headers["set-cookie"]
    assert "prepared" not in said
    client.cookies.clear()
    client.cookies.set(COOKIE, "prepared")
    assert client.get("/sources").status_code == 401


def test_no_way_back_leads_elsewhere(client):
    assert signed_in(client, next="//evil.example").headers["location"] == "/"


def test_a_wrong_password_and_no_account_are_refused_alike(client):
    wrong = client.post("/sign-in", data={"name": "jo", "password": "x"})
    nobody = client.post("/sign-in", data={"name": "xy", "password": "x"})
    assert (wrong.status_code, nobody.status_code) == (403, 403)
    assert wrong.text.replace('"jo"', "") == nobody.text.replace('"xy"', "")
    assert "set-cookie" not in wrong.headers


def test_who_fails_too_often_must_wait(client):
    for _ in range(MOST):
        client.post("/sign-in", data={"name": "jo", "password": "x" * 300})
    answer = signed_in(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "900")


def test_a_sign_in_from_another_site_is_refused(client):
    answer = client.post("/sign-in", data={}, headers={"origin": "http://evil.example"})
    assert answer.status_code == 403


def test_what_was_typed_is_never_markup(client):
    typed = '"><script>alert(1)</script>'
    answer = client.post("/sign-in", data={"name": typed, "password": "x", "next": typed})
    assert "<script>" not in answer.text


def test_a_link_shows_a_button_and_opens_once(client, settings):
    code = visits.make_link(settings, now=LATER)
    for _ in range(2):  # looking uses nothing up
        assert code in client.get(f"/sign-in/link?code={code}").text
    assert client.post("/sign-in/link", data={"link": code}).status_code == 303
    assert client.get("/sources").status_code == 200
    assert client.post("/sign-in/link", data={"link": code}).status_code == 403


def test_each_page_says_who_is_signed_in_and_its_button_signs_out(client):
    signed_in(client)
    page = client.get("/sources").text
    (word,) = re.findall(r'name="form" value="(\w+)"', page)
    assert "<bdi>jo</bdi> <small>admin</small>" in page
    for address in ("/", "/nowhere", "/sources/nobody"):
        assert word in client.get(address).text
    assert client.post("/sign-out", data={"form": word}).headers["location"] == "/sign-in"
    assert client.get("/sources").status_code == 401
    assert "Sign out" not in client.get("/sign-in").text


def test_a_sign_out_takes_the_word_of_the_session_and_ends_it(client, settings):
    signed_in(client)
    secret = client.cookies[COOKIE]
    assert client.post("/sign-out", data={"form": "other"}).status_code == 403
    with looking(settings) as session:
        ((_, entry),) = accesses(session, newest=1)
    assert (entry.account, entry.outcome) == ("jo", "FORM_STALE")
    assert client.get("/sources").status_code == 200
    assert client.post("/sign-out", data={"form": visits.form_word(secret)}).status_code == 303
    client.cookies.set(COOKIE, secret)
    assert client.get("/sources").status_code == 401
