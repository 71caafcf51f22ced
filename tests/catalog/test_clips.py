"""Episodes, clips and places: recorded in bulk, judged anew by appending."""

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from catalog.audit import verify_log
from catalog.clips import (
    ClipRow,
    clip,
    clips_of,
    episode,
    episodes_of,
    record_clips,
    record_episodes,
    record_shards,
    shards_of,
)
from catalog.errors import Contradiction, NotFound
from tests.catalog.world import NOW, add_source, clips_in, make_world


def test_many_clips_are_one_leaf_and_the_same_again_none(each_session: Session) -> None:
    rows = clips_in("s", 5_000)

    counts = [record_clips(each_session, rows, run_id="cut", now=NOW) for _turn in range(2)]

    assert counts == [5_000, 0]
    assert verify_log(each_session).size == 1
    assert set(clips_of(each_session, "s")) == set(rows)


def test_a_clip_judged_anew_has_the_new_word(session: Session) -> None:
    first, second = clips_in("s", 2)
    record_clips(session, [first, second], run_id="cut", now=NOW)
    judged = replace(first, status="filtered", reason="BLACK")

    assert record_clips(session, [judged, second], run_id="assess", now=NOW) == 1

    assert clips_of(session, "s") == (judged, second)
    assert clip(session, first.clip_id) == judged
    assert clip(session, "none") is None
    assert verify_log(session).broken == ()


def test_instants_since_1970_survive_in_nanoseconds(each_session: Session) -> None:
    start = 1_790_000_000_123_456_789
    row = ClipRow(
        clip_id="c", source_id="s", episode_id="e", start_ns=start, end_ns=2**63 - 1
    )  # fmt: skip

    record_clips(each_session, [row], run_id="cut", now=NOW)

    assert clips_of(each_session, "s") == (row,)


def test_an_episode_that_is_read_differently_is_recorded_again(session: Session) -> None:
    add_source(session, "s")
    (first,) = episodes_of(session, "s")
    again = replace(first, reader="video@2", notes={"gaps": [[1, 2]]})

    counts = [record_episodes(session, [one], run_id="r", now=NOW) for one in (first, again, again)]

    assert counts == [0, 1, 0]
    assert episodes_of(session, "s") == (again,) == (episode(session, "s-epi"),)


def test_places_are_recorded_once_and_never_move(session: Session) -> None:
    make_world(session)
    places = shards_of(session, "drive@1")

    record_shards(session, "drive@1", reversed(places), now=NOW)

    assert places[0] == ("alpha-0", "", 0)
    with pytest.raises(Contradiction, match="4 places on record, got 1") as caught:
        record_shards(session, "drive@1", places[:1], now=NOW)
    assert caught.value.code == "SHARDS_DIFFER"


def test_a_shard_holds_clips_of_one_source(session: Session) -> None:
    make_world(session)

    with pytest.raises(Contradiction, match="shard 0 holds clips of alpha, beta"):
        record_shards(session, "mixed@1", [("alpha-0", "", 0), ("beta-0", "", 0)], now=NOW)


def test_a_place_needs_its_clip(session: Session) -> None:
    with pytest.raises(NotFound, match="clips hold no 'ghost'"):
        record_shards(session, "s@1", [("ghost", "", 0)], now=NOW)
