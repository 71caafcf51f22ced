"""The gate in front of every address: each role against each route, strangers, lent forms."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from catalog.accounts import accesses
from pipelines.accounts import visits
from pipelines.accounts.roles import ROLES
from pipelines.accounts.station import add_account, new_token
from pipelines.console.app import HEAVY, console
from pipelines.console.attempts import MOST, WITHIN, Attempts
from pipelines.console.gate import COOKIE, LARGEST, TAKES, put_behind_gate, way_back
from tests.pipelines.small_world import LATER, looking, make_world, writing

ORIGIN = "http://127.0.0.1:3001"
HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = make_world(tmp_path_factory.mktemp("gated"))
    for role in ROLES:
        add_account(made, role, role=role, password="correct horse battery", now=LATER)
    return made


def said():
    return "said"


@pytest.fixture(scope="module")
def site(settings):
    """The console behind the gate, with an act and an address that no table names."""
    made = console(settings, clock=lambda: LATER)
    for address, method in (("/new-page", "GET"), ("/new-act", "POST")):
        made.add_api_route(address, said, methods=[method])
    put_behind_gate(made, settings, clock=lambda: LATER)
    return made


def client_of(settings, site, role=""):
    client = TestClient(site, base_url=ORIGIN, follow_redirects=False)
    if role:
        with writing(settings) as session:
            client.cookies.set(COOKIE, visits.begin(session, role, now=LATER))
    return client


def routes(site):
    return [(one.path, method) for one in site.routes if getattr(one, "methods", None)
            for method in one.methods]  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_answered_by_each_route_as_the_table_says(settings, site, role):
    client, answered = client_of(settings, site, role), Counter[int]()
    for path, method in routes(site):
        right = TAKES.get(path, "look") if method in {"GET", "HEAD"} else ""
        address = path.replace(":path", "").replace("{", "").replace("}", "")
        status = client.request(method, address, headers={"origin": ORIGIN}).status_code
        assert (status == 403) == (right not in ROLES[role]), (role, method, path, status)
        answered[status] += 1
    assert answered[403] >= 1
    assert answered[200] >= 10


def test_without_a_session_no_route_answers(settings, site):
    client = client_of(settings, site)
    for path, method in routes(site):
        answer = client.request(method, path.replace(":path", ""))
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert client.get("/nowhere").status_code == 401
    assert client.get("/static/console.css").status_code == 200


def test_a_browser_is_led_to_the_sign_in_and_back(settings, site):
    answer = client_of(settings, site).get("/sources?q=a", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (
        303, "/sign-in?next=%2Fsources%3Fq%3Da",
    )  # fmt: skip


@pytest.mark.parametrize(
    "said", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\\b", "/sign-in",
             "javascript:alert(1)", "/\t/evil.example", "/a\r\nx: y"],
)  # fmt: skip
def test_no_way_back_leads_elsewhere(said):
    assert way_back(said) == "/"


def test_every_heavy_address_takes_the_right_to_compute():
    assert {one for one, right in TAKES.items() if right == "compute"} == set(HEAVY)


def test_a_token_may_no_more_than_its_scopes(settings, site):
    _, secret = new_token(settings, "admin", name="", scopes=("look",), days=1, now=LATER)
    client = client_of(settings, site)
    sent = {"authorization": f"Bearer {secret}"}
    assert client.get("/sources", headers=sent).status_code == 200
    assert client.get("/log/verify", headers=sent).status_code == 403
    assert client.get("/sources", headers={"authorization": f"Bearer {secret}x"}).status_code == 401
    assert client.get("/sources", headers={**sent, **HTML}).status_code == 200


def test_another_origin_and_large_bodies_are_refused(settings, site):
    client = client_of(settings, site, "admin")
    origins = ("http://evil.example", "null", "http://127.0.0.1:3000")
    for lent in (*({"origin": one} for one in origins), {"sec-fetch-site": "cross-site"}):
        assert client.post("/sources", headers=lent).status_code == 403
    large = client.post("/sources", content=b"x" * (LARGEST + 1), headers={"origin": ORIGIN})
    assert large.status_code == 413
    assert client.post("/sources", headers={"origin": ORIGIN}).status_code == 405


def test_what_is_refused_is_logged_with_who_asked(settings, site):
    client_of(settings, site, "viewer").get("/log/verify")
    with looking(settings) as session:
        ((_, entry),) = accesses(session, newest=1)
    assert (entry.account, entry.what, entry.outcome) == ("viewer", "GET", "NOT_ALLOWED")
    assert entry.subject == "/log/verify"


def test_there_is_no_websocket_without_a_session(settings, site):
    with pytest.raises(WebSocketDisconnect), client_of(settings, site).websocket_connect("/"):
        pass


def test_who_fails_too_often_waits_and_others_do_not():
    attempts = Attempts()
    for _ in range(MOST):
        assert not attempts.must_wait("jo", now=LATER)
        attempts.failed("jo", "10.0.0.1", now=LATER)
    assert attempts.must_wait("jo", now=LATER)
    assert attempts.must_wait("sam", "10.0.0.1", now=LATER)
    assert not attempts.must_wait("sam", "10.0.0.2", now=LATER)
    assert not attempts.must_wait("jo", now=LATER + WITHIN + timedelta(seconds=1))
