"""A training set holds cleared clips only, carries its papers, and is made exactly once."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import lance
import numpy as np
import pytest

from catalog import clips, rights, training_sets
from catalog.audit import verify_log
from licensing.manifest import open_clearance, sha256_hex
from licensing.request import read_request
from licensing.verify.logged import check_log
from pipelines.errors import ExportError
from pipelines.export import check_set, export_set, renew
from pipelines.export import publishing as publishing_module
from pipelines.keys import trusted_publics
from pipelines.render import RenderSpec
from tests.pipelines.small_world import (
    COMMERCIAL,
    MIT,
    NON_COMMERCIAL,
    NOW,
    add_source,
    contract,
    looking,
    make_world,
    writing,
)
from training.errors import Refused
from training.gate import open_training_set
from training.loader import digest_row, read_index

SPEC = RenderSpec(width=32, height=32, fps=10)
SECOND = 1_000_000_000


@pytest.fixture
def world(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "open", [MIT], episodes=3, seed=2)
    add_source(settings, "arm", [contract(end="2026-12-24")], seconds=4, seed=3)
    add_source(settings, "lab", [NON_COMMERCIAL])
    add_source(settings, "silent", [])
    return settings


def export(world, **how):
    return export_set(
        how.pop("name", "demo"),
        how.pop("request", "commercial"),
        world,
        spec=how.pop("spec", SPEC),
        at_once=how.pop("at_once", 0),
        run_id="test",
        now=how.pop("now", NOW),
        **how,
    )


def manifest_of(done):
    return json.loads(Path(done.uri, "manifest.json").read_bytes())


def index_of(done):
    manifest = manifest_of(done)
    return read_index(f"{done.uri}/data.lance", manifest["data"]["version"])


def open_gate(world, done, now=NOW):
    return open_training_set(
        done.uri, read_request(COMMERCIAL), keys=trusted_publics(world), now=now
    )


def test_only_cleared_sources_are_in_it_one_shard_each(world):
    done = export(world)
    shards = manifest_of(done)["shards"]
    assert [one["source_id"] for one in shards] == ["arm", "open"]
    assert [one["num_clips"] for one in shards] == [2, 9]
    assert done.num_clips == 11
    assert done.num_frames == 11 * 20
    assert set(index_of(done)["source_id"].to_pylist()) == {"arm", "open"}


def test_the_gate_opens_it(world):
    done = export(world)
    cleared = open_gate(world, done)
    assert cleared.manifest_digest == done.manifest_digest
    assert done.set_id in ("demo@1",)
    assert check_set("demo", world, now=NOW).startswith(f"{done.uri}: cleared until 2026-12-02")


def test_rows_carry_pictures_actions_and_masks(world):
    for row in index_of(export(world)).to_pylist():
        assert row["sha256"] == digest_row(row)
        assert len(row["frame_ts_ns"]) == row["num_frames"] == len(row["unit_offset"]) == 20
        assert (row["action_width"], row["state_width"]) == (1, 2)
        assert len(row["valid"]) == 20 * 3
        assert all(row["valid"])
        state = np.array(row["state"]).reshape(20, 2)
        first = row["start_ns"] // (SECOND // 10)
        assert state[:, 0].tolist() == [(first + k) * 0.5 for k in range(20)]


def test_channels_are_numbered_and_measured(world):
    manifest = manifest_of(export(world))
    names = [(one["kind"], one["name"], one["index"]) for one in manifest["channels"]]
    assert names == [
        ("action", "pad.key_a", 0),
        ("state", "pad.pos.x", 0),
        ("state", "pad.pos.y", 1),
    ]
    assert manifest["layouts"]["arm"] == {"action": [0], "state": [0, 1]}
    values = np.concatenate(
        [np.array(row["state"]).reshape(-1, 2)[:, 0] for row in index_of(export(world)).to_pylist()]
    )
    assert manifest["channels"][1]["mean"] == pytest.approx(values.mean())
    assert manifest["channels"][1]["std"] == pytest.approx(values.std())


def test_a_clip_of_one_group_lies_in_one_split_and_training_has_the_most(world):
    done = export(world)
    splits = manifest_of(done)["splits"]
    assert splits["train"] * 2 >= sum(splits.values()) == 11
    rows = index_of(done).to_pylist()
    pairs = {(row["episode_id"], row["split"]) for row in rows}
    assert len(pairs) == len({row["episode_id"] for row in rows})


def test_every_duty_is_in_the_notices_and_every_row_finds_its_notice(world):
    done = export(world)
    notices = json.loads(Path(done.uri, "documents/notices.json").read_text())
    assert {(one["source"], one["duty"]) for one in notices} == {
        ("open", "keep-notice"),
        ("arm", "contract-duties"),
    }
    assert set(index_of(done)["notice_id"].to_pylist()) == {one["id"] for one in notices}
    clearance = open_clearance(
        Path(done.uri, "clearance.dsse.json").read_bytes(), trusted_publics(world)
    )
    assert set(clearance.predicate["obligations"]) == {one["duty"] for one in notices}
    assert "Copyright open (fictional)" in Path(done.uri, "documents/NOTICE").read_text()


def test_the_clearance_proves_its_place_in_the_log(world):
    done = export(world)
    renewed = renew(done.set_id, world, now=NOW + timedelta(hours=1))
    raw = Path(done.uri, "clearance.dsse.json").read_bytes()
    found = open_clearance(raw, trusted_publics(world))
    place = found.predicate["log"]
    said = check_log(found, trusted_publics(world))
    assert (said.state, json.loads(place["entry"]["document"])) == (
        "passed",
        {"manifest_digest": found.manifest_digest,
         "decisions_root": found.predicate["decisions_root"]},
    )  # fmt: skip
    assert renewed.set_id == done.set_id
    with looking(world) as session:
        assert verify_log(session).broken == ()


def test_it_is_on_record_with_its_log_entry(world):
    done = export(world)
    with looking(world) as session:
        row = training_sets.training_set(session, "demo")
        assert row.manifest_digest == done.manifest_digest
        assert len(clips.shards_of(session, "demo@1")) == 11
        assert len(training_sets.clearances_of(session, "demo@1")) == 1
        assert verify_log(session).broken == ()


def test_the_same_again_renders_nothing(world):
    first = export(world)
    before = {path: path.stat().st_mtime_ns for path in Path(first.uri).rglob("*")}
    again = export(world, now=NOW + timedelta(hours=1))
    assert again.reused
    assert not again.renewed
    assert again.manifest_digest == first.manifest_digest
    assert {path: path.stat().st_mtime_ns for path in Path(first.uri).rglob("*")} == before
    assert "nothing rendered" in again.summary()


def test_a_lapsed_clearance_is_renewed_over_the_same_manifest(world):
    first = export(world)
    later = NOW + timedelta(days=2)
    with pytest.raises(Refused) as caught:
        open_gate(world, first, now=later)
    assert caught.value.code == "EXPIRED"
    again = export(world, now=later)
    assert (again.reused, again.renewed) == (True, True)
    assert again.manifest_digest == first.manifest_digest
    assert open_gate(world, again, now=later).manifest_digest == first.manifest_digest
    assert "renewed" in again.summary()


def test_clearance_ends_when_the_first_fact_does(world):
    late = NOW.replace(day=23, hour=18)
    done = export(world, now=late)
    assert f"{done.not_after:%Y-%m-%d %H:%M}" == "2026-12-24 00:00"
    assert manifest_of(done)["not_after"] == "2026-12-24"
    after = export(world, now=late + timedelta(days=1))
    assert after.sources == ("open",)
    assert after.version == 2


def test_new_clips_make_a_new_version_that_names_its_predecessor(world):
    first = export(world)
    add_source(world, "more", [MIT], seed=7)
    second = export(world)
    assert (second.version, second.reused) == (2, False)
    assert manifest_of(second)["predecessor"] == first.manifest_digest
    assert export(world, spec=RenderSpec(width=16, height=16)).version == 3


def test_same_input_gives_the_same_content_elsewhere(tmp_path):
    digests = []
    for name in ("a", "b"):
        settings = make_world(tmp_path / name)
        add_source(settings, "open", [MIT], episodes=2)
        digests.append(export(settings).content_digest)
    assert digests[0] == digests[1]


def test_nothing_cleared_writes_nothing(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "lab", [NON_COMMERCIAL])
    with pytest.raises(ExportError, match="no clip is cleared") as caught:
        export(settings)
    assert caught.value.code == "NOTHING_CLEARED"
    assert not Path(settings.training_sets, "demo").exists()
    with looking(settings) as session:
        assert training_sets.training_sets(session) == ()


def test_a_what_if_is_not_exported(world):
    with pytest.raises(ExportError, match="what-if") as caught:
        export(world, request={**COMMERCIAL, "at": date(2026, 3, 1)})
    assert caught.value.code == "NOT_FOR_EXPORT"


@pytest.mark.parametrize("name", ["../up", "", "Upper", "a/b"])
def test_names_that_would_leave_the_folder_are_refused(world, name):
    with pytest.raises(ExportError, match="training set name"):
        export(world, name=name)


@pytest.mark.parametrize("step", ["write_manifest", "sign_and_record", "read_contents"])
def test_killed_and_run_again_it_ends_well(world, monkeypatch, step):
    class Killed(BaseException):
        pass

    def die(*_args, **_how):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(publishing_module, step, die)
        with pytest.raises(Killed):
            export(world)
    assert not Path(world.training_sets, "demo/1/clearance.dsse.json").exists()
    done = export(world)
    assert (done.version, done.reused) == (1, False)
    assert open_gate(world, done).manifest["version"] == 1


def test_killed_before_the_clearance_appears_the_next_run_signs(world):
    first = export(world)
    Path(first.uri, "clearance.dsse.json").unlink()
    again = export(world)
    assert (again.reused, again.renewed) == (True, True)
    assert open_gate(world, again).manifest_digest == first.manifest_digest


def test_stray_version_folders_are_removed(world):
    stray = Path(world.training_sets, "demo/1/data.lance/data/dead.lance")
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"left by a killed export")
    done = export(world)
    assert done.version == 1
    assert not stray.exists()


def test_a_changed_set_is_not_taken_for_the_same(world):
    first = export(world)
    manifest = Path(first.uri, "manifest.json")
    manifest.write_bytes(manifest.read_bytes().replace(b'"version":1', b'"version":9'))
    assert export(world).version == 2


def test_renewal_is_refused_once_a_decision_turned(world):
    done = export(world)
    late = NOW.replace(day=24)
    with pytest.raises(ExportError, match="arm is deny") as caught:
        renew("demo", world, now=late)
    assert caught.value.code == "DECISION_TURNED"
    assert renew(done.set_id, world, now=NOW + timedelta(hours=3)).not_after == NOW + timedelta(
        hours=27
    )


def test_flipped_byte_is_found(world):
    done = export(world)
    blob = max(Path(done.uri, "data.lance").rglob("*"), key=lambda one: one.stat().st_size)
    raw = bytearray(blob.read_bytes())
    raw[len(raw) // 2] ^= 1
    blob.write_bytes(raw)
    with pytest.raises(Refused):
        check_set(done.uri, world, now=NOW)


def test_files_are_all_listed_with_their_digests(world):
    done = export(world)
    listed = {one["path"]: one["sha256"] for one in manifest_of(done)["files"]}
    found = {
        str(path.relative_to(done.uri)): sha256_hex(path.read_bytes())
        for path in Path(done.uri).rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "clearance.dsse.json")
    }
    assert listed == found


def test_a_source_without_pictures_trains_on_its_numbers(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "pad-only", [MIT], video=False)
    row = index_of(export(settings)).to_pylist()[0]
    assert (row["camera"], row["media_sha256"], row["width"]) == ("", None, 0)
    assert row["num_frames"] == 20


def test_streams_that_nobody_asked_for_are_left_out(world):
    done = export(world, request={**COMMERCIAL, "streams": ["video"]})
    rows = index_of(done).to_pylist()
    assert {(row["camera"], row["action_width"], row["state_width"]) for row in rows} == {
        ("video", 0, 0)
    }


def test_a_clip_that_touches_an_uncleared_span_is_left_out_and_counted(tmp_path):
    settings = make_world(tmp_path)
    song = {**NON_COMMERCIAL, "span": [3 * SECOND, 4 * SECOND]}
    add_source(settings, "open", [MIT, song])
    done = export(settings)
    assert sorted(index_of(done)["start_ns"].to_pylist()) == [0, 4 * SECOND]
    assert (done.num_clips, done.uncleared, done.left_out) == (2, 1, 0)
    assert done.line()["uncleared"] == 1
    assert "1 clips touch what is not cleared" in done.summary()
    selection = json.loads(Path(done.uri, "documents/selection.json").read_bytes())
    assert selection["uncleared"] == 1
    assert export(settings).uncleared == 1


def test_a_clip_over_two_cleared_parts_owes_the_duties_of_both(tmp_path):
    settings = make_world(tmp_path)
    free, bound = (
        public("CC0-1.0"),
        public("CC-BY-4.0", part="titles", span=[3 * SECOND, 4 * SECOND]),
    )
    add_source(settings, "open", [free, bound])
    done = export(settings)
    assert (done.num_clips, done.uncleared) == (3, 0)
    notices = json.loads(Path(done.uri, "documents/notices.json").read_text())
    rows = {row["start_ns"]: row["notice_id"] for row in index_of(done).to_pylist()}
    assert [rows[at * SECOND] for at in (0, 4)] == ["", ""]
    assert {one["id"] for one in notices} == {rows[2 * SECOND]}
    assert {one["duty"] for one in notices} == {"attribute:dataset-link"}
    with looking(settings) as session:
        decided = training_sets.training_set(session, "demo").decisions
    assert len({one["decision"] for one in notices}) == len(decided) == 2
    assert open_gate(settings, done).manifest["splits"]


def test_another_holder_of_the_bytes_is_credited_beside_the_source(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "open", [MIT])
    add_source(settings, "twin", [public("CC-BY-4.0")])
    done = export(settings)
    notices = json.loads(Path(done.uri, "documents/notices.json").read_text())
    (credit,) = (
        one for one in notices
        if (one["source"], one["duty"]) == ("open", "attribute:dataset-link")
    )  # fmt: skip
    assert credit["licence"] == "CC-BY-4.0"
    assert "Copyright open (fictional); Copyright twin (fictional)" in credit["text"]


def test_a_set_is_not_renewed_over_a_span_that_was_claimed_since(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "open", [MIT])
    done = export(settings)
    with writing(settings) as session:
        song = {**NON_COMMERCIAL, "part": "music", "span": [0, SECOND]}
        rights.attach_layer(session, "open", song, now=NOW)
    with pytest.raises(ExportError, match="1 of its 3 clips") as caught:
        renew(done.set_id, settings, now=NOW)
    assert caught.value.code == "DECISION_TURNED"


def public(licence, **layer):
    basis = {"type": "public_licence", "id": licence, "grade": "E2"}
    return {"layer": "copyright", "basis": [basis], "signals": [], **layer}


@pytest.mark.ray
@pytest.mark.slow
def test_ray_renders_the_same(tmp_path):
    digests = []
    for name, at_once in (("here", 0), ("ray", 2)):
        settings = make_world(tmp_path / name)
        add_source(settings, "open", [MIT], episodes=2)
        add_source(settings, "more", [MIT], seed=5)
        digests.append(export(settings, at_once=at_once).content_digest)
    assert digests[0] == digests[1]


def test_a_new_version_takes_the_shards_whose_inputs_are_the_same(world):
    first = export(world)
    add_source(world, "more", [MIT], seed=9)
    second = export(world, now=NOW + timedelta(hours=1))
    assert (second.version, second.shards_reused) == (2, 2)
    assert rows_by_source(second, "open") == rows_by_source(first, "open")
    assert media_of(first) < media_of(second)
    assert open_gate(world, second, now=NOW + timedelta(hours=1)).manifest_digest
    assert media_digests(second) == {
        row["clip_id"]: row["media_sha256"] for row in index_of(second).to_pylist()
    }


def test_a_shard_of_other_settings_or_with_a_changed_byte_is_rendered_anew(world):
    first = export(world)
    other = export(world, spec=RenderSpec(width=48, height=32, fps=10))
    assert other.shards_reused == 0
    data = Path(other.uri, "data.lance/data")
    changed = max(data.rglob("*.lance"), key=lambda one: one.stat().st_size)
    raw = bytearray(changed.read_bytes())
    raw[len(raw) // 2] ^= 1
    changed.write_bytes(bytes(raw))
    add_source(world, "more", [MIT], seed=9)
    third = export(world, spec=RenderSpec(width=48, height=32, fps=10))
    assert third.shards_reused == 1
    assert open_gate(world, third)
    assert first.content_digest != third.content_digest


def test_a_revoked_source_goes_and_the_others_stay_as_they_are(world):
    export(world)
    with writing(world) as session:
        fact = next(one for one in rights.facts_of(session, "arm") if one.kind == "basis")
        rights.end_fact(
            session, fact.fact_id, at=date(2026, 12, 1), kind="ended", reason="x", now=NOW
        )
    second = export(world, now=NOW + timedelta(hours=1))
    assert second.sources == ("open",)
    assert second.shards_reused == 1
    assert second.left_out == 0


def rows_by_source(done, source):
    rows = index_of(done).to_pylist()
    return {one["clip_id"]: one["sha256"] for one in rows if one["source_id"] == source}


def media_of(done):
    return {one.name for one in Path(done.uri, "data.lance/data").rglob("*.lance")}


def media_digests(done):
    data = lance.dataset(f"{done.uri}/data.lance")
    rows = data.to_table(columns=["clip_id"], with_row_id=True).to_pylist()
    found = data.read_blobs("media", ids=[one["_rowid"] for one in rows], preserve_order=True)
    return {
        row["clip_id"]: sha256_hex(raw or b"") for row, (_, raw) in zip(rows, found, strict=True)
    }
