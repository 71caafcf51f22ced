"""The same road for those who outgrow one machine: a bucket as lake, PostgreSQL as catalog."""

from pathlib import Path

import pytest
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner

from pipelines.cli import app

ROOT = Path(__file__).parents[2]
FREEDOOM = ROOT / "docs/examples/demo/vendored/freedoom"
REQUEST = """\
action = "train_generative"
commercial = true
release = "api"
model_kind = "world_model"
territory = ["WORLD"]
streams = ["video", "action"]
"""
REGISTER = (
    ("init", "--operator", "World Lab"),
    ("source", "add", "doom", "--uri", str(FREEDOOM), "--modality", "game",
     "--stream", "video=video", "--stream", "keys=action", "--option", 'action=["keys.*"]'),
    ("rights", "attach", "doom", "--licence", "BSD-3-Clause", "--grade", "E2",
     "--evidence", str(FREEDOOM / "LICENSE.freedoom"),
     "--settled", "publisher, mods, voice, music, terms=see the licence; no sound"),
    ("ingest", "doom", "--at-once", "0"),
)  # fmt: skip


@pytest.fixture
def bucket():
    import boto3

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    client = boto3.client("s3", endpoint_url=address, region_name="us-east-1", **keys)
    client.create_bucket(Bucket="clearway")
    yield {
        "AWS_ENDPOINT": address, "AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    }  # fmt: skip
    client.close()
    server.stop()


@pytest.mark.slow
def test_a_bucket_serves_as_lake(tmp_path, monkeypatch, bucket):
    _stand(monkeypatch, tmp_path, {**bucket, "CLEARWAY_LAKE": "s3://clearway/lake"})
    _road()

    assert "cleared until" in _run("verify", "s3://clearway/training_sets/first/1")
    assert not (tmp_path / "home/lake").exists()


@pytest.mark.slow
def test_postgresql_serves_as_catalog(tmp_path, monkeypatch, empty_postgres):
    _stand(monkeypatch, tmp_path, {"CLEARWAY_CATALOG_URL": empty_postgres})
    _road()

    assert "cleared until" in _run("set", "check", "first")
    assert not (tmp_path / "home/catalog.sqlite").exists()
    assert "whole" in _run("audit", "log", "verify")


def _stand(monkeypatch, folder, environ):
    """Stand in `folder` with these settings and a request at hand."""
    monkeypatch.chdir(folder)
    for name, value in {**environ, "CLEARWAY_HOME": str(folder / "home")}.items():
        monkeypatch.setenv(name, value)
    Path("request.toml").write_text(REQUEST)


def _road():
    for words in REGISTER:
        _run(*words)
    said = _run("set", "export", "first", "--request", "request.toml", "--at-once", "0")

    assert "first@1" in said


def _run(*words):
    done = CliRunner().invoke(app, words)

    assert done.exit_code == 0, f"{words}: {done.exception!r}"
    return done.stdout
