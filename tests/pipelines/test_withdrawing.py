"""An approval of counsel that is taken back: decided anew, the rule does not stand any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from catalog import decisions, requests, rights
from catalog.acts import acts
from catalog.changes import fact_changes
from catalog.sources import Source, register_source
from pipelines.attach.approving import Approval, approve, state_of, statutory_rule
from pipelines.attach.withdrawing import Withdrawal, withdraw
from pipelines.audit.standing import standings
from pipelines.clear import clear
from pipelines.errors import RegistrationError
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
TODAY = NOW.date()
OPEN = {"layer": "copyright", "basis": [], "signals": []}
SOURCES = ("once", "early", "late", "again", "dry", "beside", "never")


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    made = make_world(tmp_path_factory.mktemp("withdrawing"))
    with writing(made) as session:
        requests.save_request(session, "eu", {**COMMERCIAL, "territory": ["DE"]}, now=NOW)
    for number, name in enumerate(SOURCES):
        add_source(made, name, [MIT if name == "beside" else OPEN], seconds=2, seed=number)
    for name in set(SOURCES) - {"never"}:
        approved(made, name)
    return made


def approved(settings, name, *, access=True, now=NOW):
    said = Approval(rule=RULE, lawful_access=access, reason="opinion 12")
    return approve(settings, name, said, actor="counsel", now=now)


def taken_back(settings, name, *, at=TODAY, now=LATER, **how):
    said = Withdrawal(rule=RULE, at=at, reason=" the opinion was about another place ")
    return withdraw(settings, name, said, actor="counsel", now=now, **how)


def verdict(settings, name, *, now=LATER, record=False):
    done = clear("eu", settings, now=now, run_id="test", record=record)
    return {one.source_id: (one.verdict, one.reasons) for one in done.parts}[name]


def grounds(settings, name):
    with looking(settings) as session:
        return [one for one in rights.facts_of(session, name) if one.kind == "basis"]


def standing(settings, name, today=TODAY):
    with looking(settings) as session:
        return state_of(session, statutory_rule(RULE), name).words(today)


def test_what_is_decided_anew_finds_the_rule_not_enabled(settings):
    assert verdict(settings, "once", record=True)[0] == "permit"

    done = taken_back(settings, "once")

    assert (
        done.summary() == f"source once: from 2026-12-01 on {RULE} no longer stands on 1 layer(s)"
    )
    assert verdict(settings, "once") == ("undetermined", ("TDM_NOT_ENABLED",))
    with looking(settings) as session:
        (*_, act) = acts(session, subject="once")
        (row,) = (one for one in decisions.decisions(session) if one.source_id == "once")
        (found,) = standings(session, [row])
        changes = fact_changes(session, NOW, LATER + timedelta(minutes=1))
    assert (act.act, act.actor, act.about["rule"], act.about["reason"]) == (
        "withdraw", "counsel", RULE, "the opinion was about another place",
    )  # fmt: skip
    assert found.words() == f"ended from 2026-12-01 on ({act.about['reason']})"
    ended = {one.fact_id: (one.source_id, one.by) for one in changes if one.what == "revoked"}
    assert [ended[one] for one in act.about["facts"]] == [("once", "withdrawn")]
    assert standing(settings, "once") == f"taken back from 2026-12-01 on: {act.about['reason']}"
    assert len(grounds(settings, "once")) == 1  # the approval stays on record, beside its end


def test_it_stands_until_the_day_and_is_known_only_since_it_was_said(settings):
    day = TODAY + timedelta(days=2)
    taken_back(settings, "late", at=day)

    said = {each: verdict(settings, "late", now=LATER + timedelta(days=each))[0]
            for each in (0, 1, 2)}  # fmt: skip
    assert said == {0: "permit", 1: "permit", 2: "undetermined"}
    with looking(settings) as session:
        (then,) = rights.layers_of(session, "late", known=NOW + timedelta(minutes=1))
        (now,) = rights.layers_of(session, "late", known=None)
    assert "valid" not in then["basis"][0]
    assert now["basis"][0]["valid"] == ["0001-01-01", day.isoformat()]
    assert standing(settings, "late").startswith("enabled on 2026-12-01, until 2026-12-03")


def test_a_day_before_an_end_on_record_counts(settings):
    for day in (TODAY + timedelta(days=9), TODAY - timedelta(days=9)):
        taken_back(settings, "early", at=day)

    assert verdict(settings, "early")[0] == "undetermined"
    with pytest.raises(RegistrationError, match="stands on no layer of early from 2026-12-02 on"):
        taken_back(settings, "early", at=TODAY + timedelta(days=1))


def test_counsel_may_approve_it_again_and_take_that_back_as_often(settings):
    for turn in range(1, 3):
        taken_back(settings, "again")
        assert verdict(settings, "again")[0] == "undetermined"
        assert approved(settings, "again", now=LATER).layers == 1
        assert verdict(settings, "again")[0] == "permit"
        assert len(grounds(settings, "again")) == turn + 1
        assert standing(settings, "again") == "enabled on 2026-12-01"
    with pytest.raises(RegistrationError, match="stands on every layer of again"):
        approved(settings, "again", now=LATER)
    with looking(settings) as session:
        (layer,) = rights.layers_of(session, "again", known=None)
    assert [one["valid"] for one in layer["basis"]] == [
        ["0001-01-01", "2026-12-01"], [], ["2026-12-01", "9999-12-31"],
    ]  # fmt: skip


def test_a_licence_beside_it_is_not_held_to_be_withdrawn(settings):
    assert verdict(settings, "beside")[0] == "permit"
    taken_back(settings, "beside")
    assert verdict(settings, "beside")[0] == "permit"


def test_a_dry_run_says_what_it_would_do_and_does_nothing(settings):
    before = len(grounds(settings, "never"))
    with looking(settings) as session:
        entries = len(acts(session))

    done = taken_back(settings, "dry", dry_run=True)
    said = Approval(rule=RULE, lawful_access=None, reason="opinion 13")
    would = approve(settings, "never", said, actor="counsel", now=NOW, dry_run=True)

    assert done.line() == {
        "source": "dry", "rule": RULE, "at": "2026-12-01", "layers": 1, "dry_run": True,
    }  # fmt: skip
    assert would.summary() == f"source never: {RULE} would stand on 1 layer(s)"
    assert verdict(settings, "dry")[0] == "permit"
    assert len(grounds(settings, "never")) == before
    with looking(settings) as session:
        assert len(acts(session)) == entries


@pytest.mark.parametrize(
    ("name", "changed", "code"),
    [
        ("never", {}, "NOT_APPROVED"), ("dry", {"rule": "MIT"}, "RULE_UNKNOWN"),
        ("dry", {"rule": "EU-CDSM-3"}, "NOT_APPROVED"), ("dry", {"reason": " "}, "REASON_MISSING"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_back_is_refused(settings, name, changed, code):
    said = {"rule": RULE, "at": TODAY, "reason": "x", **changed}
    with pytest.raises(RegistrationError, match=r".") as refused:
        withdraw(settings, name, Withdrawal(**said), actor="counsel", now=LATER)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("rule", "ground", "state"),
    [
        (RULE, {}, "enabled on 2026-12-01"), ("JP-CA-30-4", {}, "off: no counsel enabled it"),
        (RULE, {"enabled": False}, "off: no counsel enabled it"),
        ("JP-CA-30-4", {"enabled": True}, "enabled on 2026-12-01"),
        (RULE, {"valid": ["2026-01-01", "2026-06-01"]}, "over from 2026-06-01 on"),
        (RULE, {"valid": []}, "over from 0001-01-01 on"),
    ],
)  # fmt: skip
def test_a_ground_that_a_rights_file_states_counts_as_the_engine_reads_it(
    tmp_path, rule, ground, state
):
    made = make_world(tmp_path)
    layer = {"layer": "copyright", "basis": [{"type": "statutory", "id": rule, **ground}]}
    with writing(made) as session:
        register_source(session, Source(source_id="a", uri="/a", modality="video"), now=NOW)
        rights.attach_layer(session, "a", layer, now=NOW)
    with looking(made) as session:
        assert state_of(session, statutory_rule(rule), "a").words(TODAY) == state
