"""What changed between two instants, and what it turned: each side as it was known then."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from catalog import decisions, rights, sources
from pipelines.audit.differences import ABSENT, between, fact_line
from pipelines.clear import clear
from pipelines.revoke import revoke
from tests.pipelines.small_world import (
    MIT,
    NON_COMMERCIAL,
    NOW,
    add_source,
    contract,
    looking,
    make_world,
    writing,
)

TODAY = NOW.date()
LATER = NOW + timedelta(hours=2)
BEFORE, AFTER = NOW + timedelta(hours=1), NOW + timedelta(hours=3)


@pytest.fixture
def world(tmp_path, catalog_url):
    """A home with its catalog on each database, two sources, and what was decided on them."""
    settings = make_world(tmp_path, catalog_url=catalog_url)
    add_source(settings, "arm", [contract()])
    add_source(settings, "lab", [NON_COMMERCIAL], seed=5)
    clear("commercial", settings, now=NOW, run_id="test")
    return settings


def changed(settings, *, since=BEFORE, until=AFTER, day=TODAY):
    return between(since, until, settings, day=day)


def test_an_ended_agreement_turns_its_decision(world):
    with looking(world) as session:
        (row,) = [one for one in decisions.decisions(session) if one.source_id == "arm"]
    revoke("arm", world, reason="ended", at=NOW.date(), now=LATER, run_id="test")

    found = changed(world)

    assert [(one.what, one.kind, one.by) for one in found.facts] == [
        ("revoked", "basis", "ended"), ("revoked", "source", "ended"),
    ]  # fmt: skip
    (turned,) = found.turned
    assert (turned.decision, turned.source_id) == (row.decision_id, "arm")
    assert (turned.before, turned.after) == ("permit", "deny")
    assert turned.reasons_before == ("GRANT",)
    assert turned.line()["reasons"]["to"] == list(turned.reasons_after) != ["GRANT"]


def test_an_added_layer_turns_a_decision_under_another_key(world):
    with writing(world) as session:
        rights.attach_layer(session, "arm", {**NON_COMMERCIAL, "part": "music"}, now=LATER)

    found = changed(world)

    assert {(one.what, one.kind) for one in found.facts} == {("added", "layer"), ("added", "basis")}
    assert [(one.source_id, one.before, one.after) for one in found.turned] == [
        ("arm", "permit", "deny")
    ]


def test_a_fact_that_is_said_anew_names_what_it_supersedes(world):
    paper = {"id": "A-1", "number": "17"}
    with writing(world) as session:
        rights.attach(session, "arm", "instrument", paper, now=NOW)
    with writing(world) as session:
        rights.attach(session, "arm", "instrument", {**paper, "number": "18"}, now=LATER)
        source = sources.source(session, "lab")
        anew = sources.Source(source_id="lab", uri="/elsewhere", modality=source.modality)
        sources.register_source(session, anew, now=LATER)

    found = changed(world)

    added, superseded = (
        [one for one in found.facts if one.what == what and one.kind == "instrument"]
        for what in ("added", "superseded")
    )
    assert superseded[0].by == added[0].fact_id
    assert superseded[0].said["number"] == "17"
    assert [one.fact_id for one in found.facts if one.kind == "source"] == ["lab"]
    assert fact_line(superseded[0])["recorded_at"] == added[0].recorded_at


def test_what_lies_outside_of_the_two_instants_is_not_told(world):
    revoke("arm", world, reason="ended", at=NOW.date(), now=LATER, run_id="test")

    assert changed(world, since=AFTER, until=AFTER + timedelta(hours=1)).facts == ()
    assert changed(world, since=BEFORE, until=BEFORE).turned == ()
    assert len(changed(world, since=NOW - timedelta(days=1), until=BEFORE).facts) > 2


def test_a_source_that_came_between_is_turned_from_not_there(world):
    add_source(world, "late", [MIT], seed=9, now=LATER)

    (turned,) = changed(world).turned

    assert (turned.source_id, turned.before, turned.after) == ("late", ABSENT, "permit")
    assert turned.decision == ""


def test_the_day_is_the_same_on_both_sides(world):
    assert changed(world, day=date(2040, 1, 1)).turned == ()
