"""Acts of programs: by whom they may be done, once, each with its actor; what is refused."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace

import pytest

from catalog import requests, rights
from catalog.accounts import accesses
from catalog.acts import acts
from pipelines.accounts.roles import ROLES
from pipelines.clear import clear
from pipelines.console.app import console
from pipelines.console.rights import ACTS, LARGEST_PAPER
from tests.pipelines.console.conftest import ORIGIN, client_of, later, token_of
from tests.pipelines.small_world import (
    COMMERCIAL,
    LATER,
    MIT,
    NOW,
    add_source,
    looking,
    make_world,
    writing,
)

RULE = "EU-CDSM-4"
OPEN = {"layer": "copyright", "basis": [], "signals": []}
PAPER = b"Licence: MIT"
PASSED = {"name": "../deal\u202e.md", "content": base64.b64encode(PAPER).decode()}
LICENCE = {"kind": "licence", "said": "MIT", "paper": PASSED, "grade": "E2"}
READING = {"reading": "silent", "reason": "read in the file, line 3"}
REASON = {"reason": "opinion 12"}
SOURCES = ("mined", "held", "marked", "bare", "gone", "kept")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = make_world(tmp_path_factory.mktemp("acting"))
    with writing(made) as session:
        requests.save_request(session, "eu", {**COMMERCIAL, "territory": ["DE"]}, now=NOW)
    for number, name in enumerate(SOURCES):
        layers = {"marked": [MIT], "bare": [], "gone": [MIT]}.get(name, [OPEN])
        add_source(made, name, layers, seconds=2, seed=number)
    with writing(made) as session:
        for name in ("marked", "kept"):
            mark = {"layer_id": "*", "about": "a.mp4", "unread": "XMP not readable"}
            rights.attach(session, name, "signal", mark, now=NOW)
    return made


@pytest.fixture(scope="module")
def site(settings):
    return console(settings, clock=later)


@pytest.fixture(scope="module")
def tokens(settings):
    return {role: token_of(settings, role=role, scopes=tuple(ROLES[role])) for role in ROLES}


@pytest.fixture
def act(settings, site, tokens):
    """Send an act as a program of a role, and return the answer."""
    client = client_of(settings, "", site=site)

    def sent(address, body, *, role="counsel", token=""):
        headers = {"authorization": f"Bearer {token or tokens[role]}"}
        return client.post(f"/api/v1{address}", json=body, headers=headers)

    return sent


def signal_of(settings, source):
    with looking(settings) as session:
        facts = rights.facts_of(session, source)
    return next(one.fact_id for one in facts if "unread" in one.doc)


def verdict(settings, source, request="eu"):
    done = clear(request, settings, now=LATER, run_id="test", record=False)
    return {one.source_id: one.verdict for one in done.parts}[source]


def acts_on(settings, subject):
    with looking(settings) as session:
        return [(one.act, one.actor) for one in acts(session, subject=subject)]


def newest(settings):
    with looking(settings) as session:
        ((_, entry),) = accesses(session, newest=1)
    return entry.account, entry.what, entry.outcome, entry.subject


def refusal(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert (said["status"], said["code"]) == (status, code)
    assert said["detail"]
    assert said["way_out"]
    return said


def every_act(settings):
    """Each act of the interface, with what it takes, on a source that stays as it is."""
    fact = signal_of(settings, "kept")
    revoked = {"of": "source", "what": "kept", "typed": "kept", "reason": "ended"}
    return {
        "/sources/kept/attach": (LICENCE, "attach"),
        f"/signals/{fact}/settle": (READING, "settle"),
        f"/sources/kept/rules/{RULE}/approve": (REASON, "approve"),
        f"/sources/kept/rules/{RULE}/withdraw": (REASON, "approve"),
        "/revoke": (revoked, "revoke"),
    }


def test_every_act_of_the_interface_is_tried(settings):
    names = {path.rpartition("/")[2] for _, path in ACTS if path.startswith("/api/")}
    assert names == {one.rpartition("/")[2] for one in every_act(settings)}


@pytest.mark.parametrize("role", ROLES)
def test_a_token_does_no_more_than_its_account_and_its_scopes_may(settings, act, role):
    looks = token_of(settings, role=role, scopes=("look",))
    before = len(facts_of(settings, "kept"))
    for address, (body, right) in every_act(settings).items():
        said = refusal(act(address, body, token=looks), 403, "NOT_ALLOWED")
        assert role in said["detail"]
        if right not in ROLES[role]:
            refusal(act(address, body, role=role), 403, "NOT_ALLOWED")
            assert newest(settings) == (role, "POST", "NOT_ALLOWED", f"/api/v1{address}")
    assert len(facts_of(settings, "kept")) == before


def facts_of(settings, source):
    with looking(settings) as session:
        return rights.facts_of(session, source)


def test_a_session_acts_by_its_forms_alone(settings, site):
    client, before = client_of(settings, "admin", site=site), len(facts_of(settings, "kept"))
    for address, (body, _) in every_act(settings).items():
        path, name = f"/api/v1{address}", address.rpartition("/")[2]
        refusal(client.post(path, json=body, headers={"origin": ORIGIN}), 403, "TOKEN_WANTED")
        assert newest(settings) == ("admin", name, "TOKEN_WANTED", path)
        refusal(client.post(path, json=body, headers={"origin": "http://evil.example"}), 403,
                "ORIGIN_OTHER")  # fmt: skip
        client.cookies.clear()
        refusal(client.post(path, json=body), 401, "SIGN_IN_MISSING")
        client = client_of(settings, "admin", site=site)
    assert len(facts_of(settings, "kept")) == before


def test_a_paper_is_attached_once_with_its_bytes_and_its_actor(settings, act):
    digest = hashlib.sha256(PAPER).hexdigest()

    first = act("/sources/bare/attach", LICENCE, role="steward").json()
    again = act("/sources/bare/attach", LICENCE, role="steward").json()

    assert first == {"sha256": digest, "facts": {"added": 2}, "actor": "steward"}
    assert again["facts"] == {"unchanged": 2}
    assert (settings.home / "evidence" / digest).read_bytes() == PAPER
    (paper,) = (one for one in facts_of(settings, "bare") if one.kind == "evidence")
    assert paper.doc["file"] == "deal.md"
    assert acts_on(settings, "bare") == [("attach", "steward")]
    assert verdict(settings, "bare", "commercial") == "permit"


def test_a_signal_is_settled_once(settings, act):
    fact = signal_of(settings, "marked")
    assert verdict(settings, "marked") == "undetermined"

    done = act(f"/signals/{fact}/settle", READING, role="steward").json()

    assert done == {"source_id": "marked", "reading": "silent", "facts": 1, "actor": "steward"}
    assert verdict(settings, "marked") == "permit"
    assert acts_on(settings, fact) == [("settle", "steward")]
    refusal(act(f"/signals/{fact}/settle", READING), 409, "ALREADY_SETTLED")
    assert newest(settings)[:3] == ("counsel", "settle", "ALREADY_SETTLED")


def test_a_rule_is_approved_taken_back_and_read(settings, site, act):
    address = f"/sources/mined/rules/{RULE}"
    client = client_of(settings, "viewer", site=site)

    def standing():
        items = client.get("/api/v1/sources/mined/rules").json()["items"]
        return next(one for one in items if one["rule"] == RULE)

    assert (standing()["stands"], standing()["since"]) == (False, None)
    refusal(act(f"{address}/withdraw", REASON), 409, "NOT_APPROVED")
    done = act(f"{address}/approve", {**REASON, "lawful_access": True}).json()
    assert done == {"source_id": "mined", "rule": RULE, "layers": 1, "actor": "counsel"}
    assert (standing()["stands"], standing()["since"]) == (True, "2026-12-01")
    assert verdict(settings, "mined") == "permit"
    refusal(act(f"{address}/approve", {**REASON, "lawful_access": True}), 409, "ALREADY_APPROVED")

    back = act(f"{address}/withdraw", {"reason": "another opinion", "at": "2026-12-01"}).json()

    assert (back["at"], back["layers"], back["actor"]) == ("2026-12-01", 1, "counsel")
    assert verdict(settings, "mined") == "undetermined"
    assert (standing()["stands"], standing()["until"], standing()["reason"]) == (
        False, "2026-12-01", "another opinion",
    )  # fmt: skip
    refusal(act(f"{address}/withdraw", REASON), 409, "NOT_APPROVED")
    assert acts_on(settings, "mined") == [("approve", "counsel"), ("withdraw", "counsel")]


def test_rules_are_listed_with_what_they_ask(settings, site):
    answer = client_of(settings, "viewer", site=site).get("/api/v1/rules")
    (rule,) = (one for one in answer.json()["items"] if one["rule"] == RULE)
    assert rule["reservable"]
    assert ("lawful access to the work", "Art. 4(1)") in {
        (one["says"], one["cite"]) for one in rule["clauses"]
    }


def test_a_revocation_wants_its_subject_again_and_is_done_once(settings, act):
    said = {"of": "source", "what": "gone", "typed": "gone", "reason": "taken_down"}
    refusal(act("/revoke", {**said, "typed": "gon"}, role="steward"), 422, "NOT_CONFIRMED")
    assert newest(settings) == ("steward", "revoke", "NOT_CONFIRMED", "/api/v1/revoke")
    assert verdict(settings, "gone") == "permit"

    done = act("/revoke", said, role="steward").json()

    assert (done["subject"], done["at"], done["facts"], done["resumed"]) == (
        "gone", "2026-12-01", 1, False,
    )  # fmt: skip
    assert set(done["verdicts"]) == {"commercial", "eu"}
    assert verdict(settings, "gone") == "undetermined"
    assert acts_on(settings, "gone") == [("revoke", "steward")]
    refusal(act("/revoke", said, role="steward"), 409, "ALREADY_REVOKED")


@pytest.mark.parametrize(
    ("address", "body", "status", "code"),
    [
        ("/sources/nobody/attach", LICENCE, 404, "UNKNOWN_ID"),
        ("/sources/held/attach", {**LICENCE, "said": "no such"}, 409, "LICENCE_UNKNOWN"),
        ("/sources/held/attach", {**LICENCE, "territory": ["DE"]}, 409, "TERMS_UNUSED"),
        ("/sources/held/attach", {**LICENCE, "kind": "gift"}, 422, "BODY_INVALID"),
        ("/sources/held/attach", {**LICENCE, "more": 1}, 422, "BODY_INVALID"),
        ("/sources/held/attach", {**LICENCE, "said": "M\x00IT"}, 422, "BODY_INVALID"),
        ("/sources/held/attach", {**LICENCE, "paper": {"name": "a", "content": "?"}}, 422,
         "BODY_INVALID"),
        ("/sources/held/attach", {**LICENCE, "paper": {"name": "a", "content": ""}}, 422,
         "EVIDENCE_MISSING"),
        ("/sources/held/attach",
         {"kind": "contract", "said": "7", "paper": PASSED, "actions": ["fly"]}, 409,
         "BAD_CASE:actions"),
        ("/sources/held/attach",
         {"kind": "contract", "said": "7", "paper": PASSED, "valid_from": "2026-01-02",
          "valid_to": "2026-01-01"}, 409, "VALID_RANGE"),
        ("/signals/nobody/settle", READING, 404, "UNKNOWN_ID"),
        ("/signals/nobody/settle", {**READING, "reason": " "}, 422, "BODY_INVALID"),
        ("/sources/held/rules/MIT/approve", REASON, 409, "RULE_UNKNOWN"),
        (f"/sources/bare/rules/{RULE}/approve?dry=1", REASON, 422, "QUERY_INVALID"),
        ("/revoke", {"what": "nobody", "typed": "nobody", "reason": "ended"}, 404, "UNKNOWN_ID"),
        ("/revoke", {"what": "held", "typed": "held", "reason": "bored"}, 422, "BODY_INVALID"),
        ("/revoke", {"what": "held", "typed": "held", "reason": "ended", "of": "span"}, 422,
         "BODY_INVALID"),
        ("/revoke", [], 422, "BODY_INVALID"), ("/revoke", None, 422, "BODY_INVALID"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_with_a_way_out_and_logged(
    settings, act, address, body, status, code
):
    before = len(facts_of(settings, "held"))
    refusal(act(address, body), status, code)
    path = f"/api/v1{address}".partition("?")[0]
    assert newest(settings) == ("counsel", path.rpartition("/")[2], code, path)
    assert len(facts_of(settings, "held")) == before


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[" * 60_000, b'{"reason": "\\ud800"}', b'{"reason": "\xff"}', b"reason=x"],
    ids=["none", "cut", "deep", "surrogate", "not utf-8", "form"],
)  # fmt: skip
def test_a_body_that_is_no_json_of_ours_is_refused(settings, site, tokens, raw):
    sent = {"authorization": f"Bearer {tokens['counsel']}", "content-type": "application/json"}
    address = f"/api/v1/sources/held/rules/{RULE}/approve"
    answer = client_of(settings, "", site=site).post(address, content=raw, headers=sent)
    assert answer.status_code in {400, 422}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert newest(settings)[1] == "approve"


def test_a_paper_may_have_so_many_bytes_and_no_more(act):
    for extra, status in ((0, 200), (3, 413)):
        content = base64.b64encode(b"x" * (LARGEST_PAPER + extra)).decode()
        body = {**LICENCE, "paper": {"name": "a", "content": content}}
        answer = act("/sources/held/attach", body)
        assert answer.status_code == status, answer.text[:300]


def test_a_catalog_that_takes_no_act_and_no_entry_is_told(settings, tokens):
    made = console(settings, clock=later)
    interface = below(made)
    gone = replace(settings, catalog_url=f"sqlite:///{settings.home}/gone/catalog.sqlite")
    interface.state.acting = replace(interface.state.acting, settings=gone)
    sent = {"authorization": f"Bearer {tokens['counsel']}"}
    client = client_of(settings, "", site=made)
    for body in (REASON, {}):
        answer = client.post(f"/api/v1/sources/held/rules/{RULE}/approve", json=body, headers=sent)
        refusal(answer, 503, "CATALOG_MISSING")


def below(site):
    """The interface that a console mounts."""
    return next(one.app for one in site.routes if getattr(one, "path", "") == "/api")
