"""The sensor on buckets: what arrives there is taken up, and one that refuses stops nobody."""

import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pyarrow.fs as pafs
import pytest

from catalog.sources import Source, register_source
from pipelines import storage
from pipelines.scan.station import scan
from tests.pipelines.defs.test_arrivals import keys_of, tick, ticks
from tests.pipelines.defs.world import NOW, add_sources, writing

REFUSED = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>no</Message></Error>"


@pytest.fixture(scope="module")
def server():
    made = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    made.start()
    yield "http://{}:{}".format(*made.get_host_and_port())
    made.stop()


@pytest.fixture
def asked(server, monkeypatch):
    """Ask the store of the tests, or another one."""

    def of(address):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    of(server)
    return of


@pytest.fixture
def watched(settings, instance, tmp_path, asked):
    """A source in a folder and two in a bucket, as they were scanned; the addresses of those."""
    assert asked
    bucket = f"arrivals-{uuid4().hex}"  # the server's buckets outlive a test
    pafs.FileSystem.from_uri("s3://x?allow_bucket_creation=true")[0].create_dir(bucket)
    add_sources(settings, tmp_path, ["here"])
    found = {"here": str(tmp_path / "here")}
    for name in ("far", "there"):
        found[name] = f"s3://{bucket}/{name}"
        storage.write_bytes(f"{found[name]}/a.jsonl", b'{"t": 1}\n')
        with writing(settings) as session:
            register_source(session, Source(source_id=name, uri=found[name], modality="game"),
                            now=NOW)  # fmt: skip
    instance.add_dynamic_partitions("source", list(found))
    for name in found:
        scan(name, settings, now=NOW, run_id="r")
    return found


@contextmanager
def refusing():
    """A store that refuses whatever is asked of it."""

    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(403)
            self.send_header("Content-Length", str(len(REFUSED)))
            self.end_headers()
            self.wfile.write(REFUSED)

        def log_message(self, *_):
            return

    made = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{made.server_port}"
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


def test_what_arrives_in_a_bucket_is_taken_up_at_the_second_tick_however_late(
    watched, settings, instance
):
    assert ticks(instance, 2).skip_reason.skip_message == "nothing arrived in 3 places"

    storage.write_bytes(f"{watched['far']}/new.jsonl", b'{"t": 2}\n')

    first = tick(instance)
    assert "in far" in first.skip_reason.skip_message
    storage.write_bytes(f"{watched['far']}/newer.jsonl", b'{"t": 3}\n')  # somebody still writes
    second = tick(instance, first.cursor)
    assert not second.run_requests
    assert keys_of(tick(instance, second.cursor)) == ["far"]
    scan("far", settings, now=NOW, run_id="r")
    assert not ticks(instance, 2).run_requests
    storage.write_bytes(f"{watched['far']}/new.jsonl", b'{"t": 2, "more": 1}\n')
    assert keys_of(ticks(instance, 2)) == ["far"]


def test_a_bucket_that_refuses_is_named_and_stops_nobody_and_loses_nothing(
    watched, settings, instance, asked, server
):
    storage.write_bytes(f"{watched['far']}/new.jsonl", b'{"t": 2}\n')
    with refusing() as address:
        asked(address)
        quiet = ticks(instance, 2)
        storage.write_bytes(f"{watched['here']}/new.jsonl", b'{"t": 2}\n')
        busy = ticks(instance, 2)
    asked(server)

    assert not quiet.run_requests
    said = quiet.skip_reason.skip_message
    assert said.startswith("nothing arrived in 1 places; SOURCE_REFUSED: source far: s3://")
    assert "ACCESS_DENIED" in said
    assert "source there" in said
    assert keys_of(busy) == ["here"]
    scan("here", settings, now=NOW, run_id="r")
    assert keys_of(ticks(instance, 2)) == ["far"]


@pytest.mark.slow
def test_a_store_that_does_not_answer_is_asked_once_a_tick(watched, instance, asked):
    asked("http://127.0.0.1:9")
    said = tick(instance).skip_reason.skip_message
    assert "here" in watched
    assert said.startswith("nothing arrived in 1 places; SOURCE_UNREACHABLE: source far: ")
    assert "source there" not in said
