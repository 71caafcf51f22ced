"""The gate in front of every address: each role against each route, strangers, lent forms."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from starlette.websockets import WebSocketDisconnect

from catalog.accounts import accesses
from pipelines.accounts.roles import ROLES
from pipelines.console.app import FILES, HEAVY, console
from pipelines.console.attempts import MOST, WITHIN, Attempts
from pipelines.console.gate import OPEN, way_back
from pipelines.console.problems import Problem
from pipelines.console.rights import ACTS, LARGER, LARGEST, READING, TAKES, addresses
from tests.pipelines.console.conftest import ORIGIN, client_of, later, token_of
from tests.pipelines.small_world import looking, make_world

HTML = {"accept": "text/html"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("gated"))


def said():
    return "said"


@pytest.fixture(scope="module")
def site(settings):
    """The console behind the gate, with an act and an address that no table names."""
    made = console(settings, clock=later)
    for address, method in (("/new-page", "GET"), ("/new-act", "POST")):
        made.add_api_route(address, said, methods=[method])
    return made


def here(site):
    """Each address with each of its methods, but those where one signs in."""
    return [one for one in addresses(site.routes) if one[0] not in OPEN]


@pytest.mark.parametrize("role", ROLES)
def test_each_role_is_answered_by_each_route_as_the_table_says(settings, site, role):
    client, answered = client_of(settings, role, site=site), Counter[int]()
    for path, method in here(site):
        if method == "HEAD" and path not in TAKES:
            continue  # judged as GET is
        act = ACTS.get((method, path), "")
        right = TAKES.get(path, "look") if method in READING else act
        address = path.replace(":path", "").replace("{", "").replace("}", "")
        answer = client.request(method, address, headers={"origin": ORIGIN})
        said = answer.json()["code"] if is_problem(answer) and answer.content else "NOT_ALLOWED"
        refused = (answer.status_code, said) == (403, "NOT_ALLOWED") and is_problem(answer)
        assert refused == (right not in ROLES[role]), (role, method, path, said)
        answered[answer.status_code] += 1
    assert answered[403] >= 1
    assert answered[200] >= 30


def is_problem(answer):
    return answer.headers.get("content-type") == "application/problem+json"


def test_without_a_session_no_route_answers(settings, site):
    client = client_of(settings, "", site=site)
    for path, method in here(site):
        answer = client.request(method, path.replace(":path", ""))
        assert answer.status_code == 401, (method, path)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert client.get("/nowhere").status_code == 401
    assert client.get("/static/console.css").status_code == 200


def test_a_browser_is_led_to_the_sign_in_and_back(settings, site):
    answer = client_of(settings, "", site=site).get("/sources?q=a", headers=HTML)
    assert (answer.status_code, answer.headers["location"]) == (
        303, "/sign-in?next=%2Fsources%3Fq%3Da",
    )  # fmt: skip


@pytest.mark.parametrize(
    "said", ["//evil.example", "/\\evil.example", "https://evil.example", "", "/a\\b", "/sign-in",
             "javascript:alert(1)", "/\t/evil.example", "/a\r\nx: y"],
)  # fmt: skip
def test_no_way_back_leads_elsewhere(said):
    assert way_back(said) == "/"


def test_what_takes_the_engine_or_is_a_paper_takes_more_than_a_look(site):
    heavy, papers = set(HEAVY), set(FILES) - {"/log/{entry}/proof"}
    (interface,) = (one.app for one in site.routes if getattr(one, "path", "") == "/api")
    for path, said in interface.state.document["paths"].items():
        if "get" not in said:
            continue
        answers = said["get"]["responses"]
        if "429" in answers:
            heavy.add(f"/api{path}")
        if (
            "application/octet-stream" in answers["200"].get("content", {})
            and "{entry}" not in path
        ):
            papers.add(f"/api{path}")
    assert {one for one, right in TAKES.items() if right == "compute"} == heavy
    assert {one for one, right in TAKES.items() if right == "papers"} == {
        *papers, "/evidence/{fact}/{sha256}",
    }  # fmt: skip
    known = {path for path, _ in addresses(site.routes)}
    assert known >= set(TAKES) | {path for _, path in ACTS}
    assert set(LARGER) <= set(ACTS)


def test_a_program_is_refused_with_a_problem(settings, site):
    asked = {**HTML, "origin": ORIGIN}  # whatever it takes, under /api nobody is led to a form
    nobody = client_of(settings, "", site=site).get("/api/v1/sources", headers=asked)
    viewer = client_of(settings, "viewer", site=site).get("/api/v1/verify", headers=asked)
    for answer, status, code in (
        (nobody, 401, "SIGN_IN_MISSING"), (viewer, 403, "NOT_ALLOWED"),
    ):  # fmt: skip
        assert is_problem(answer)
        said = Problem.model_validate(answer.json())
        assert (answer.status_code, said.status, said.code) == (status, status, code)
        assert said.way_out


def test_a_browser_is_refused_with_a_page_that_says_who_is_signed_in(settings, site):
    answer = client_of(settings, "viewer", site=site).get("/log/verify", headers=HTML)
    assert (answer.status_code, "viewer may not do this" in answer.text) == (403, True)
    assert "Sign out" in answer.text


def test_a_catalog_that_went_away_is_told_at_the_gate(tmp_path):
    made = make_world(tmp_path)
    client = client_of(made)
    assert client.get("/sources").is_success
    (tmp_path / "catalog.sqlite").rename(tmp_path / "gone")
    (tmp_path / "catalog.sqlite").mkdir()
    answer = client.get("/sources")
    assert (answer.status_code, answer.json()["code"]) == (503, "CATALOG_UNREACHABLE")


def test_a_token_may_no_more_than_its_scopes(settings, site):
    secret = token_of(settings, scopes=("look",))
    client = client_of(settings, "", site=site)
    sent = {"authorization": f"Bearer {secret}"}
    for prefix, heavy in (("", "/log/verify"), ("/api/v1", "/verify")):
        assert client.get(f"{prefix}/sources", headers=sent).status_code == 200
        assert client.get(f"{prefix}{heavy}", headers=sent).status_code == 403
    assert client.get("/sources", headers={"authorization": f"Bearer {secret}x"}).status_code == 401
    assert client.get("/sources", headers={**sent, **HTML}).status_code == 200


def test_another_origin_and_large_bodies_are_refused(settings, site):
    client = client_of(settings, "admin", site=site)
    origins = ("http://evil.example", "null", "http://127.0.0.1:3000")
    for lent in (*({"origin": one} for one in origins), {"sec-fetch-site": "cross-site"}):
        assert client.post("/sources", headers=lent).status_code == 403
    large = client.post("/sources", content=b"x" * (LARGEST + 1), headers={"origin": ORIGIN})
    assert large.status_code == 413
    assert client.post("/sources", headers={"origin": ORIGIN}).status_code == 405


@pytest.mark.parametrize(("method", "path"), [*LARGER, *ACTS, ("GET", "/sources")])
def test_each_address_takes_what_its_own_limit_says_and_no_more(settings, site, method, path):
    client = client_of(settings, "admin", site=site)
    address = path.replace("{", "").replace("}", "")
    most = LARGER.get((method, path), LARGEST)
    for length, refused in ((most, False), (most + 1, True), ("1e3", True), ("-1", True)):
        sent = {"origin": ORIGIN, "content-length": str(length)}
        answer = client.request(method, address, headers=sent, content=b"")
        assert (answer.status_code == 413) is refused, (length, answer.text)
    unsaid = client.request(method, address, headers={"origin": ORIGIN}, content=iter([b"x"]))
    assert (unsaid.status_code, unsaid.headers["connection"]) == (413, "close")


def test_a_form_of_many_fields_is_no_form_of_ours(settings, site):
    client = client_of(settings, "admin", site=site)
    many = {f"field-{number}": "x" for number in range(60)}
    answer = client.post("/revoke", data=many, headers={"origin": ORIGIN})
    assert (answer.status_code, "FORM_STALE" in answer.text) == (403, True)


def test_what_is_refused_is_logged_with_who_asked(settings, site):
    client_of(settings, "viewer", site=site).get("/log/verify")
    with looking(settings) as session:
        ((_, entry),) = accesses(session, newest=1)
    assert (entry.account, entry.what, entry.outcome) == ("viewer", "GET", "NOT_ALLOWED")
    assert entry.subject == "/log/verify"


def test_there_is_no_websocket_without_a_session(settings, site):
    with (
        pytest.raises(WebSocketDisconnect),
        client_of(settings, "", site=site).websocket_connect("/"),
    ):
        pass


def test_who_fails_too_often_waits_and_others_do_not():
    attempts = Attempts()
    for _ in range(MOST):
        assert not attempts.must_wait("jo", now=later())
        attempts.failed("jo", "10.0.0.1", now=later())
    assert attempts.must_wait("jo", now=later())
    assert attempts.must_wait("sam", "10.0.0.1", now=later())
    assert not attempts.must_wait("sam", "10.0.0.2", now=later())
    assert not attempts.must_wait("jo", now=later() + WITHIN + timedelta(seconds=1))
