"""An auditor's way in, and sets that lie in a bucket."""

import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

from tests import builders
from tests.builders import NOW, revoked
from tests.training.conftest import small
from tests.training.gates import KEYS, opened, refusal
from tests.training.harms import flip, largest, list_of, nothing, revoke, some_clip
from training import gate
from training.errors import Refused
from training.loop import Job, train


@pytest.fixture
def home(tmp_path):
    return builders.tiny_training_set(tmp_path, without_video=True)


def verified(home, **changes):
    given: dict[str, Any] = {"now": NOW} | changes
    return gate.verify_training_set(home, KEYS, **given)


def test_an_auditor_learns_until_when_a_set_is_cleared(home):
    assert verified(home) == "2026-11-25T12:00:00Z"


def test_an_auditor_needs_no_list_but_one_that_is_named(home, tmp_path):
    list_of(home).unlink()

    assert verified(home).endswith("revocation is not checked")
    with pytest.raises(Refused, match="is not there") as caught:
        verified(home, revocations=str(tmp_path / "none"))
    assert caught.value.code == "REVOCATIONS_MISSING"


AUDITS = [
    ("MANIFEST_MISSING", lambda home: (home / "manifest.json").unlink(), {}),
    ("FILE_CHANGED", lambda home: flip(home / "documents" / "NOTICE"), {}),
    ("FILE_CHANGED", lambda home: flip(largest(home)), {}),
    ("FILE_EXTRA", lambda home: (home / "note.txt").touch(), {}),
    ("SHARD_REVOKED", lambda home: revoke(home, revoked("clip", some_clip())), {}),
    ("EXPIRED", nothing, {"now": NOW + timedelta(days=1)}),
    ("MANIFEST_MALFORMED", nothing, {"now": NOW.replace(tzinfo=None)}),
]


@pytest.mark.parametrize(("code", "harm", "call"), AUDITS)
def test_an_audit_refuses_with_the_first_thing_wrong(home, code, harm, call):
    harm(home)

    with pytest.raises(Refused) as caught:
        verified(home, **call)

    assert caught.value.code == code
    assert caught.value.way_out


def again(cleared, seen):
    return gate.check_again(cleared, keys=KEYS, now=NOW, seen_sequence=seen)


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


def weights(folder):
    seal = json.loads((folder / "step-00000012" / "checkpoint.json").read_text())
    return [one["sha256"] for one in seal["files"] if one["path"].endswith(".distcp")]


@pytest.mark.slow
def test_a_set_in_a_bucket_passes_the_same_gate_and_trains_the_same(home, bucket, tmp_path):
    uri = "s3://sets/all/tiny/1"
    for name, place in (("local", home), ("bucket", uri)):
        cleared = opened(place)
        train(
            Job(config=small(), cleared=cleared, folder=tmp_path / name),
            watch=partial(again, cleared),
        )

    assert weights(tmp_path / "local") == weights(tmp_path / "bucket")
    assert opened(uri).index.num_rows == 6
    assert verified(uri) == "2026-11-25T12:00:00Z"
    bucket.delete_file("sets/all/tiny/1/clearance.dsse.json")
    assert refusal(uri).code == "MANIFEST_MISSING"
