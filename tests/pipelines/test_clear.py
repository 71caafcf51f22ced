"""A request is decided over every source, once per set of layers, and only today's is recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from catalog import decisions, files, parts, rights
from catalog.errors import NotFound
from licensing.errors import BadCase
from licensing.manifest import digest
from pipelines.clear import breakdown, clear, nearly_cleared, worklist
from tests.builders import ALL_SETTLED
from tests.pipelines.small_world import (
    COMMERCIAL,
    MIT,
    NON_COMMERCIAL,
    NOW,
    SECOND,
    add_source,
    contract,
    looking,
    make_world,
    writing,
)


@pytest.fixture
def world(tmp_path):
    return make_world(tmp_path)


def decide(world, request="commercial", **how):
    return clear(request, world, now=how.pop("now", NOW), run_id="test", **how)


def row_of(done, source):
    return next(one for one in done.rows if one.source == source)


def test_permit_deny_and_silence(world):
    add_source(world, "open", [MIT])
    add_source(world, "lab", [NON_COMMERCIAL], seed=2)
    add_source(world, "silent", [], seed=3)
    done = decide(world)
    assert {one.source: one.verdict for one in done.rows} == {
        "open": "permit",
        "lab": "deny",
        "silent": "undetermined",
    }
    assert row_of(done, "silent").reasons == ("NO_LAYERS",)
    assert "NC" in row_of(done, "lab").reasons
    assert row_of(done, "open").obligations == ("keep-notice",)
    assert row_of(done, "open").num_clips == 3
    assert row_of(done, "open").hours == pytest.approx(6 / 3600)
    assert row_of(done, "lab").num_clips == 0
    assert done.counts() == {"permit": 1, "undetermined": 1, "deny": 1}
    assert "1 permit" in done.summary()


def test_row_carries_the_keys_of_the_json_line(world):
    add_source(world, "open", [MIT])
    line = row_of(decide(world), "open").line()
    assert {"source", "verdict", "reasons", "obligations"} <= set(line)
    assert line["reasons"] == ["GRANT"]


def test_decisions_are_recorded_once_a_day_with_their_log_entry(world):
    add_source(world, "open", [MIT])
    first = decide(world)
    decide(world, now=NOW + timedelta(hours=1))
    with looking(world) as session:
        rows = decisions.decisions(session)
    assert [one.decision_id for one in rows] == [row_of(first, "open").decision_id]
    assert rows[0].request_name == "commercial"
    decide(world, now=NOW + timedelta(days=1))
    with looking(world) as session:
        assert len(decisions.decisions(session)) == 2


def test_another_day_is_a_what_if_and_leaves_no_record(world):
    add_source(world, "arm", [contract(start="2026-07-01")])
    done = decide(world, {**COMMERCIAL, "at": date(2026, 3, 1)})
    assert row_of(done, "arm").reasons == ("NOT_YET_VALID",)
    assert not done.recorded
    assert "what if" in done.summary()
    with looking(world) as session:
        assert decisions.decisions(session) == ()


def test_todays_date_written_out_is_no_what_if(world):
    add_source(world, "open", [MIT])
    assert decide(world, {**COMMERCIAL, "at": NOW.date()}).recorded
    assert not decide(world, record=False).recorded


def test_request_digest_does_not_depend_on_the_day(world):
    add_source(world, "open", [MIT])
    digests = {decide(world, now=NOW + timedelta(days=day)).request_digest for day in range(3)}
    assert len(digests) == 1


@pytest.mark.parametrize(("day", "verdict"), [("2026-11-30", "permit"), ("2026-12-01", "deny")])
def test_agreement_ends_at_the_start_of_its_end_day(world, day, verdict):
    add_source(world, "arm", [contract(end="2026-12-01")])
    done = decide(world, {**COMMERCIAL, "at": date.fromisoformat(day)})
    assert row_of(done, "arm").verdict == verdict


def test_part_names_the_first_end_of_its_terms(world):
    add_source(world, "arm", [contract(end="2026-12-24"), MIT])
    assert decide(world).permitted[0].ends == date(2026, 12, 24)


def test_unmapped_stream_is_undetermined(world):
    add_source(world, "open", [MIT], streams={"video": "video"})
    row = row_of(decide(world), "open")
    assert row.verdict == "undetermined"
    assert "STREAM_UNMAPPED" in row.reasons


def test_layer_of_one_file_holds_for_its_episode_only(world):
    held_back = {**NON_COMMERCIAL, "item": "take_1.mp4"}
    episodes = add_source(world, "open", [MIT, held_back], episodes=2)
    done = decide(world)
    row = row_of(done, "open")
    assert row.verdict == "deny"
    assert row.num_clips == 3
    assert [(part.num_parts, part.hours) for part in done.permitted] == [
        (1, pytest.approx(6 / 3600))
    ]
    with looking(world) as session:
        by_key = {one.rights_key: one.episode_id for one in parts.parts_of(session, "open")}
    assert by_key[done.permitted[0].rights_key] == episodes[0].episode_id
    assert len({part.rights_key for part in row.parts}) == 2


def test_engine_runs_once_per_set_of_layers(world):
    add_source(world, "open", [MIT], episodes=3)
    row = row_of(decide(world), "open")
    assert len(row.parts) == 1
    assert row.parts[0].num_parts == 3


def test_what_was_known_before_a_fact_was_recorded(world):
    add_source(world, "arm", [contract()])
    with looking(world) as session:
        basis = next(one for one in rights.facts_of(session, "arm") if one.kind == "basis")
    later = NOW + timedelta(hours=2)
    with writing(world) as session:
        rights.end_fact(
            session, basis.fact_id, at=NOW.date(), kind="ended", reason="test", now=later
        )
    assert row_of(decide(world, now=later), "arm").verdict == "deny"
    before = decide(world, now=later, known=later - timedelta(microseconds=1))
    assert row_of(before, "arm").verdict == "permit"
    assert not before.recorded


def test_unknown_key_and_unknown_name_are_refused(world):
    with pytest.raises(BadCase, match="comercial"):
        decide(world, {**COMMERCIAL, "comercial": True})
    with pytest.raises(NotFound, match="nothing-like-it"):
        decide(world, "nothing-like-it")


def test_source_without_files_is_decided_by_its_layers(world):
    add_source(world, "empty", [MIT], episodes=0)
    row = row_of(decide(world), "empty")
    assert (row.verdict, row.num_clips) == ("permit", 0)


def test_least_free_part_speaks_for_the_source(world):
    add_source(world, "open", [MIT, {**NON_COMMERCIAL, "item": "take_0.mp4"}], episodes=2)
    row = row_of(decide(world), "open")
    worst = next(part for part in row.parts if part.verdict == "deny")
    assert row.decision_id == worst.decision_id
    assert replace(row, parts=(worst,)).decision_id == worst.decision_id


def test_hours_are_summed_by_verdict_and_by_reason(world):
    add_source(world, "open", [MIT, {**NON_COMMERCIAL, "item": "take_1.mp4"}], episodes=2)
    add_source(world, "silent", [], seed=4, seconds=4)
    done = decide(world)
    assert done.hours() == {
        "permit": pytest.approx(6 / 3600),
        "undetermined": pytest.approx(4 / 3600),
        "deny": pytest.approx(6 / 3600),
    }
    assert list(done.hours_held_back()) == ["NC", "NO_LAYERS"]
    assert "hours of recordings: 0.002 permit, 0.001 undetermined, 0.002 deny" in done.summary()
    assert "hours held back by reason: 0.002 NC, 0.001 NO_LAYERS" in done.summary()


def test_more_reasons_than_a_line_holds_are_counted(world):
    add_source(world, "open", [MIT])
    part = replace(decide(world).parts[0], verdict="deny")
    parts_ = tuple(replace(part, reasons=(f"R{at}",), hours=float(at)) for at in range(10))
    done = decide(world)
    many = replace(done, rows=(replace(done.rows[0], parts=parts_),))
    assert many.summary().endswith("2.000 R2 and 2 more reasons")


def test_a_clip_counts_only_if_all_that_it_touches_is_cleared(world):
    song = {**NON_COMMERCIAL, "span": [3 * SECOND, 4 * SECOND]}
    add_source(world, "open", [MIT, song])
    row = row_of(decide(world), "open")
    assert (row.verdict, row.num_clips) == ("deny", 2)
    assert row.hours == pytest.approx(4 / 3600)
    assert {one.verdict: one.hours * 3600 for one in row.parts} == pytest.approx(
        {"permit": 5.0, "deny": 1.0}
    )


def test_one_key_of_two_sources_is_one_decision_each(world):
    add_source(world, "one", [])
    add_source(world, "two", [])
    first, second = decide(world).parts
    assert first.rights_key == second.rights_key
    assert first.decision_digest == second.decision_digest
    assert first.decision_id != second.decision_id


def test_a_decision_is_named_by_source_key_and_what_it_says(world):
    add_source(world, "open", [MIT])
    (part,) = decide(world).parts
    said = {"source": "open", "key": part.rights_key, "decision": part.doc}
    assert part.decision_id == digest(said)[:32]
    assert part.decision_digest == digest(part.doc)


def test_layers_that_were_not_known_then_are_not_in_the_key_of_then(world):
    add_source(world, "open", [MIT])
    before = decide(world).parts[0]
    later = NOW + timedelta(hours=1)
    with writing(world) as session:
        rights.attach_layer(session, "open", {**NON_COMMERCIAL, "part": "music"}, now=later)
    assert decide(world, now=later).parts[0].rights_key != before.rights_key
    then = decide(world, now=later, known=NOW + timedelta(minutes=1)).parts[0]
    assert (then.rights_key, then.verdict) == (before.rights_key, "permit")


def test_keys_that_say_the_same_then_are_one_part_then(world):
    add_source(world, "open", [MIT], episodes=2)
    later = NOW + timedelta(hours=1)
    with writing(world) as session:
        rights.attach_layer(session, "open", {**NON_COMMERCIAL, "item": "take_1.mp4"}, now=later)
    assert len(decide(world, now=later).parts) == 2
    (then,) = decide(world, now=later, known=NOW + timedelta(minutes=1)).parts
    assert (then.num_parts, then.verdict) == (2, "permit")


def test_the_worklist_ranks_what_would_free_the_most_hours(world):
    add_source(world, "open", [MIT])
    add_source(world, "lab", [NON_COMMERCIAL], seed=2)
    add_source(world, "weak", [weak(MIT)], seed=3, seconds=8)
    add_source(world, "silent", [], seed=4)
    ranked = worklist(decide(world))
    assert [one.keys for one in ranked] == [
        ("weak/agreement:copyright",),
        ("weak/evidence:copyright",),
        ("lab/agreement:copyright",),
        (),
    ]
    assert [one.hours * 3600 for one in ranked] == pytest.approx([8.0, 8.0, 6.0, 6.0])
    assert ranked[-1].sources == ("silent",)


def test_what_lacks_a_single_fact_is_nearly_cleared(world):
    add_source(world, "open", [MIT])
    add_source(world, "lab", [NON_COMMERCIAL], seed=2)
    add_source(world, "weak", [weak(MIT)], seed=3, seconds=8)
    add_source(world, "both", [NON_COMMERCIAL, weak({**MIT, "layer": "neighbouring"})], seed=4)
    add_source(world, "silent", [], seed=5)

    weak_one, lab = nearly_cleared(decide(world))

    assert (weak_one.source, lab.source) == ("weak", "lab")
    assert weak_one.keys == ("agreement:copyright", "evidence:copyright")
    assert (lab.keys, lab.reasons) == (("agreement:copyright",), ("NC",))
    assert [one.hours * 3600 for one in (weak_one, lab)] == pytest.approx([8.0, 6.0])
    assert [one.clips for one in (weak_one, lab)] == [4, 3]


def test_nothing_held_back_leaves_an_empty_worklist(world):
    add_source(world, "open", [MIT])
    assert worklist(decide(world)) == ()
    assert nearly_cleared(decide(world)) == ()


def weak(layer):
    """The layer with evidence that permits nothing."""
    return {**layer, "basis": [{**one, "grade": "E3"} for one in layer["basis"]]}


def test_a_question_that_was_open_then_keeps_the_verdict_of_then(world):
    add_source(world, "open", [MIT], settled=False)
    asked = decide(world)
    later = NOW + timedelta(hours=2)
    with writing(world) as session:
        rights.attach(session, "open", "settled", ALL_SETTLED, now=later)
    now, then = decide(world, now=later), decide(world, now=later, known=NOW + timedelta(hours=1))

    assert row_of(asked, "open").verdict == "undetermined"
    assert "UNANSWERED:publisher" in row_of(asked, "open").reasons
    assert row_of(now, "open").verdict == "permit"
    assert row_of(then, "open").reasons == row_of(asked, "open").reasons


@pytest.mark.parametrize("by", ["verdict", "source", "modality"])
def test_a_breakdown_adds_up_to_the_whole(world, by):
    add_source(world, "open", [MIT, {**NON_COMMERCIAL, "item": "take_1.mp4"}], episodes=2)
    add_source(world, "lab", [NON_COMMERCIAL], seed=5)
    done = decide(world)
    with looking(world) as session:
        shares = breakdown(session, done, by=by)
        held = [one for name in ("open", "lab") for one in files.files_of(session, name)]
    assert sum(one.hours for one in shares) == pytest.approx(sum(done.hours().values()))
    assert sum(one.clips for one in shares) == 9
    assert sum(one.num_bytes for one in shares) == pytest.approx(
        sum(one.size_bytes for one in held if one.status == "ingested"), abs=2
    )
    cleared = [one for one in shares if one.verdict == "permit"]
    assert sum(one.clips for one in cleared) == sum(row.num_clips for row in done.rows) == 3


def test_a_breakdown_names_what_holds_hours_back(world):
    add_source(world, "lab", [NON_COMMERCIAL])
    with looking(world) as session:
        done = decide(world)
        (share,) = breakdown(session, done, by="reason")
        assert (share.value, share.verdict, share.clips) == ("NC", "deny", 3)
        assert {one.value for one in breakdown(session, done, by="layer")} == {"copyright"}
