"""Every duty is in the notices exactly once, and the notices say nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipelines.documents.notice import (
    CHANGES,
    Licence,
    NoticeFacts,
    NoticeSource,
    build,
    check_notices,
    notice_id,
)
from pipelines.errors import ExportError

GAME = NoticeSource(
    source_id="game",
    decision_id="d1",
    duties=("keep-notice",),
    num_clips=7,
    title="A game",
    creator="Ada (fictional)",
    credit="Game, Copyright Ada (fictional)",
    licences=(Licence(name="MIT", url="https://spdx.org/licenses/MIT.html", text="Permission is"),),
)
ARM = NoticeSource(
    source_id="arm",
    decision_id="d2",
    duties=("contract-duties:A-1",),
    num_clips=3,
    creator="Northpier (fictional)",
    licences=(Licence(name="A-1"),),
    terms={"A-1": ("The documentation names Northpier (fictional).",)},
)
LAB = NoticeSource(
    source_id="lab",
    decision_id="d3",
    duties=("attribute", "flow-down:NC"),
    num_clips=2,
    licences=(Licence(name="CC-BY-NC-4.0", url="https://creativecommons.org/licenses/by-nc/4.0/"),),
)
FACTS = NoticeFacts(set_name="demo@1", sources=(GAME, ARM, LAB))
DUTIES = {one.decision_id: one.duties for one in FACTS.sources}


def notices(facts=FACTS):
    return json.loads(build(facts)["notices.json"])


def test_each_duty_of_each_decision_stands_once():
    found = sorted((one["decision"], one["duty"]) for one in notices())
    assert found == sorted((key, duty) for key, each in DUTIES.items() for duty in each)
    check_notices(build(FACTS)["notices.json"], DUTIES)


def test_same_facts_same_bytes_in_any_order():
    shuffled = replace(FACTS, sources=tuple(reversed(FACTS.sources)))
    assert build(FACTS) == build(shuffled)


def test_notice_names_creator_licence_change_and_text():
    text = build(FACTS)["NOTICE"].decode()
    for part in (
        "Game, Copyright Ada (fictional)",
        "MIT https://spdx.org/licenses/MIT.html",
        "Permission is",
        CHANGES,
        "(7 clips)",
        "The documentation names Northpier (fictional).",
        "Pass this restriction on with the material and its results: NC.",
    ):
        assert part in text


def test_missing_creator_is_said_not_invented():
    said = [one["text"] for one in notices() if one["duty"] == "attribute"]
    assert said == ["Credit the creator: creator not supplied by the licensor"]


def test_notice_id_stays_when_only_the_decision_is_new():
    assert notice_id(GAME) == notice_id(replace(GAME, decision_id="later", num_clips=9))
    assert notice_id(GAME) != notice_id(replace(GAME, credit="someone else"))
    assert notice_id(replace(GAME, duties=())) == ""


def test_rows_find_their_notice_by_id():
    assert {one["id"] for one in notices()} == {notice_id(one) for one in FACTS.sources}


@pytest.mark.parametrize(
    ("duties", "code"),
    [
        ({**DUTIES, "d9": ("attribute",)}, "NOTICE_MISSING"),
        ({"d1": ("keep-notice",)}, "NOTICE_UNFOUNDED"),
    ],
)
def test_duties_and_notices_that_disagree_are_refused(duties, code):
    with pytest.raises(ExportError, match=code):
        check_notices(build(FACTS)["notices.json"], duties)


def test_a_duty_told_twice_is_refused():
    raw = json.dumps([notices()[0]] * 2).encode()
    with pytest.raises(ExportError, match="NOTICE_TWICE"):
        check_notices(raw, DUTIES)


def test_clips_over_two_decisions_have_a_notice_of_their_own():
    both = ("attribute", *GAME.duties)
    sources = (GAME, replace(GAME, duties=both), replace(GAME, duties=both, decision_id="d5"))
    raw = build(NoticeFacts(set_name="x@1", sources=sources))["notices.json"]
    check_notices(raw, {GAME.decision_id: both, "d5": both})
    with pytest.raises(ExportError, match="NOTICE_MISSING"):
        check_notices(raw, {GAME.decision_id: both, "d5": (*both, "review")})


def test_two_works_of_one_creator_and_licence_share_a_section():
    other = replace(GAME, source_id="game-two", decision_id="d4", title="Its sequel")
    text = build(NoticeFacts(set_name="x@1", sources=(GAME, other)))["NOTICE"].decode()
    assert "A game, Its sequel (14 clips)" in text
    assert text.count("Permission is") == 1


def test_works_of_one_section_keep_every_credit():
    free = replace(GAME, duties=())
    other = replace(free, source_id="game-two", decision_id="d4", credit="Map, Copyright Bo")
    text = build(NoticeFacts(set_name="x@1", sources=(free, other, free)))["NOTICE"].decode()
    assert f"Notice:   {GAME.credit}; {other.credit}\n" in text


def test_what_one_work_owes_is_not_said_of_another():
    other = replace(GAME, source_id="game-two", decision_id="d4", title="Its map", duties=())
    text = build(NoticeFacts(set_name="x@1", sources=(GAME, other)))["NOTICE"].decode()
    owing, free = (part for part in text.split("-" * 72) if "Work:" in part)
    if "Its map" in owing:
        owing, free = free, owing
    assert "* Keep this notice" in owing
    assert "* " not in free.partition("=" * 72)[0]
