"""Each noun: the same said twice is recorded once, other words are a new row, ids are found."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from catalog import decisions, files, parties, quarantine, requests, runs, schema, sources
from catalog import training_sets as sets
from catalog.errors import NotFound
from catalog.files import FileEntry
from catalog.log import verify_log
from catalog.parties import Party
from catalog.quarantine import QuarantineEntry
from catalog.records import Change
from catalog.runs import CheckpointRow, RunRow
from catalog.sources import Source
from tests.catalog.world import NOW, a_decision, a_set, add_source, later, make_world


def test_registering_twice_changes_nothing(each_session: Session) -> None:
    party = Party(party_id="p", name="Studio", fictional=True)
    source = Source(
        source_id="s", uri="/x", modality="game", streams={"video": "video"}, config={"a": [1]}
    )

    changes = [
        [parties.register_party(each_session, party, now=later(i)),
         sources.register_source(each_session, source, now=later(i))] for i in range(2)
    ]  # fmt: skip

    assert changes == [[Change.ADDED] * 2, [Change.UNCHANGED] * 2]
    assert verify_log(each_session).size == 2
    assert parties.party(each_session, "p") == party
    assert sources.source(each_session, "s") == source


def test_other_words_are_the_current_ones_and_the_old_stay(session: Session) -> None:
    first = Source(source_id="s", uri="/x", modality="game")
    sources.register_source(session, first, now=NOW)

    change = sources.register_source(session, replace(first, uri="/y"), now=later(1))

    assert str(change) == "changed"
    assert [one.uri for one in sources.sources(session)] == ["/y"]
    assert session.execute(select(func.count()).select_from(schema.sources)).scalar() == 2


def test_going_back_to_old_words_is_a_change_too(session: Session) -> None:
    changes = [
        parties.register_party(session, Party(party_id="p", name=name), now=NOW) for name in "ABA"
    ]

    assert changes == [Change.ADDED, Change.CHANGED, Change.CHANGED]
    assert [one.name for one in parties.parties(session)] == ["A"]


def test_an_id_is_found_by_its_beginning_unless_it_is_shared(session: Session) -> None:
    for name in ("abc", "abd", "xyz", "x_z"):
        parties.register_party(session, Party(party_id=name, name=name), now=NOW)

    assert parties.party(session, "xy").party_id == "xyz"
    assert parties.party(session, "x_").party_id == "x_z"
    for wanted, code in (("ab", "AMBIGUOUS_ID"), ("q", "UNKNOWN_ID"), ("", "UNKNOWN_ID")):
        with pytest.raises(NotFound, match=r"parties") as caught:
            parties.party(session, wanted)
        assert caught.value.code == code


def test_only_files_that_changed_are_recorded_again(each_session: Session) -> None:
    entries = [
        FileEntry(
            source_id="s", path=f"{name}.mp4", sha256="same", size_bytes=3, status="ingested",
            duration_ns=1_500_000_000, streams=({"name": "video"},),
        )
        for name in "ab"
    ]  # fmt: skip

    first = files.record_files(each_session, entries, run_id="1", now=NOW)
    again = files.record_files(each_session, entries, run_id="2", now=NOW)
    moved = replace(entries[1], status="quarantined", reason="TRUNCATED")
    third = files.record_files(each_session, [entries[0], moved], run_id="3", now=NOW)

    assert (first, again, third) == (2, 0, 1)
    assert files.files_of(each_session, "s") == (entries[0], moved)
    assert {one.path for one in files.files_by_sha256(each_session, "same")} == {"a.mp4", "b.mp4"}
    assert files.file_line(moved) == {
        "path": "b.mp4", "sha256": "same", "bytes": 3, "status": "quarantined",
        "reason": "TRUNCATED", "num_frames": None, "num_messages": None, "duration_s": 1.5,
        "streams": [{"name": "video"}],
    }  # fmt: skip


def test_a_quarantined_file_is_held_until_it_is_released(session: Session) -> None:
    entry = QuarantineEntry(
        source_id="s", path="a", sha256="x", reason="TRUNCATED", evidence={"at": 7}
    )

    counts = [
        quarantine.record_quarantine(session, [entry], run_id="1", now=NOW) for _turn in range(2)
    ]

    assert counts == [1, 0]
    assert quarantine.quarantined(session, "s") == quarantine.quarantined(session, None) == (entry,)
    assert quarantine.release(session, "s", "a", run_id="2", now=NOW)
    assert not quarantine.release(session, "s", "a", run_id="3", now=NOW)
    assert quarantine.quarantined(session, "s") == ()


def test_a_request_of_other_words_is_the_next_version(session: Session) -> None:
    docs = [{"action": "train", "at": date(2026, 1, 1)}] * 2 + [{"action": "mine"}]

    changes = [requests.save_request(session, "use", doc, now=NOW) for doc in docs]

    assert changes == [Change.ADDED, Change.UNCHANGED, Change.CHANGED]
    found = requests.request(session, "use")
    assert (found.version, found.doc) == (2, {"action": "mine"})
    assert requests.requests(session) == (found,)


def test_the_latest_decision_about_a_part_is_kept_apart_from_the_earlier(
    each_session: Session,
) -> None:
    permit, deny = a_decision("s"), a_decision("s", decision_id="other", verdict="deny")

    new = [
        decisions.record_decisions(each_session, [one], run_id="r", now=NOW)
        for one in (permit, permit, deny, permit)
    ]

    assert new == [1, 0, 1, 1]
    assert decisions.latest_decisions(each_session, "asked") == (permit,)
    assert decisions.latest_decisions(each_session, "never asked") == ()
    assert decisions.decision(each_session, "oth") == deny
    assert len(decisions.decisions(each_session)) == 3


def test_a_training_set_is_found_by_name_id_and_manifest(each_session: Session) -> None:
    make_world(each_session)

    found = [sets.training_set(each_session, one).version for one in ("drive", "drive@1", "1fed")]

    assert found == [2, 1, 1]
    assert sets.training_set(each_session, "drive@1") == a_set(1, ("alpha", "beta"))
    assert len(sets.training_sets(each_session)) == 2
    row = a_set(1, ("alpha", "beta"))
    assert not sets.record_training_set(each_session, row, run_id="again", now=NOW)


def test_clearances_of_a_set_come_in_their_order(session: Session) -> None:
    for number in range(2):
        sets.record_clearance(
            session, "drive@1", f"statement-{number}", not_before=later(number),
            not_after=later(24 + number), now=later(number),
        )  # fmt: skip

    found = sets.clearances_of(session, "drive@1")

    assert [one.statement_digest for one in found] == ["statement-0", "statement-1"]
    assert found[-1].not_after == later(25)


def test_a_run_is_recorded_anew_when_its_status_moves(session: Session) -> None:
    row = RunRow(
        run_id="r", set_id="drive@1", manifest_digest="m", config={}, record={}, seed=1,
        status="started",
    )  # fmt: skip

    new = [runs.record_run(session, one, now=NOW) for one in (row, row, replace(row, status="ok"))]

    assert new == [True, False, True]
    assert [one.status for one in runs.runs(session)] == ["ok"] == [runs.run(session, "r").status]


def test_a_checkpoint_is_recorded_once(session: Session) -> None:
    point = CheckpointRow(checkpoint_id="c", run_id="r", step=1, path="p", digest="d",
                          metrics={"loss": 0.25})  # fmt: skip

    assert runs.record_checkpoint(session, point, now=NOW)
    assert not runs.record_checkpoint(session, point, now=NOW)
    assert runs.checkpoints(session) == (point,)
    assert runs.checkpoint(session, "c") == point


def test_the_world_made_twice_grows_no_record(session: Session) -> None:
    make_world(session)
    size = verify_log(session).size

    make_world(session)
    add_source(session, "alpha")

    assert verify_log(session).size == size
