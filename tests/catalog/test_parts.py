"""Parts are keyed again when, and only when, something may have changed the keys."""

from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import files, rights, schema
from catalog.clips import ClipRow, EpisodeRow, record_clips, record_episodes
from catalog.files import FileEntry, record_files
from catalog.log import verify_log
from catalog.parts import (
    Keyed,
    PartRow,
    Tally,
    keyings,
    layers_under,
    parts_of,
    record_keying,
    unkeyed,
)
from catalog.sources import Source, register_source
from tests.catalog.world import LAYER, NOW, add_source, keyed, later

Act = Callable[[Session], object]
FACT = {"layer": "copyright", "basis": [], "item": "b.mp4"}


def file(source_id: str, sha256: str, path: str = "a.mp4") -> FileEntry:
    return FileEntry(source_id=source_id, path=path, sha256=sha256, size_bytes=9, status="ingested")


def count(session: Session) -> dict[str, int]:
    tables = (schema.parts, schema.rights_keys, schema.keyings)
    return {
        one.name: session.execute(select(func.count()).select_from(one)).scalar_one()
        for one in tables
    }


def key_all(session: Session) -> tuple[str, ...]:
    names = unkeyed(session)
    for name in names:
        record_keying(session, keyed(name), run_id="key", now=NOW)
    return names


def new_layer(session: Session) -> object:
    return rights.attach_layer(session, "alpha", FACT, now=later(1))


def new_episode(session: Session) -> object:
    episode = EpisodeRow(
        episode_id="e2", source_id="alpha", files=("x",), streams=(), start_ns=0, end_ns=9,
        reader="video@1",
    )  # fmt: skip
    return record_episodes(session, [episode], run_id="r", now=later(1))


def new_clip(session: Session) -> object:
    clip = ClipRow(clip_id="c", source_id="alpha", episode_id="e", start_ns=0, end_ns=1)
    return record_clips(session, [clip], run_id="r", now=later(1))


def new_file(session: Session) -> object:
    return record_files(session, [file("alpha", "b", "b.mp4")], run_id="r", now=later(1))


def other_streams(session: Session) -> object:
    source = Source(source_id="alpha", uri="/x", modality="video", streams={"pad": "action"})
    return register_source(session, source, now=later(1))


def new_basis(session: Session) -> object:
    basis = {"type": "contract", "grade": "E1", "valid": ["2027-01-01", "2028-01-01"]}
    return rights.attach_layer(session, "alpha", {**LAYER, "basis": [basis]}, now=later(1))


def an_end(session: Session) -> None:
    fact = rights.facts_of(session, "alpha")[-1]
    rights.end_fact(
        session, fact.fact_id, at=date(2026, 12, 1), kind="ended", reason="x", now=later(1)
    )


@pytest.mark.parametrize("act", [new_layer, new_episode, new_clip, new_file, other_streams])
def test_what_may_change_keys_makes_its_source_alone_stale(session: Session, act: Act) -> None:
    add_source(session, "alpha")
    add_source(session, "beta")
    assert key_all(session) == ("alpha", "beta")
    assert unkeyed(session) == ()

    act(session)

    assert unkeyed(session) == ("alpha",)


@pytest.mark.parametrize("act", [new_basis, an_end])
def test_what_ends_or_grants_a_layer_changes_no_key(session: Session, act: Act) -> None:
    add_source(session, "alpha")
    key_all(session)

    act(session)

    assert unkeyed(session) == ()


def test_facts_about_a_source_reach_the_other_holders_of_its_bytes(each_session: Session) -> None:
    for name in ("alpha", "beta", "gamma"):
        add_source(each_session, name)
    record_files(each_session, [file("beta", "alpha-bytes", "copy.mp4")], run_id="r", now=NOW)
    key_all(each_session)

    new_layer(each_session)

    assert unkeyed(each_session) == ("alpha", "beta")
    assert files.sources_sharing(each_session, ["beta", "gamma"]) == {"alpha"}


def test_copies_are_those_that_lie_there_now(each_session: Session) -> None:
    record_files(
        each_session,
        [file("a", "x"), file("a", "y", "b.mp4"), file("b", "x", "1.mp4"), file("b", "y", "2.mp4"),
         file("c", "z")],
        run_id="r", now=NOW,
    )  # fmt: skip
    assert files.copies_elsewhere(each_session, "a") == (("x", "b", "1.mp4"), ("y", "b", "2.mp4"))

    record_files(each_session, [file("b", "changed", "1.mp4")], run_id="r", now=later(1))

    assert files.copies_elsewhere(each_session, "a") == (("y", "b", "2.mp4"),)
    assert files.copies_elsewhere(each_session, "b") == (("x", "a", "a.mp4"), ("y", "a", "b.mp4"))


def test_the_same_parts_and_keys_are_not_written_again(each_session: Session) -> None:
    add_source(each_session, "alpha")
    key_all(each_session)
    before = count(each_session)

    record_keying(each_session, keyed("alpha"), run_id="again", now=later(1))

    assert count(each_session) == {**before, "keyings": before["keyings"] + 1}
    assert before == {"parts": 1, "rights_keys": 1, "keyings": 1}


def test_the_parts_of_the_latest_keying_are_the_current_ones(each_session: Session) -> None:
    add_source(each_session, "alpha")
    assert parts_of(each_session, "alpha") == ()
    key_all(each_session)
    now = Keyed(
        source_id="alpha",
        parts=(
            PartRow(episode_id="e", start_ns=0, end_ns=4, rights_key="one"),
            PartRow(episode_id="e", start_ns=4, end_ns=9, rights_key="two"),
            PartRow(episode_id="f", start_ns=0, end_ns=7, rights_key="one"),
        ),
        layers={"one": ("b", "a"), "two": ()},
        clips=(Tally(keys=("one", "two"), count=2, span_ns=3),),
    )

    record_keying(each_session, now, run_id="again", now=later(1))

    assert parts_of(each_session, "alpha") == now.parts
    assert layers_under(each_session, ["one", "two", "never"]) == {"one": ("a", "b"), "two": ()}
    keying = keyings(each_session)["alpha"]
    assert keying.parts == (
        Tally(keys=("one",), count=2, span_ns=11),
        Tally(keys=("two",), count=1, span_ns=5),
    )
    assert (keying.keys, keying.clips) == (("one", "two"), now.clips)
    assert verify_log(each_session).broken == ()


def test_a_source_without_episodes_is_keyed_with_no_part(each_session: Session) -> None:
    register_source(each_session, Source(source_id="bare", uri="/x", modality="video"), now=NOW)
    nothing = Keyed(source_id="bare", parts=(), layers={}, clips=())

    record_keying(each_session, nothing, run_id="key", now=NOW)

    assert unkeyed(each_session) == ()
    assert keyings(each_session)["bare"].parts_leaf is None
    assert parts_of(each_session, "bare") == ()
