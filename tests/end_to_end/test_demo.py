"""The demo's outcomes: what a newcomer sees after one command, and after the same command again."""

import json
import shutil
import sqlite3

import pytest

from catalog import decisions, training_sets
from catalog.engine import open_catalog, reading

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.timeout(600)]

CLEARED = {"crafter-rec", "freedoom-demo", "harbour-light-2026", "northpier-arm"}
KINDS = ("sources", "files", "clips", "decisions", "training-sets", "runs", "checkpoints")


def rows(demo, *words):
    done = demo.clearway(*words, "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="session")
def corpus(demo):
    return json.loads((demo.settings.home / "demo/sources.json").read_text())


def test_every_expected_verdict_with_its_reason_and_duties(demo, corpus):
    cases = demo.clearway("rights", "decide", str(demo.settings.home / "demo/cases.json"))
    got = {one["id"]: one for one in map(json.loads, cases.stdout.splitlines())}

    for source in corpus["sources"]:
        for request, expected in source["expected"].items():
            answer = got[f"{source['id']}:{request}"]
            duties = {duty.split(":")[0] for duty in answer["obligations"]}
            assert answer["verdict"] == expected["expect"], answer
            assert expected["reason"] in [one.split(":")[0] for one in answer["reasons"]]
            assert {one.split(":")[0] for one in expected["obligations"]} <= duties
    assert len(got) == 33


def test_the_catalog_answers_as_the_cases_do(demo):
    assert "commercial: 4 permit, 3 deny, 4 undetermined" in demo.printed
    assert "research: 5 permit, 2 deny, 4 undetermined" in demo.printed
    assert "commercial-march: 4 permit, 3 deny, 4 undetermined" in demo.printed


def test_every_file_of_the_corpus_is_accounted_for(demo, corpus):
    listed = json.loads((demo.settings.home / "demo/files.json").read_text())
    for source in corpus["sources"]:
        there = {
            one["path"].removeprefix(f"{source['path']}/"): one["sha256"]
            for one in listed if one["path"].startswith(f"{source['path']}/")
        }  # fmt: skip
        lines = rows(demo, "source", "files", source["id"])
        assert {one["path"]: one["sha256"] for one in lines} == there
        assert {one["status"] for one in lines} <= {"ingested", "companion"}


@pytest.mark.parametrize(
    ("source", "path", "num_frames", "num_messages", "duration_s"),
    [
        ("freedoom-demo", "freedoom2_demo1.mp4", 2664, 0, 76.114),
        ("freedoom-demo", "freedoom2_demo1.lmp", 0, 2664, 76.114),
        ("northpier-arm", "run_000.mcap", 200, 6200, 20.0),
        ("tidewater-arm", "run_000.mcap", 120, 3720, 12.0),
        ("juniper-telemetry", "match_000.mp4", 300, 0, 15.0),
        ("juniper-telemetry", "match_000.jsonl", 0, 300, 15.0),
    ],
)
def test_counts_are_those_of_the_recordings(
    demo, source, path, num_frames, num_messages, duration_s
):
    line = next(one for one in rows(demo, "source", "files", source) if one["path"] == path)

    assert (line["num_frames"], line["num_messages"]) == (num_frames, num_messages)
    assert line["duration_s"] == pytest.approx(duration_s, abs=1e-3)


def test_the_set_holds_the_cleared_sources_and_its_successor_lacks_the_revoked_one(demo):
    first, second = rows(demo, "audit", "list", "training-sets")

    assert set(first["sources"]) == CLEARED
    assert set(second["sources"]) == CLEARED - {"northpier-arm"}
    assert second["clips"] < first["clips"]


def test_a_public_key_alone_checks_a_set_that_was_carried_away(demo, tmp_path):
    sets = demo.settings.home / "training_sets"
    shutil.copytree(sets / "demo/2", tmp_path / "carried")
    shutil.copy(sets / "revocations.dsse.json", tmp_path / "list.json")
    demo.clearway("keys", "export", str(tmp_path / "clearway.pub"))
    papers = ("--key", str(tmp_path / "clearway.pub"), "--revocations", str(tmp_path / "list.json"))

    good = demo.clearway("verify", str(tmp_path / "carried"), *papers)
    revoked = demo.clearway("verify", str(sets / "demo/1"))

    assert (good.returncode, revoked.returncode) == (0, 1), good.stderr
    assert "SHARD_REVOKED" in revoked.stderr


def test_the_checkpoint_traces_back_to_sources_and_licences(demo):
    last = rows(demo, "audit", "list", "checkpoints")[-1]
    traced = demo.clearway("audit", "trace", last["id"]).stdout

    assert {"id", "run", "step"} <= set(last)
    for said in (*CLEARED, "MIT", "BSD-3-Clause", "NP-2026-014", "HL-26-1", "(fictional)"):
        assert said in traced


def test_what_was_seen_is_replayed_window_by_window(demo):
    last = rows(demo, "audit", "list", "checkpoints")[-1]
    seen = rows(demo, "audit", "seen", last["id"])

    assert {one["source"] for one in seen} <= CLEARED
    assert seen[0].keys() >= {"step", "slot", "clip_id", "source", "start_frame", "num_frames"}


def test_every_list_is_json_lines_and_the_log_is_whole(demo):
    for kind in KINDS:
        assert all("id" in one for one in rows(demo, "audit", "list", kind))
    assert rows(demo, "audit", "log", "verify")[0]["broken"] == []


def test_one_dagster_run_read_all_sources(demo):
    history = demo.settings.dagster_home / "history/runs.db"
    with sqlite3.connect(history) as database:
        found = database.execute("SELECT pipeline_name, status FROM runs").fetchall()
    database.close()

    assert sorted(found) == [("export", "SUCCESS"), ("prepare", "SUCCESS"), ("train", "SUCCESS")]


def test_run_again_it_does_no_work_twice_and_says_so(demo):
    before = {kind: rows(demo, "audit", "list", kind) for kind in KINDS}

    with demo.held():
        again = demo.clearway("demo", "--no-download")

    assert again.returncode == 0, again.stderr
    for said in ("nothing new: 0 added", "nothing new: 16 files", "is there", "in an earlier run"):
        assert said in again.stdout
    assert {kind: rows(demo, "audit", "list", kind) for kind in KINDS} == before
    test_one_dagster_run_read_all_sources(demo)


def test_notice_says_each_duty_of_each_cleared_layer_once_and_no_other(demo):
    place = demo.settings.home / "training_sets/demo/1/documents"
    notices, text = json.loads((place / "notices.json").read_text()), (place / "NOTICE").read_text()
    with reading(open_catalog(demo.settings.catalog_url, read_only=True)) as session:
        made = training_sets.training_set(session, "demo@1")
        decided = decisions.decisions_with(session, made.decisions)

    owed = {
        (one.decision_id, duty)
        for one in decided
        for layer in one.doc["proof"]["layers"]
        for duty in layer["duties"]
    }
    assert {one.verdict for one in decided} == {"permit"}
    assert sorted((one["decision"], one["duty"]) for one in notices) == sorted(owed)
    lines = [line[2:] for line in text.splitlines() if line.startswith("* ")]
    assert set(lines) == {one["text"] for one in notices}
    assert len(lines) == len({(one["source"], one["text"]) for one in notices})
