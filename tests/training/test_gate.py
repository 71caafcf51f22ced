"""The gate: every check refuses with its own code, and what passes is the set that lies there."""

import ast
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import lance
import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from licensing.manifest import canonical, combine, public_of, sha256_hex
from tests import builders
from tests.builders import NOW, OTHER_SECRET, SECRET, revoked
from training import gate
from training.errors import Refused

KEYS = (public_of(SECRET),)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path):
    return builders.tiny_training_set(tmp_path, without_video=True)


def opened(home, **changes):
    given: dict[str, Any] = {"keys": KEYS, "now": NOW} | changes
    return gate.open_training_set(home, given.pop("use", builders.training_request()), **given)


def refusal(home, **changes):
    with pytest.raises(Refused) as caught:
        opened(home, **changes)
    assert caught.value.subject
    assert caught.value.way_out
    return caught.value


def test_a_cleared_set_opens_with_everything_that_was_checked(home):
    cleared = opened(str(home) + "/")

    assert cleared.uri == str(home)
    assert cleared.manifest_digest == sha256_hex((home / "manifest.json").read_bytes())
    assert cleared.clearance_digest == sha256_hex((home / "clearance.dsse.json").read_bytes())
    assert cleared.clearance["obligations"] == ["attribute"]
    assert cleared.index.num_rows == 6
    assert (cleared.revocation_sequence, len(cleared.revocation_digest)) == (0, 64)


def _edit(home, **changes):
    """Change the manifest and have it signed again: an exporter that went wrong."""
    builders.write_manifest(home, builders.read_manifest(home) | changes)
    builders.sign_clearance(home)


def _flip(path, at=-1):
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def _rename(home):
    """A manifest with another name that nobody has signed."""
    builders.write_manifest(home, builders.read_manifest(home) | {"name": "other"})


def _reencode(home):
    manifest = builders.read_manifest(home)
    (home / "manifest.json").write_text(json.dumps(manifest, indent=1))


def _unsign(home):
    path = home / "clearance.dsse.json"
    envelope = json.loads(path.read_bytes())
    path.write_bytes(canonical(envelope | {"signatures": []}))


def _change_payload(home):
    path = home / "clearance.dsse.json"
    path.write_bytes(path.read_bytes().replace(b'"sig":"', b'"sig":"AA'))


def _forge(home):
    """Keep the signature, put other words below it."""
    path = home / "clearance.dsse.json"
    signed = json.loads(path.read_bytes())
    builders.sign_clearance(home, not_after=NOW + timedelta(days=9_000))
    longer = json.loads(path.read_bytes())
    path.write_bytes(canonical(longer | {"signatures": signed["signatures"]}))


def _largest(home):
    return max((home / "data.lance" / "data").rglob("*.lance"), key=lambda one: one.stat().st_size)


def _change_row(home, column, value):
    """Rewrite one value where a whole export would have to be signed again, and list the files."""
    path = home / "data.lance"
    lance.dataset(path).update({column: value}, where="split = 'val'")
    manifest = builders.read_manifest(home)
    data = {"path": "data.lance", "version": lance.dataset(path).version}
    _edit(home, data=data, files=builders.listed_files(home), splits=manifest["splits"])


def _wrong_shard(home, **changes):
    shards = builders.read_manifest(home)["shards"]
    _edit(home, shards=[shards[0] | changes, *shards[1:]])


def _drop_shard(home):
    manifest = builders.read_manifest(home)
    first = manifest["shards"][0]
    _edit(
        home,
        shards=[first],
        splits={"train": first["num_clips"], "val": 0, "test": 0},
        layouts={first["source_id"]: manifest["layouts"][first["source_id"]]},
    )


def _list_fewer(home):
    files = builders.read_manifest(home)["files"]
    kept = [file for file in files if not file["path"].endswith("latest_version_hint.json")]
    _edit(home, files=kept)


def _sized(home):
    files = builders.read_manifest(home)["files"]
    _edit(home, files=[file | {"bytes": file["bytes"] + 1} for file in files])


def _revoke(home, *entries):
    builders.publish_revocations(home, sequence=1, entries=entries)


def _some_clip():
    return builders.tiny_row("birch", 0)["clip_id"]


def _nothing(_home):
    """The set is left as it is; the call is what is wrong."""


USE_WIDER = builders.training_request(release="dataset")

# row, code, what is done to the set, how the gate is called afterwards
CASES = [
    (1, "MANIFEST_MISSING", lambda home: (home / "manifest.json").unlink(), {}),
    (1, "MANIFEST_MISSING", lambda home: (home / "clearance.dsse.json").unlink(), {}),
    (1, "MANIFEST_MISSING", lambda home: _make_folder(home / "manifest.json"), {}),
    (1, "MANIFEST_MALFORMED", lambda home: (home / "manifest.json").write_text("{"), {}),
    (1, "MANIFEST_MALFORMED", _reencode, {}),
    (1, "MANIFEST_MALFORMED", lambda home: _edit(home, extra=1), {}),
    (1, "MANIFEST_MALFORMED", lambda home: _edit(home, request_digest="0" * 64), {}),
    (1, "SCHEMA_UNKNOWN", lambda home: _edit(home, schema="clearway/manifest/9"), {}),
    (2, "UNSIGNED", _unsign, {}),
    (2, "KEY_UNKNOWN", lambda home: builders.sign_clearance(home, OTHER_SECRET), {}),
    (2, "KEY_UNKNOWN", _nothing, {"keys": ()}),
    (2, "SIGNATURE_BAD", _forge, {}),
    (2, "MANIFEST_CHANGED", _rename, {}),
    (3, "NOT_YET_VALID", _nothing, {"now": NOW - timedelta(minutes=6)}),
    (3, "EXPIRED", _nothing, {"now": NOW + timedelta(hours=24)}),
    (3, "EXPIRED", lambda home: _edit(home, not_after="2026-11-24"), {}),
    (3, "EXPIRED", _nothing, {"now": NOW.replace(tzinfo=None)}),
    (
        4,
        "USE_NOT_COVERED",
        _nothing,
        {"use": builders.training_request(release="dataset")},
    ),
    (4, "USE_NOT_COVERED", _nothing, {"use": "train"}),
    (5, "REVOCATIONS_MISSING", lambda home: _list_of(home).unlink(), {}),
    (5, "REVOCATIONS_MISSING", _nothing, {"revocations": "nowhere://x"}),
    (5, "REVOCATIONS_BAD", lambda home: builders.publish_revocations(home, OTHER_SECRET), {}),
    (5, "REVOCATIONS_BAD", lambda home: _list_of(home).write_text("{"), {}),
    (5, "REVOCATIONS_BAD", lambda home: _swap_papers(home), {}),
    (5, "REVOCATIONS_STALE", lambda home: _publish_old(home), {}),
    (5, "REVOCATIONS_ROLLED_BACK", _nothing, {"seen_sequence": 1}),
    (6, "SET_REVOKED", lambda home: _revoke(home, revoked("set", _digest(home), "a" * 64)), {}),
    (7, "FILE_MISSING", lambda home: _largest(home).unlink(), {}),
    (7, "FILE_EXTRA", lambda home: (home / "data.lance" / "data" / "x.lance").touch(), {}),
    (7, "FILE_EXTRA", _list_fewer, {}),
    (7, "FILE_SIZE", _sized, {}),
    (7, "FILE_SIZE", lambda home: _largest(home).write_bytes(b"short"), {}),
    (8, "ROW_CHANGED", lambda home: _change_row(home, "start_ns", "start_ns + 1"), {}),
    (8, "ROW_CHANGED", lambda home: _edit(home, data={"path": "data.lance", "version": 9}), {}),
    (8, "SHARD_CHANGED", lambda home: _wrong_shard(home, digest="0" * 64), {}),
    (8, "SHARD_CHANGED", lambda home: _wrong_shard(home, num_frames=1), {}),
    (8, "SHARD_CHANGED", _drop_shard, {}),
    (8, "SHARD_CHANGED", lambda home: _edit(home, content_digest=combine([])), {}),
    (9, "SHARD_REVOKED", lambda home: _revoke(home, revoked("source", "acorn", "b" * 64)), {}),
    (9, "SHARD_REVOKED", lambda home: _revoke(home, revoked("clip", _some_clip())), {}),
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


def _make_folder(path):
    path.unlink()
    path.mkdir()


def _list_of(home):
    return home.parent.parent / "revocations.dsse.json"


def _swap_papers(home):
    _list_of(home).write_bytes((home / "clearance.dsse.json").read_bytes())


def _publish_old(home):
    builders.publish_revocations(home, now=NOW - timedelta(days=2))


def _digest(home):
    return sha256_hex((home / "manifest.json").read_bytes())


def test_earlier_checks_speak_first(home):
    _rename(home)
    _largest(home).unlink()

    assert refusal(home, now=NOW + timedelta(days=2)).code == "MANIFEST_CHANGED"


def test_use_not_covered_names_the_dimension(home):
    wider = builders.training_request(release="dataset", territory=["WORLD"])

    assert refusal(home, use=wider).subject == "release, territory"


@pytest.mark.parametrize(("kind", "subject"), [("set", None), ("source", "birch")])
def test_a_revoked_set_names_its_successor(home, kind, subject):
    _revoke(home, revoked(kind, subject or _digest(home), "c" * 64))

    assert "c" * 64 in refusal(home).way_out


def test_rows_of_other_sets_may_be_revoked(home):
    _revoke(home, revoked("source", "oak"), revoked("clip", "0" * 32), revoked("set", "d" * 64))

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
            _flip(path, at)
            assert refusal(home).code in {"ROW_CHANGED", "SHARD_CHANGED", "MEDIA_CHANGED"}
            path.write_bytes(whole)
    assert opened(home)


def test_a_big_set_leaves_media_to_the_proof_at_read(home, monkeypatch):
    path = _largest(home)
    media = builders.tiny_row("acorn", 0)["media"]
    _flip(path, path.read_bytes().index(media[:64]) + len(media) // 2)
    monkeypatch.setattr("training.gate.opening.HASHED_AT_START_BYTES", 0)

    assert opened(home)


def test_the_list_may_stand_elsewhere(home, tmp_path):
    other = tmp_path / "list.json"
    _list_of(home).rename(other)

    assert opened(home, revocations=str(other)).revocation_sequence == 0


def test_checking_again_names_the_clips_that_ended(home):
    cleared = opened(home)
    _revoke(home, revoked("source", "acorn"), revoked("clip", _some_clip()))

    standing = gate.check_again(cleared, keys=KEYS, now=NOW)

    acorns = {builders.tiny_row("acorn", at)["clip_id"] for at in range(3)}
    assert standing.dead == acorns | {_some_clip()}
    assert standing.sequence == 1


AGAIN = [
    ("EXPIRED", _nothing, {"now": NOW + timedelta(hours=25)}),
    ("MANIFEST_CHANGED", lambda home: _edit(home, name="other"), {}),
    ("MANIFEST_MISSING", lambda home: (home / "clearance.dsse.json").unlink(), {}),
    ("SET_REVOKED", lambda home: _revoke(home, revoked("set", _digest(home))), {}),
    ("REVOCATIONS_MISSING", lambda home: _list_of(home).unlink(), {}),
    ("REVOCATIONS_ROLLED_BACK", _nothing, {"seen_sequence": 7}),
]


@pytest.mark.parametrize(("code", "harm", "call"), AGAIN)
def test_checking_again_refuses_too(home, code, harm, call):
    cleared = opened(home)
    harm(home)

    with pytest.raises(Refused) as caught:
        gate.check_again(cleared, **({"keys": KEYS, "now": NOW} | call))

    assert caught.value.code == code


def test_a_list_older_than_the_one_at_the_start_is_refused_in_the_run(home):
    builders.publish_revocations(home, sequence=3)
    cleared = opened(home)
    builders.publish_revocations(home, sequence=2)

    with pytest.raises(Refused, match="3 was seen") as caught:
        gate.check_again(cleared, keys=KEYS, now=NOW)

    assert caught.value.code == "REVOCATIONS_ROLLED_BACK"


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


def verified(home, **changes):
    given: dict[str, Any] = {"now": NOW} | changes
    return gate.verify_training_set(home, KEYS, **given)


def test_an_auditor_learns_until_when_a_set_is_cleared(home):
    assert verified(home) == "2026-11-25T12:00:00Z"


def test_an_auditor_needs_no_list_but_one_that_is_named(home, tmp_path):
    _list_of(home).unlink()

    assert verified(home)
    with pytest.raises(Refused, match="is not there") as caught:
        verified(home, revocations=str(tmp_path / "none"))
    assert caught.value.code == "REVOCATIONS_MISSING"


AUDITS = [
    ("MANIFEST_MISSING", lambda home: (home / "manifest.json").unlink(), {}),
    ("FILE_CHANGED", lambda home: _flip(home / "documents" / "NOTICE"), {}),
    ("FILE_CHANGED", lambda home: _flip(_largest(home)), {}),
    ("FILE_EXTRA", lambda home: (home / "note.txt").touch(), {}),
    ("SHARD_REVOKED", lambda home: _revoke(home, revoked("clip", _some_clip())), {}),
    ("EXPIRED", _nothing, {"now": NOW + timedelta(days=1)}),
    ("MANIFEST_MALFORMED", _nothing, {"now": NOW.replace(tzinfo=None)}),
]


@pytest.mark.parametrize(("code", "harm", "call"), AUDITS)
def test_an_audit_refuses_with_the_first_thing_wrong(home, code, harm, call):
    harm(home)

    with pytest.raises(Refused) as caught:
        verified(home, **call)

    assert caught.value.code == code
    assert caught.value.way_out


@pytest.fixture
def bucket(home, monkeypatch):
    """The training set of `home` in a bucket of a local S3 server."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT", endpoint)  # read by lance
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)  # read by pyarrow
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    system, _ = fs.FileSystem.from_uri("s3://sets?allow_bucket_creation=true")
    system.create_dir("sets")
    fs.copy_files(str(home.parents[1]), "sets/all", destination_filesystem=system)
    yield system
    server.stop()


@pytest.mark.slow
def test_a_set_in_a_bucket_passes_the_same_gate(bucket):
    uri = "s3://sets/all/tiny/1"

    assert opened(uri).index.num_rows == 6
    assert verified(uri) == "2026-11-25T12:00:00Z"
    bucket.delete_file("sets/all/tiny/1/clearance.dsse.json")
    assert refusal(uri).code == "MANIFEST_MISSING"
