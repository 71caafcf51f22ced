"""A disk that is full and a bucket that says no: a typed error, and nothing that the gate takes."""

from __future__ import annotations

import threading
from dataclasses import replace
from uuid import uuid4

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from pyarrow import fs
from werkzeug.serving import make_server

from licensing.errors import ClearwayError
from licensing.request import read_request
from pipelines.export import export_set
from pipelines.keys import trusted_publics
from pipelines.render import RenderSpec
from pipelines.revocations import publish_revocations
from pipelines.storage import list_files
from tests.pipelines.full_disk import files_of_at_most
from tests.pipelines.small_world import COMMERCIAL, MIT, NOW, add_source, make_world
from training.errors import Refused
from training.gate import open_training_set


def export(world):
    return export_set(
        "demo",
        "commercial",
        world,
        spec=RenderSpec(width=32, height=32),
        at_once=0,
        run_id="test",
        now=NOW,
    )


def refused(world):
    """The code with which an export ends; the gate takes nothing of what it left."""
    with pytest.raises(ClearwayError) as caught:
        export(world)
    with pytest.raises(Refused):
        opened(world, world.set_uri("demo", 1))
    return caught.value.code


def opened(world, uri):
    keys = trusted_publics(world)
    return open_training_set(uri, read_request(COMMERCIAL), keys=keys, now=NOW)


def is_whole(world):
    """Export again; the set is taken, and nothing stands beside it that it does not list."""
    done = export(world)
    manifest = opened(world, done.uri).manifest
    listed = {one["path"] for one in manifest["files"]} | {"manifest.json", "clearance.dsse.json"}
    found = {one.path for one in list_files(world.training_sets)}
    return found == {*(f"demo/{done.version}/{one}" for one in listed), "revocations.dsse.json"}


@pytest.mark.parametrize("size_bytes", [100, 2_000, 8_000], ids=["head", "document", "rows"])
def test_a_full_disk_is_said_and_the_next_run_repairs(postgres, tmp_path, size_bytes):
    world = make_world(tmp_path, catalog_url=postgres)  # SQLite would be full before
    add_source(world, "open", [MIT], seconds=20)
    with files_of_at_most(size_bytes):
        assert refused(world) == "DISK_FULL"
    assert is_whole(world)


@pytest.fixture
def store(monkeypatch):
    """A bucket of a local S3 server, and the answers to the next writes whose path has a word."""
    inside = DomainDispatcherApplication(create_backend_app)
    answers: list[tuple[str, str, bool]] = []

    def answered(environ, start_response):
        path = environ["PATH_INFO"]
        writes = environ["REQUEST_METHOD"] in {"PUT", "POST"} and "/training_sets/" in path
        for number, (word, status, is_once) in enumerate(answers):
            if writes and word in path:
                del answers[number : number + is_once]
                environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                start_response(status, [("Content-Type", "application/xml")])
                return [f"<Error><Code>{status[4:].replace(' ', '')}</Code></Error>".encode()]
        return inside(environ, start_response)

    server = make_server("127.0.0.1", 0, answered, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.port}"
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT", address),
        ("AWS_ENDPOINT_URL", address),
        ("AWS_ALLOW_HTTP", "true"),
    ):
        monkeypatch.setenv(name, value)
    yield answers
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def world(tmp_path, store):
    assert store == []
    bucket = f"sets-{uuid4().hex}"  # the server's buckets outlive a test: each has its own
    system, _ = fs.FileSystem.from_uri(f"s3://{bucket}?allow_bucket_creation=true")
    system.create_dir(bucket)
    world = replace(make_world(tmp_path), lake=f"s3://{bucket}/lake")
    publish_revocations(world, now=NOW)
    add_source(world, "open", [MIT])
    return world


@pytest.mark.slow
@pytest.mark.parametrize("word", ["/data.lance/data/", "/documents/"])
def test_one_answer_of_503_costs_a_second_try(world, store, word):
    store.append((word, "503 Slow Down", True))
    assert is_whole(world)
    assert store == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("word", "status", "code"),
    [
        ("/data.lance/_versions/", "403 Forbidden", "STORE_REFUSED"),
        ("/data.lance/data/", "403 Forbidden", "LAKE_UNWRITABLE"),
        pytest.param("/documents/", "403 Forbidden", "STORE_REFUSED", marks=pytest.mark.soak),
        pytest.param("/documents/", "503 Slow Down", "STORE_REFUSED", marks=pytest.mark.soak),
        pytest.param("/manifest.json", "403 Forbidden", "STORE_REFUSED", marks=pytest.mark.soak),
        ("/clearance.dsse.json", "403 Forbidden", "STORE_REFUSED"),
    ],
)
def test_a_bucket_that_says_no_is_said_and_the_next_run_repairs(world, store, word, status, code):
    store.append((word, status, False))
    assert refused(world) == code
    store.clear()
    assert is_whole(world)
