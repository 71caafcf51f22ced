"""What a grant would change is what it does change; counsel's rules, and who enables them."""

from __future__ import annotations

import json

import pytest

from catalog import requests, rights, sources
from catalog.accounts import accesses
from catalog.acts import acts
from pipelines.accounts.roles import ROLES
from pipelines.attach.station import attach_terms
from pipelines.attach.terms import Terms
from pipelines.clear import clear
from pipelines.console.app import console
from tests.pipelines.console.conftest import client_of, later
from tests.pipelines.console.sending import form_on, sent
from tests.pipelines.console.test_pages import plain
from tests.pipelines.small_world import (
    COMMERCIAL,
    LATER,
    NON_COMMERCIAL,
    NOW,
    add_source,
    looking,
    make_world,
    writing,
)

OPEN = {"layer": "copyright", "basis": [], "signals": []}
RULE = "EU-CDSM-4"


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = make_world(tmp_path_factory.mktemp("gaining"))
    for number, (name, layers) in enumerate([
        ("mined", [OPEN]), ("kept", [OPEN]), ("closed", [NON_COMMERCIAL]), ("bare", []),
        ("lent", []), ("backed", [OPEN]),
        ("reserved", [{**OPEN, "signals": [{"natural_language": "reserved"}]}]),
        ("voiced", [NON_COMMERCIAL, {"layer": "voice", "basis": []}]),
    ]):  # fmt: skip
        add_source(made, name, layers, seconds=2, seed=number)
    with writing(made) as session:
        requests.save_request(session, "eu", {**COMMERCIAL, "territory": ["DE"]}, now=NOW)
        for name in ("closed", "voiced"):
            owned = sources.source(session, name)
            told = {one: getattr(owned, one) for one in owned.__dataclass_fields__}
            sources.register_source(session, sources.Source(**{**told, "owner": "studio"}), now=NOW)
    for name in ("commercial", "eu"):
        clear(name, made, now=NOW, run_id="test")
    return made


@pytest.fixture(scope="module")
def site(settings):
    return console(settings, clock=later)


def rows(client, address, table):
    joint = "&" if "?" in address else "?"
    return json.loads(client.get(f"{address}{joint}table={table}&as=json").text)


def verdicts(settings, request):
    done = clear(request, settings, now=LATER, run_id="test", record=False)
    return {one.source_id: one.verdict for one in done.parts}


def rule_form(client, source, rule=RULE):
    address = f"/sources/{source}/rules/{rule}"
    return form_on(client, address, address)


def approved(client, source, *, rule=RULE, **fields):
    filled = {"access": "yes", "reason": "opinion 12", "typed": f"{rule} {source}", **fields}
    return sent(client, f"/sources/{source}/rules/{rule}", rule_form(client, source) | filled)


def taken_back(client, source, **fields):
    address = f"/sources/{source}/rules/{RULE}"
    filled = {"reason": "another opinion", "typed": f"{RULE} {source}", **fields}
    form = form_on(client, address, f"{address}/withdraw")
    return sent(client, f"{address}/withdraw", form | filled)


def grounds(settings, source):
    with looking(settings) as session:
        return [one for one in rights.facts_of(session, source)
                if one.kind == "basis" and one.doc["type"] == "statutory"]  # fmt: skip


@pytest.mark.parametrize("role", ROLES)
def test_a_rule_is_approved_by_counsel_and_admins_alone(settings, site, role):
    client, may = client_of(settings, role, site=site), "approve" in ROLES[role]
    if "compute" in ROLES[role]:
        assert bool(rule_form(client, "kept")) is may
    if not may:
        answer = approved(client, "kept")
        assert (answer.status_code, answer.json()["code"]) == (403, "NOT_ALLOWED")
    assert not grounds(settings, "kept")


def test_a_rule_says_what_it_asks_and_what_it_would_change(settings, site):
    client = client_of(settings, "auditor", site=site)
    listed = rows(client, "/sources/kept/rules", "rules")
    assert {one["rule"] for one in listed} >= {RULE, "EU-CDSM-3", "JP-CA-30-4"}
    assert {one["state"] for one in listed} == {"off: no counsel enabled it"}
    clauses = rows(client, f"/sources/kept/rules/{RULE}", "clauses")
    assert ("lawful access to the work", "Art. 4(1)") in {
        (one["says"], one["cite"]) for one in clauses
    }
    for access, after in (("", "undetermined"), ("no", "deny"), ("yes", "permit")):
        told = rows(client, f"/sources/kept/rules/{RULE}?access={access}", "hours")
        (one,) = (each for each in told if each["request"] == "eu")
        assert round(one["undetermined-before"] * 3600) == 2
        assert round(one[f"{after}-after"] * 3600) == 2
    asked = f"/sources/kept/rules/{RULE}?access=yes"
    (world,) = (each for each in rows(client, asked, "hours") if each["request"] == "commercial")
    assert round(world["deny-after"] * 3600) == 2  # it acts outside the Union: no ground is left
    assert "reaches nothing" in plain(client.get(f"/sources/bare/rules/{RULE}").text)
    assert "RULE_UNKNOWN" in client.get("/sources/kept/rules/MIT").text


def test_an_approval_does_what_was_shown_and_has_its_actor_in_the_log(settings, site):
    client = client_of(settings, "counsel", site=site)
    answer = approved(client, "mined")
    assert answer.status_code == 200, answer.text
    assert f"{RULE} stands on 1 layer(s)" in plain(answer.text)
    (ground,) = grounds(settings, "mined")
    assert (ground.doc["enabled"], ground.doc["lawful_access"]) == (True, True)
    assert verdicts(settings, "eu")["mined"] == "permit"
    assert verdicts(settings, "commercial")["mined"] == "deny"
    with looking(settings) as session:
        (act,) = acts(session, subject="mined")
    assert (act.act, act.actor, act.about["rule"], act.about["reason"]) == (
        "approve", "counsel", RULE, "opinion 12",
    )  # fmt: skip
    assert "enabled on 2026-12-01" in plain(client.get("/sources/mined/rules").text)
    assert "ALREADY_APPROVED" in approved(client, "mined").text
    assert len(grounds(settings, "mined")) == 1


def test_an_approval_is_taken_back_by_whom_may_approve_and_has_its_actor_in_the_log(settings, site):
    counsel, steward = (client_of(settings, one, site=site) for one in ("counsel", "steward"))
    address = f"/sources/backed/rules/{RULE}"
    assert not form_on(counsel, address, f"{address}/withdraw")  # nothing is to be taken back
    assert approved(counsel, "backed").status_code == 200
    assert verdicts(settings, "eu")["backed"] == "permit"

    assert not form_on(steward, address, f"{address}/withdraw")
    assert taken_back(steward, "backed").json()["code"] == "NOT_ALLOWED"
    for changed, code in (
        ({"typed": "backed"}, "NOT_CONFIRMED"),
        ({"at": "soon"}, "QUERY_INVALID"),
        ({"reason": ""}, "REASON_MISSING"),
        ({"form": "x"}, "FORM_STALE"),
    ):
        assert f"<code>{code}</code>" in taken_back(counsel, "backed", **changed).text
        assert verdicts(settings, "eu")["backed"] == "permit"
    answer = taken_back(counsel, "backed")

    assert answer.status_code == 200, answer.text
    assert f"from 2026-12-01 on {RULE} no longer stands on 1 layer(s)" in plain(answer.text)
    assert verdicts(settings, "eu")["backed"] == "undetermined"
    with looking(settings) as session:
        (*_, act) = acts(session, subject="backed")
        (_, entry) = accesses(session, newest=1)[0]
    assert (act.act, act.actor, act.about["reason"]) == ("withdraw", "counsel", "another opinion")
    assert (entry.what, entry.outcome) == ("withdraw", "FORM_STALE")
    for page in ("/sources/backed/rules", address):
        assert "taken back from 2026-12-01 on: another opinion" in plain(counsel.get(page).text)
    assert approved(counsel, "backed").status_code == 200  # counsel may think again
    assert verdicts(settings, "eu")["backed"] == "permit"


@pytest.mark.parametrize(
    ("source", "changed", "status", "code"),
    [
        ("kept", {"typed": RULE}, 400, "NOT_CONFIRMED"), ("kept", {"reason": ""}, 409,
         "REASON_MISSING"), ("kept", {"form": "0" * 64}, 403, "FORM_STALE"),
        ("bare", {}, 403, "FORM_STALE"), ("kept", {"rule": "EU-CDSM-3"}, 400, "NOT_CONFIRMED"),
    ],
)  # fmt: skip
def test_what_is_not_meant_so_approves_nothing(settings, site, source, changed, status, code):
    client = client_of(settings, "admin", site=site)
    other = changed.pop("rule", "")
    filled = {"access": "yes", "reason": "opinion 12", "typed": f"{RULE} {source}", **changed}
    address = f"/sources/{source}/rules/{other or RULE}"
    answer = sent(client, address, rule_form(client, source) | filled)
    assert (answer.status_code, f"<code>{code}</code>" in answer.text) == (status, True)
    assert not grounds(settings, source)
    with looking(settings) as session:
        ((_, entry),) = accesses(session, newest=1)
    assert (entry.what, entry.outcome, entry.subject) == ("approve", code, address)


def test_a_rule_for_a_source_without_a_layer_is_refused(settings, site):
    client = client_of(settings, "admin", site=site)
    form = rule_form(client, "kept") | {"reason": "x", "typed": f"{RULE} bare"}
    assert "LAYER_MISSING" in sent(client, f"/sources/bare/rules/{RULE}", form).text


def test_a_reservation_takes_a_reservable_rule_away(settings, site):
    client = client_of(settings, "auditor", site=site)
    address = f"/sources/reserved/rules/{RULE}?access=yes"
    (one,) = (each for each in rows(client, address, "hours") if each["request"] == "eu")
    assert one["permit-after"] == 0


def test_what_if_it_is_licensed_equals_what_the_licence_does(settings, site):
    client = client_of(settings, "auditor", site=site)
    address = "/what-if/grant?what=lent&grant=contract&layer=copyright&territory=WORLD"
    (shown,) = rows(client, address, "gained-0")
    assert (shown["source"], shown["before"], shown["after"]) == ("lent", "undetermined", "permit")
    before = [one for one in verdicts(settings, "commercial").items() if one[0] == "lent"]
    assert before == [("lent", "undetermined")]  # looking granted nothing
    narrow = rows(client, f"{address}&actions=ingest", "gained-0")
    assert narrow[0]["after"] == "deny"
    assert any("agreement:copyright" in said for said in narrow[0]["missing"])
    terms = Terms(contract="x", territory="WORLD", layer="copyright")
    attach_terms(settings, "lent", terms, evidence=None, now=NOW)
    assert verdicts(settings, "commercial")["lent"] == "permit"


def test_a_grant_for_a_party_is_one_for_each_of_its_sources(settings, site):
    client = client_of(settings, "auditor", site=site)
    address = "/what-if/grant?to=party&what=studio&grant=contract&layer=copyright"
    found = {one["source"]: one for one in rows(client, address, "gained-0")}
    assert set(found) == {"closed", "voiced"}
    assert (found["closed"]["before"], found["closed"]["after"]) == ("deny", "permit")
    assert found["voiced"]["after"] == "undetermined"
    assert found["voiced"]["missing"] == ["consent:voice"]
    voice = "/what-if/grant?what=voiced&grant=consent&said=train_generative&layer=voice"
    (one,) = rows(client, voice, "gained-0")
    assert (one["after"], one["missing"]) == ("deny", ["agreement:copyright"])


def test_a_decision_leads_to_what_each_grant_would_change(settings, site):
    client = client_of(settings, "auditor", site=site)
    page = client.get("/sources/closed").text
    address = page.split('href="/decisions/')[1].split('"')[0]
    said = client.get(f"/decisions/{address}").text
    assert 'href="/what-if/grant?what=closed&amp;layer=copyright&amp;grant=contract"' in said
    assert 'action="/what-if/grant"' in client.get("/what-if").text


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [("what=nobody", 404, "UNKNOWN_ID"), ("what=bare&grant=gift", 400, "QUERY_INVALID"),
     ("what=bare&grant=licence", 400, "QUERY_INVALID"), ("what=bare&layer=soul", 400,
      "QUERY_INVALID"), ("what=bare&grant=licence&said=none", 409, "LICENCE_UNKNOWN"),
     ("what=bare&actions=fly", 409, "BAD_CASE:actions"),
     ("what=bare&territory=Mars", 409, "BAD_CASE:territory"),
     ("to=party&what=nobody", 404, "UNKNOWN_ID"), ("what=bare&valid_to=soon", 400,
      "QUERY_INVALID")],
)  # fmt: skip
def test_a_grant_that_cannot_be_is_refused(settings, site, asked, status, code):
    answer = client_of(settings, "auditor", site=site).get(f"/what-if/grant?{asked}")
    assert (answer.status_code, f"<code>{code}</code>" in answer.text) == (status, True), plain(
        answer.text
    )
