"""Folded layers, consents, signals, other days and grants, as a program asks for them."""

from __future__ import annotations

import pytest

from catalog import rights
from catalog.decisions import decisions
from tests.pipelines.console.conftest import client_of, program_of, token_of
from tests.pipelines.small_world import NOW, add_source, looking, make_world, writing


@pytest.fixture(scope="module")
def voiced(tmp_path_factory):
    """Ask the interface of a home whose one source has a consent, a reservation and an end."""
    settings = make_world(tmp_path_factory.mktemp("voiced"))
    consent = {"type": "consent", "scope": ["train_generative"], "grade": "E1",
               "valid": ["2026-01-01", "2030-01-01"]}  # fmt: skip
    lent = {"type": "contract", "grade": "E1", "valid": ["2026-01-01", "2030-01-01"]}
    add_source(settings, "voiced", [
        {"layer": "voice", "basis": [consent], "item": "a.mp4"},
        {"layer": "copyright", "basis": [lent], "signals": [{"natural_language": "reserved"}]},
    ], seconds=2, settled=False)  # fmt: skip
    with writing(settings) as session:
        basis = next(one for one in rights.facts_of(session, "voiced") if one.kind == "basis")
        rights.end_fact(session, basis.fact_id, at=NOW.date(), kind="ended", reason="x", now=NOW)
    with program_of(settings) as client:
        yield lambda address: client.get(f"/api/v1/sources/voiced{address}").json()


def test_layers_are_told_as_the_engine_reads_them(ask, voiced):
    told = voiced("/layers")
    assert told["source_id"] == "voiced"
    by_kind = {one["layer"]: one for one in told["items"] if not one["covers"].get("part")}
    voice = by_kind["voice"]
    assert (voice["covers"], voice["signals"]) == ({"item": "a.mp4"}, None)
    assert voice["grounds"][0]["valid"] == ["2026-01-01", str(NOW.date())]  # the end has come
    assert by_kind["copyright"]["signals"] == [{"natural_language": "reserved"}]
    assert any(str(one["layer_id"]).startswith("checklist:") for one in told["items"])
    (consent,) = voiced("/consents")["items"]
    assert (consent["layer"], consent["consent"]["scope"]) == ("voice", ["train_generative"])
    assert ask("/sources/closed/consents")["items"] == []


def test_signals_are_told_with_what_they_say(ask, voiced):
    (one,) = voiced("/signals")["items"]
    assert (one["signal"], one["value"], one["state"], one["action"]) == (
        "natural_language", "reserved", "reserved", "train_generative",
    )  # fmt: skip
    (unread,) = ask("/sources/hostile/signals")["items"]
    assert (unread["signal"], unread["state"]) == ("unread", "malformed")
    assert ask("/unread-signals")["items"][0]["fact_id"] == unread["fact"]


def test_a_decision_is_asked_for_another_day(ask, world):
    with looking(world.settings) as session:
        row = next(one for one in decisions(session) if one.source_id == "leased")
    address = f"/decisions/{row.decision_id}/as-of"
    assert ask(address)["verdict"] == row.verdict == "permit"
    later = ask(address, valid="2026-12-24")
    assert (later["verdict"], later["reasons"], later["valid"]) == (
        "deny", ["EXPIRED"], "2026-12-24",
    )  # fmt: skip
    assert later["proof"]["layers"]
    before = ask(address, known="2026-11-01")
    assert (before["verdict"], before["known"]) == ("undetermined", "2026-11-02T00:00:00Z")
    assert ask(address, known="9999-12-31")["verdict"] == "permit"
    assert ask("/decisions/nobody/as-of", 404)["code"] == "UNKNOWN_ID"
    assert ask(address, 422, valid="soon")["code"] == "QUERY_INVALID"


def test_a_grant_is_asked_about_and_not_made(ask, world):
    asked = {"what": "closed", "layer": "copyright", "territory": "WORLD"}
    told = ask("/what-if/grant", **asked)
    assert (told["to"], told["subject"], told["at"]) == ("source", "closed", "2026-12-01")
    (under,) = told["requests"]
    (part,) = under["parts"]
    assert (part["before"], part["after"], part["missing"]) == ("deny", "permit", [])
    assert round(under["turned"] * 3600) == round(part["hours"] * 3600) == 4
    (narrow,) = ask("/what-if/grant", **asked, actions="ingest")["requests"][0]["parts"]
    assert (narrow["after"], narrow["missing"]) == ("deny", [["agreement:copyright"]])
    with looking(world.settings) as session:
        grounds = [one for one in rights.facts_of(session, "closed") if one.kind == "basis"]
    assert len(grounds) == 1
    assert ask("/what-if/grant", 422, what="closed", grant="gift")["code"] == "QUERY_INVALID"
    assert ask("/what-if/grant", 422, what="closed", grant="consent")["code"] == "QUERY_INVALID"
    assert ask("/what-if/grant", 409, what="closed", territory="Mars")["code"] == (
        "BAD_CASE:territory"
    )


def test_the_access_log_is_for_who_watches(ask, world):
    found = ask("/access", kind="refused")
    assert all(one["outcome"] != "SIGNED_IN" for one in found["items"])
    for scopes, status in ((("look", "compute"), 403), (("watch",), 200)):
        sent = {"authorization": f"Bearer {token_of(world.settings, scopes=scopes)}"}
        client = client_of(world.settings, "", site=world.client.app)
        assert client.get("/api/v1/access", headers=sent).status_code == status
