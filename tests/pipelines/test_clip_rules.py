"""Rules about clips: what can be said, and what is refused with the words that would do."""

from __future__ import annotations

import pytest

from pipelines import register
from pipelines.clip_rules import Cutter, Filter, read_cutter, read_rules
from pipelines.errors import RegistrationError
from pipelines.measures import MEASURES, NAMES


def test_nothing_said_is_two_seconds_and_no_filter():
    rules = read_rules({})

    assert (rules.cutter, rules.filters, rules.session) == (Cutter(), (), None)
    assert rules.cutter.clip_ns == 2_000_000_000


@pytest.mark.parametrize(
    ("text", "cut_id"),
    [
        ("fixed", 'fixed@1 {"clip_ns":2000000000}'),
        ("fixed:0.5", 'fixed@1 {"clip_ns":500000000}'),
        ("shots", 'shots@1 {"longest_ns":60000000000,"shortest_ns":500000000}'),
    ],
)
def test_a_cut_is_named_by_who_cuts_and_with_what(text, cut_id):
    assert read_cutter(text).cut_id == cut_id


def test_events_are_named_by_field_and_value():
    assert read_cutter("events:state.level") == Cutter(name="events", field="state.level")
    assert read_cutter("events:event=level=2") == Cutter(
        name="events", field="event", value="level=2"
    )
    ids = {read_cutter(one).cut_id for one in ("events:a", "events:a=", "events:b", "events:a=1")}
    assert len(ids) == 4


@pytest.mark.parametrize(
    "text",
    ["", "fixed:", "fixed:0", "fixed:two", "fixed:61", "shots:3", "events", "events:=1", "x"],
)
def test_other_cuts_are_refused(text):
    with pytest.raises(RegistrationError, match=r"cut is .* expected fixed\[:SECONDS\]") as caught:
        read_cutter(text)
    assert caught.value.code == "CLIP_RULE"


@pytest.mark.parametrize(
    ("condition", "kept"),
    [("< 0.5", 0.4), ("<=0.5", 0.5), ("> 40", 41), (">= -3", -3), ("< 1e-3", 0)],
)
def test_a_filter_is_what_a_clip_must_measure(condition, kept):
    (one,) = read_rules({"filters": {"motion": condition}}).filters

    assert one.keeps(kept)
    assert one.keeps(None)
    assert one.reason == "MOTION"


def test_a_clip_that_fails_is_filtered_for_the_first_of_its_filters():
    rules = read_rules({"filters": {"motion": "> 1", "black": "< 0.5"}})

    assert rules.failed({"black": 0.9, "motion": 0}) == "BLACK"
    assert rules.failed({"black": 0.1, "motion": 0}) == "MOTION"
    assert rules.failed({"black": 0.1, "motion": None}) == ""
    assert not Filter(measure="black", comparison="<", bound=0.5).keeps(0.5)


@pytest.mark.parametrize(
    ("filters", "match"),
    [
        ({"colour": "< 1"}, "expected a measure: motion"),
        ({"motion": "about 3"}, "expected a comparison"),
        ({"motion": "< nan"}, "expected a comparison"),
        (["motion"], "expected a table"),
    ],
)
def test_other_filters_are_refused(filters, match):
    with pytest.raises(RegistrationError, match=match):
        read_rules({"filters": filters})


def test_a_session_is_the_first_group_of_a_pattern_or_all_of_it():
    one = read_rules({"session": r"path:player_(\d+)/"}).session
    other = read_rules({"session": r"path:p\d+"}).session
    assert one is not None
    assert other is not None

    assert one.in_path("run/player_17/a.mp4") == "17"
    assert other.in_path("run/p17/a.mp4") == "p17"
    assert one.in_path("run/a.mp4") is None


@pytest.mark.parametrize("text", ["player", "path:", "path:(", "file:x"])
def test_other_sessions_are_refused(text):
    with pytest.raises(RegistrationError, match="session is"):
        read_rules({"session": text})


def test_rules_are_checked_when_a_source_is_registered_and_speak_to_no_reader(tmp_path):
    config = {"cut": "shots", "filters": {"black": "< 0.5"}, "action": ["key"]}

    def described(config):
        return register.describe_source(
            "films", uri=str(tmp_path), modality="video", facts={}, streams={}, config=config
        )

    found = described(config)

    assert found.config == {"action": ["key"]}
    assert found.clips == {"cut": "shots", "filters": {"black": "< 0.5"}}
    with pytest.raises(RegistrationError, match="cut is 'scenes'"):
        described({"cut": "scenes"})


def test_measures_have_names_of_their_own_and_ranges():
    assert len(set(NAMES)) == len(MEASURES)
    assert all(one.low < one.high and one.what and one.unit for one in MEASURES)
