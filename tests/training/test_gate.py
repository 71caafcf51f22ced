"""The gate: every check refuses with its own code, and what passes is the set that lies there."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest

from licensing.manifest import combine, sha256_hex
from tests import builders
from tests.builders import NOW, OTHER_SECRET, revoked
from tests.rows import tiny_row
from tests.training.gates import opened, refusal
from tests.training.harms import (
    change_row,
    digest,
    drop_shard,
    edit,
    flip,
    forge,
    largest,
    list_fewer,
    list_of,
    make_folder,
    nothing,
    publish_old,
    reencode,
    rename,
    revoke,
    sized,
    some_clip,
    swap_papers,
    unsign,
    wrong_shard,
)
from training.errors import Refused

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path):
    return builders.tiny_training_set(tmp_path, without_video=True)


def test_a_cleared_set_opens_with_everything_that_was_checked(home):
    cleared = opened(str(home) + "/")

    assert cleared.uri == str(home)
    assert cleared.manifest_digest == sha256_hex((home / "manifest.json").read_bytes())
    assert cleared.clearance_digest == sha256_hex((home / "clearance.dsse.json").read_bytes())
    assert cleared.clearance["obligations"] == ["attribute"]
    assert cleared.index.num_rows == 6
    assert (cleared.revocation_sequence, len(cleared.revocation_digest)) == (0, 64)


USE_WIDER = builders.training_request(release="dataset")

# row, code, what is done to the set, how the gate is called afterwards
CASES = [
    (1, "MANIFEST_MISSING", lambda home: (home / "manifest.json").unlink(), {}),
    (1, "MANIFEST_MISSING", lambda home: (home / "clearance.dsse.json").unlink(), {}),
    (1, "MANIFEST_MISSING", lambda home: make_folder(home / "manifest.json"), {}),
    (1, "MANIFEST_MALFORMED", lambda home: (home / "manifest.json").write_text("{"), {}),
    (1, "MANIFEST_MALFORMED", reencode, {}),
    (1, "MANIFEST_MALFORMED", lambda home: edit(home, extra=1), {}),
    (1, "MANIFEST_MALFORMED", lambda home: edit(home, request_digest="0" * 64), {}),
    (1, "SCHEMA_UNKNOWN", lambda home: edit(home, schema="clearway/manifest/9"), {}),
    (2, "UNSIGNED", unsign, {}),
    (2, "KEY_UNKNOWN", lambda home: builders.sign_clearance(home, OTHER_SECRET), {}),
    (2, "KEY_UNKNOWN", nothing, {"keys": ()}),
    (2, "SIGNATURE_BAD", forge, {}),
    (2, "MANIFEST_CHANGED", rename, {}),
    (3, "NOT_YET_VALID", nothing, {"now": NOW - timedelta(minutes=6)}),
    (3, "EXPIRED", nothing, {"now": NOW + timedelta(hours=24)}),
    (3, "EXPIRED", lambda home: edit(home, not_after="2026-11-24"), {}),
    (3, "EXPIRED", nothing, {"now": NOW.replace(tzinfo=None)}),
    (
        4,
        "USE_NOT_COVERED",
        nothing,
        {"use": builders.training_request(release="dataset")},
    ),
    (4, "USE_NOT_COVERED", nothing, {"use": "train"}),
    (5, "REVOCATIONS_MISSING", lambda home: list_of(home).unlink(), {}),
    (5, "REVOCATIONS_MISSING", nothing, {"revocations": "nowhere://x"}),
    (5, "REVOCATIONS_BAD", lambda home: builders.publish_revocations(home, OTHER_SECRET), {}),
    (5, "REVOCATIONS_BAD", lambda home: list_of(home).write_text("{"), {}),
    (5, "REVOCATIONS_BAD", lambda home: swap_papers(home), {}),
    (5, "REVOCATIONS_STALE", lambda home: publish_old(home), {}),
    (5, "REVOCATIONS_ROLLED_BACK", nothing, {"seen_sequence": 1}),
    (6, "SET_REVOKED", lambda home: revoke(home, revoked("set", digest(home), "a" * 64)), {}),
    (7, "FILE_MISSING", lambda home: largest(home).unlink(), {}),
    (7, "FILE_EXTRA", lambda home: (home / "data.lance" / "data" / "x.lance").touch(), {}),
    (7, "FILE_EXTRA", list_fewer, {}),
    (7, "FILE_SIZE", sized, {}),
    (7, "FILE_SIZE", lambda home: largest(home).write_bytes(b"short"), {}),
    (8, "ROW_CHANGED", lambda home: change_row(home, "start_ns", "start_ns + 1"), {}),
    (8, "ROW_CHANGED", lambda home: edit(home, data={"path": "data.lance", "version": 9}), {}),
    (8, "SHARD_CHANGED", lambda home: wrong_shard(home, digest="0" * 64), {}),
    (8, "SHARD_CHANGED", lambda home: wrong_shard(home, num_frames=1), {}),
    (8, "SHARD_CHANGED", drop_shard, {}),
    (8, "SHARD_CHANGED", lambda home: edit(home, content_digest=combine([])), {}),
    (9, "SHARD_REVOKED", lambda home: revoke(home, revoked("source", "acorn", "b" * 64)), {}),
    (9, "SHARD_REVOKED", lambda home: revoke(home, revoked("clip", some_clip())), {}),
]


@pytest.mark.parametrize(("code", "harm", "call"), [case[1:] for case in CASES])
def test_each_check_refuses_with_its_code(home, code, harm, call):
    harm(home)

    assert refusal(home, **call).code == code


def test_the_cases_cover_every_row_and_code_of_the_gate():
    assert {row for row, *_ in CASES} == set(range(1, 10))
    assert {code for _, code, *_ in CASES} == {
        *("MANIFEST_MISSING", "MANIFEST_MALFORMED", "SCHEMA_UNKNOWN"),
        *("UNSIGNED", "KEY_UNKNOWN", "SIGNATURE_BAD", "MANIFEST_CHANGED"),
        *("NOT_YET_VALID", "EXPIRED", "USE_NOT_COVERED"),
        *("REVOCATIONS_MISSING", "REVOCATIONS_BAD", "REVOCATIONS_STALE", "REVOCATIONS_ROLLED_BACK"),
        *("SET_REVOKED", "FILE_MISSING", "FILE_EXTRA", "FILE_SIZE"),
        *("ROW_CHANGED", "SHARD_CHANGED", "SHARD_REVOKED"),
    }


def test_earlier_checks_speak_first(home):
    rename(home)
    largest(home).unlink()

    assert refusal(home, now=NOW + timedelta(days=2)).code == "MANIFEST_CHANGED"


def test_use_not_covered_names_the_dimension(home):
    wider = builders.training_request(release="dataset", territory=["WORLD"])

    assert refusal(home, use=wider).subject == "release, territory"


@pytest.mark.parametrize(("kind", "subject"), [("set", None), ("source", "birch")])
def test_a_revoked_set_names_its_successor(home, kind, subject):
    revoke(home, revoked(kind, subject or digest(home), "c" * 64))

    assert "c" * 64 in refusal(home).way_out


def test_rows_of_other_sets_may_be_revoked(home):
    revoke(home, revoked("source", "oak"), revoked("clip", "0" * 32), revoked("set", "d" * 64))

    assert opened(home).revocation_sequence == 1


def test_a_renewed_clearance_opens_the_same_manifest(home):
    late = NOW + timedelta(hours=30)
    before = opened(home)
    builders.sign_clearance(home, not_after=late + timedelta(hours=1))
    builders.publish_revocations(home, now=late)

    after = opened(home, now=late)

    assert after.manifest_digest == before.manifest_digest
    assert after.clearance_digest != before.clearance_digest


def test_no_flipped_byte_below_the_data_gets_through(home):
    files = sorted(path for path in (home / "data.lance").rglob("*") if path.is_file())
    for path in files:
        whole = path.read_bytes()
        for at in range(0, len(whole), max(1, len(whole) // 25)):
            flip(path, at)
            assert refusal(home).code in {"ROW_CHANGED", "SHARD_CHANGED", "MEDIA_CHANGED"}
            path.write_bytes(whole)
    assert opened(home)


@pytest.fixture
def flipped(home):
    """A set with one byte of media changed, and the size of the file that holds it."""
    path = largest(home)
    media = tiny_row("acorn", 0)["media"]
    flip(path, path.read_bytes().index(media[:64]) + len(media) // 2)
    return home, path.stat().st_size


def test_media_may_be_left_to_the_proof_at_read(flipped):
    home, size = flipped

    assert opened(home, hash_at_start=0)
    assert opened(home, hash_at_start=size - 1)
    assert refusal(home, hash_at_start=1 << 30).code == "MEDIA_CHANGED"


def test_a_sample_of_the_files_is_drawn_anew_at_each_opening(flipped):
    home, size = flipped
    said = set()
    for _ in range(300):  # the room holds either the changed file or some of the others
        try:
            opened(home, hash_at_start=size)
            said.add("let through")
        except Refused as refused:
            said.add(refused.code)
        if len(said) == 2:
            break

    assert said == {"let through", "MEDIA_CHANGED"}


def test_the_list_may_stand_elsewhere(home, tmp_path):
    other = tmp_path / "list.json"
    list_of(home).rename(other)

    assert opened(home, revocations=str(other)).revocation_sequence == 0


def test_cleared_is_built_in_the_gate_only():
    builders_of_cleared = {
        path.relative_to(ROOT).as_posix()
        for package in ("licensing", "catalog", "pipelines", "training", "tests")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Cleared"
    }

    assert builders_of_cleared == {"training/gate/opening.py"}


def test_an_interrupt_is_no_refusal(home, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("training.gate.checks.check_use", interrupted)

    with pytest.raises(KeyboardInterrupt):
        opened(home)
