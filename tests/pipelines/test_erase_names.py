"""Names of files in facts and notes go with an erasure; what the facts decide stays as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from catalog import (
    clips,
    decisions,
    files,
    log,
    personal,
    records,
    requests,
    rights,
    schema,
    subjects,
    tree,
)
from catalog.engine import open_catalog
from catalog.facts import fact_id_of
from pipelines.audit.differences import between
from pipelines.audit.replay import Replayed, decisions_to_replay, replay_many
from pipelines.clear import clear
from pipelines.cli import app
from pipelines.erase import erase
from pipelines.errors import RevocationError
from pipelines.heads import verify
from pipelines.revoke import revoke
from pipelines.scan.station import scan
from pipelines.settings import Settings
from tests.catalogs import new_catalog
from tests.pipelines.places import a_source, events
from tests.pipelines.small_world import (
    MIT,
    NOW,
    add_source,
    looking,
    make_world,
    writing,
)

LATER = NOW + timedelta(hours=1)
MINED = {"type": "statutory", "id": "EU-CDSM-4", "lawful_access": True}
MINING = {
    "action": "train_generative",
    "commercial": True,
    "release": "internal",
    "territory": ["DE"],
    "streams": ["video", "action", "state"],
}


@pytest.fixture
def world(tmp_path, catalog_url):
    """Two takes with a layer each; a signal reserves mining in the first, found beside it."""
    settings = make_world(tmp_path, catalog_url=catalog_url)
    layers = [layer_of("take_0.mp4"), layer_of("take_1.mp4")]
    add_source(settings, "open", layers, episodes=2)
    return reserved(settings)


@pytest.fixture
def older(tmp_path, catalog_url):
    """The same with layers that name files themselves, as before there were commitments."""
    settings = make_world(tmp_path, catalog_url=catalog_url)
    add_source(settings, "open", [], episodes=2)
    with writing(settings) as session:
        for name in ("take_0.mp4", "take_1.mp4"):
            record_older(session, name)
    return reserved(settings)


def reserved(settings):
    with writing(settings) as session:
        requests.save_request(session, "mining", MINING, now=NOW)
        rights.attach(session, "open", "signal", signal_about("take_0.mp4"), now=NOW)
    clear("mining", settings, now=NOW, run_id="test")
    return settings


def record_older(session, name):
    """A layer with its ground, byte for byte as an older version wrote it."""
    bare = {"layer": "copyright", "item": name, "signals_captured": True}
    layer_id = fact_id_of("open", "layer", bare)
    for kind, said in (("layer", bare), ("basis", {"layer_id": layer_id, **MINED})):
        fact_id = fact_id_of("open", kind, said)
        row = {"fact_id": fact_id, "source_id": "open", "kind": kind, "said": said}
        doc = row | {"valid_from": None, "valid_to": None}
        log.record(session, schema.facts, doc, key=fact_id, now=NOW)


def layer_of(item):
    return {"layer": "copyright", "item": item, "basis": [MINED], "signals": []}


def signal_about(name):
    where = {"path": f"{name}.xmp", "place": "XMP"}
    return {"layer_id": "*", "about": name, "where": where, "plus": "DMI-PROHIBITED"}


def end(world, source="open", **how):
    revoke(source, world, reason="ended", at=NOW.date(), now=LATER, run_id="test", **how)


def verdicts(world, source="open", now=LATER):
    """The verdicts of a source's parts, the strictest first."""
    done = clear("mining", world, now=now, run_id="again")
    (row,) = [one for one in done.rows if one.source == source]
    return sorted(one.verdict for one in row.parts)


def outcomes(world):
    """What a replay says of each decision, by verdict."""
    ids = decisions_to_replay(world, sample=None, seed="")
    return [one.line() for one in replay_many(world, ids) if isinstance(one, Replayed)]


def facts_of(world, kind):
    with looking(world) as session:
        return [one.doc for one in rights.facts_of(session, "open") if one.kind == kind]


def said_on_record(world, kind):
    with looking(world) as session:
        return [row.doc["said"] for row in records.stored(session, schema.facts, kind=kind)]


def test_names_in_facts_lie_apart_and_are_heard_by_who_reads_them(world):
    with writing(world) as session:
        rights.attach(session, "open", "evidence", {"file": "terms.txt", "sha256": "ab"}, now=NOW)
        again = rights.attach(session, "open", "signal", signal_about("take_0.mp4"), now=NOW)
    assert again == "unchanged"
    (signal,), (paper,) = said_on_record(world, "signal"), said_on_record(world, "evidence")
    for one in (signal["about"], signal["where"]["path"], paper["file"]):
        assert one.startswith("personal:")
    assert facts_of(world, "signal") == [signal_about("take_0.mp4")]
    assert facts_of(world, "evidence") == [{"file": "terms.txt", "sha256": "ab"}]


def test_before_an_erasure_every_decision_is_replayed_equal(world):
    assert [one["outcome"] for one in outcomes(world)] == ["equal", "equal"]
    assert {one["verdict"] for one in outcomes(world)} == {"deny", "permit"}


def test_the_signal_of_an_erased_file_still_speaks_of_that_file_alone(world):
    with looking(world) as session:
        before = rights.layers_of(session, "open", known=NOW)
    end(world, "open/take_0.mp4", of="file")
    erase("open", world, file="take_0.mp4", now=LATER)

    (signal,) = facts_of(world, "signal")
    assert signal["about"].startswith("personal:")
    assert signal["where"]["path"] == "take_0.mp4.xmp"  # the name of another file
    with looking(world) as session:
        assert rights.layers_of(session, "open", known=NOW) == before
    assert {one["outcome"] for one in outcomes(world)} == {"equal"}
    assert verdicts(world) == ["deny", "permit"]
    assert verify(world).broken == ()


def test_no_record_holds_a_name_and_all_who_read_are_told_it(world):
    paper = {"digest": "ab" * 32, "found": "take_0.pdf"}
    with writing(world) as session:
        said = {"id": "deal-7", "evidence": {"file": "papers/take_0.pdf", "grade": "E2"}}
        rights.attach(session, "open", "instrument", said, now=NOW)
        ground = {"type": "statutory", "id": "other", "evidence": [paper]}
        voice = {"layer": "voice", "item": "take_1.mp4", "basis": [ground]}
        for _ in range(2):
            rights.attach_layer(session, "open", voice, now=NOW)
        assert rights.attach_layer(session, "open", voice, now=NOW) == "unchanged"
    end(world, "open/take_1.mp4", of="file")
    with looking(world) as session:
        rows = [row.doc for table in (schema.facts, schema.revocations, schema.decisions)
                for row in records.stored(session, table)]  # fmt: skip
        assert not [one for one in rows if "take_" in str(one)]
        leaves = session.execute(text("SELECT key FROM log_leaves")).scalars()
        assert not [one for one in leaves if "take_" in one]
        facts = [(one.kind, one.doc) for one in rights.facts_of(session, "open")]
        told = {
            "layer": {one.get("item") for name, one in facts if name == "layer"},
            "revocation": {one.subject_id for one in rights.revocations(session)},
            "instrument": {one["evidence"]["file"] for name, one in facts if name == "instrument"},
            "basis": {str(one["evidence"]) for name, one in facts if one.get("evidence")
                      and name == "basis"},
            "persons": {one["layer"] for name, one in facts if one.get("said")},
        }  # fmt: skip
    assert told == {
        "layer": {"take_0.mp4", "take_1.mp4"},
        "revocation": {"open/take_1.mp4"},
        "instrument": {"papers/take_0.pdf"},
        "basis": {str([paper])},
        "persons": {"voice"},
    }


def test_a_file_that_was_revoked_by_its_name_is_not_revoked_twice(world):
    end(world, "open/take_1.mp4", of="file")
    with pytest.raises(RevocationError) as caught:
        end(world, "open/take_1.mp4", of="file")
    assert caught.value.code == "ALREADY_REVOKED"
    notices = list((world.home / "revocations").rglob("notice.*"))
    assert len(notices) == 2
    assert not [one for one in notices if "take_1" in one.read_text()]


def test_a_revocation_of_before_is_found_by_its_name(world):
    with writing(world) as session:
        doc = {
            "revocation_id": "ef" * 32, "subject_kind": "file", "subject_id": "open/take_1.mp4",
            "reason": "ended", "at": "2026-12-01", "recorded_at": log.stamp(NOW), "covers": [],
        }  # fmt: skip
        log.record(session, schema.revocations, doc, key="ef" * 32, now=NOW)
        (one,) = rights.revocations_of(session, "file", "open/take_1.mp4")
        assert one.subject_id == "open/take_1.mp4"
        assert (subjects.plain(session, "open"), subjects.plain(session, "op")) == (1, 0)
        assert subjects.on_record(session, "file", "open/other.mp4").startswith("open/personal:")


def test_a_revocation_whose_name_somebody_deleted_is_found(world):
    end(world, "open/take_1.mp4", of="file")
    with writing(world) as session:
        (row,) = records.stored(session, schema.revocations)
        token = row.doc["subject_id"].partition("/")[2]
        personal.forget(session, "open", [token])
    assert any("revocations seq" in one and token in one for one in verify(world).broken)


def test_names_in_a_decision_are_told_to_people(world, monkeypatch):
    for name, value in world.environ().items():
        monkeypatch.setenv(name, value)
    with looking(world) as session:
        row = next(one for one in decisions.decisions(session) if one.verdict == "deny")
        assert "take_0" not in str(row.doc)
    for words in (["explain", row.decision_id, "--json"], ["show", "open", "--json"]):
        told = CliRunner().invoke(app, ["rights", *words])
        assert "take_0.mp4" in told.output, told.output
        assert "personal:" not in told.output


def test_after_an_erasure_commitments_decide_as_the_names_did(world):
    end(world)
    erase("open", world, now=LATER)

    before = {one["verdict"]: one for one in outcomes(world) if one["known"] < LATER}
    assert {one["outcome"] for one in before.values()} == {"equal"}
    assert before.keys() == {"permit", "deny"}
    assert {one["outcome"] for one in outcomes(world)} == {"equal"}
    assert verify(world).broken == ()


@pytest.mark.parametrize("erased", [False, True])
def test_names_of_before_decide_as_they_did(older, erased):
    with writing(older) as session:
        again = rights.attach_layer(session, "open", layer_of("take_0.mp4"), now=LATER)
        assert again == "unchanged"
        assert personal.plain_names(session, "open") == 2
    assert {one["verdict"] for one in outcomes(older)} == {"deny", "permit"}
    end(older, "open/take_0.mp4", of="file")
    if erased:
        erase("open", older, file="take_0.mp4", now=LATER)
    assert {one["outcome"] for one in outcomes(older)} == {"equal"}
    assert verdicts(older) == ["deny", "permit"]


def test_after_an_erasure_a_replay_says_which_certificate_took_an_input(older, monkeypatch):
    world = older
    end(world)
    done = erase("open", world, now=LATER)

    found = {one["verdict"]: one for one in outcomes(world) if one["known"] < LATER}
    assert (found["deny"]["outcome"], found["permit"]["outcome"]) == ("equal", "input erased")
    assert found["permit"]["erased_by"] == [done.erasure_id]
    for name, value in world.environ().items():
        monkeypatch.setenv(name, value)
    told = CliRunner().invoke(app, ["audit", "replay", "--all"])
    assert told.exit_code == 0, told.output
    assert f"went with {done.erasure_id}" in told.output
    assert "3 equal, 0 differ, 3 rest on what was erased" in told.output


def test_a_decision_that_no_erasure_explains_still_differs(older):
    world = older
    add_source(world, "plain", [MIT], seed=9)
    clear("mining", world, now=NOW, run_id="test")
    end(world)
    erase("open", world, now=LATER)
    with looking(world) as session:
        row = next(one for one in decisions.decisions(session) if one.source_id == "plain")
    deny_on_record(world, row.decision_id)

    (one,) = [one for one in outcomes(world) if one["decision"] == row.decision_id]

    assert (one["outcome"], one["erased_by"]) == ("differs", [])


def deny_on_record(world, decision_id):
    """Turn a verdict as somebody would who can write to the database."""
    engine = open_catalog(world.catalog_url)
    guards = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'decisions'"
    edited = """UPDATE decisions SET doc = replace(doc, '"permit"', '"deny"')"""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            for name in connection.execute(text(guards)).scalars().all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("ALTER TABLE decisions DISABLE TRIGGER ALL"))
        connection.execute(text(f"{edited} WHERE decision_id = :id"), {"id": decision_id})
    engine.dispose()


def test_what_bars_an_erased_file_bars_its_copies_elsewhere(world):
    add_source(world, "twin", [MIT], episodes=2)
    assert verdicts(world, "twin", now=NOW) == ["deny", "permit"]
    end(world, "open/take_0.mp4", of="file")
    erase("open", world, file="take_0.mp4", now=LATER)
    with writing(world) as session:  # other bytes under the name that was erased; keys anew
        other = files.FileEntry(
            source_id="open", path="take_0.mp4", sha256="cd", size_bytes=1, status="ingested"
        )
        files.record_files(session, [other], run_id="test", now=LATER)
        rights.attach_layer(session, "twin", {**MIT, "part": "cover"}, now=LATER)
    assert verdicts(world, "twin") == ["deny", "permit"]


def test_a_catalog_that_holds_names_itself_is_scanned_without_a_new_record(tmp_path, catalog_url):
    settings = Settings(
        home=tmp_path / "home", catalog_url=catalog_url, lake=str(tmp_path / "lake")
    )
    folder = a_source(settings, tmp_path / "folder")
    events(folder / "log.jsonl")
    (folder / "LICENSE").write_text("No text and data mining.")
    scan("demo", settings, now=NOW, run_id="test")
    with looking(settings) as session:
        found = [(one.kind, one.doc) for one in rights.facts_of(session, "demo")]
    old = replace(settings, catalog_url=f"sqlite:///{tmp_path}/old.sqlite")
    new_catalog(old.catalog_url)
    a_source(old, folder)
    with writing(old) as session:
        for kind, doc in found:
            said = {"fact_id": fact_id_of("demo", kind, doc), "source_id": "demo", "kind": kind}
            row = {**said, "valid_from": None, "valid_to": None, "said": doc}
            log.record(session, schema.facts, row, key=said["fact_id"], now=NOW)
        assert not any(rights.attach(session, "demo", *one, now=NOW) == "added" for one in found)
        assert personal.count(session, "demo") == 0
        assert personal.plain_names(session, "demo") == 2
    size = verify_size(old)

    for one in (settings, old):
        scan("demo", one, now=LATER, run_id="test")

    assert verify_size(old) == size
    with looking(settings) as session:
        again = [(one.kind, one.doc) for one in rights.facts_of(session, "demo")]
        assert (again, personal.plain_names(session, "demo")) == (found, 0)


def verify_size(settings):
    with looking(settings) as session:
        return tree.size(session)


def test_a_name_that_somebody_deleted_is_found(world):
    with writing(world) as session:
        token = said_on_record(world, "signal")[0]["where"]["path"]
        personal.forget(session, "open", [token])
    (broken,) = verify(world).broken
    assert token in broken
    assert "facts seq" in broken


def test_what_a_reader_noted_goes_with_its_file(world):
    notes = {"take_0.mp4": "take_0.mp4: a person is seen", "take_1.mp4": "nothing odd"}
    with writing(world) as session:
        paths = {one.sha256: one.path for one in files.files_of(session, "open")}
        rows = [
            replace(one, notes={"notes": [notes[paths[one.files[0]]]], "gaps": []})
            for one in clips.episodes_of(session, "open")
        ]
        assert clips.record_episodes(session, rows, run_id="test", now=NOW) == 2
        assert clips.record_episodes(session, rows, run_id="test", now=NOW) == 0
        assert {one.notes["notes"][0] for one in clips.episodes_of(session, "open")} == set(
            notes.values()
        )
    end(world, "open/take_0.mp4", of="file")

    erase("open", world, file="take_0.mp4", now=LATER)

    with looking(world) as session:
        first, second = sorted(one.notes["notes"][0] for one in clips.episodes_of(session, "open"))
        assert (first, second[:9]) == ("nothing odd", "personal:")
        assert clips.episode(session, rows[1].episode_id).notes["gaps"] == []


def test_what_changed_between_two_instants_is_told_after_an_erasure(world):
    end(world)
    until = LATER + timedelta(hours=1)
    before = between(NOW - timedelta(hours=1), until, world, day=NOW.date())
    erase("open", world, now=LATER)

    after = between(NOW - timedelta(hours=1), until, world, day=NOW.date())

    assert len(after.facts) == len(before.facts)
    assert [one.source_id for one in after.turned] == [one.source_id for one in before.turned]
