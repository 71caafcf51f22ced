"""Bad input gets a code, a way out and exit code 1, and leaves nothing half-written."""

import json
import shutil
import sqlite3
import time

import pytest

from tests.end_to_end.conftest import clearway

REQUEST = 'action = "train_generative"\ncommercial = true\nrelease = "api"\n'


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with one source of one small log, without any rights."""
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "logs").mkdir()
    rows = [json.dumps({"t_ns": at * 10**8, "x": at}) for at in range(50)]
    (folder / "logs/log.jsonl").write_text("\n".join(rows))
    (folder / "request.toml").write_text(REQUEST)
    run(folder, "init")
    run(folder, "source", "add", "logs", "--uri", str(folder / "logs"), "--modality", "game")
    return folder


def run(folder, *words, **environ):
    done = clearway(folder / "home", *words, **environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(folder, *words, **environ):
    """Run what must be refused; return the code that it named."""
    done = clearway(folder / "home", *words, **environ)
    assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
    first, second = done.stderr.splitlines()[-2:]
    assert first.startswith("error ")
    assert second.startswith("  way out: ")
    return first.split()[1].rstrip(":")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("source add x --uri /nowhere --modality video", "SOURCE_PATH_MISSING"),
        ("source add --file nowhere.toml", "FILE_UNREADABLE"),
        ("source show nobody", "UNKNOWN_ID"),
        ("rights attach logs --licence Whatever-9.9", "LICENCE_UNKNOWN"),
        (
            "rights attach logs --contract A --valid-from 2026-05-02 --valid-to 2026-05-01",
            "VALID_RANGE",
        ),
        ("clear nobody", "UNKNOWN_ID"),
        ("ingest nobody", "UNKNOWN_ID"),
        ("audit trace nothing", "UNKNOWN_ID"),
        ("revoke nobody", "UNKNOWN_ID"),
        ("set show nothing", "UNKNOWN_ID"),
        ("train nowhere.toml", "CONFIG_INVALID"),
        ("evaluate nothing", "UNKNOWN_ID"),
        ("verify nowhere", "MANIFEST_MISSING"),
    ],
)
def test_each_is_refused_with_its_code(home, words, code):
    assert refused(home, *words.split()) == code


def test_a_request_with_an_unknown_key_names_the_nearest(home):
    wrong = home / "wrong.toml"
    wrong.write_text(REQUEST.replace("release", "relaese"))

    done = clearway(home / "home", "clear", str(wrong))

    assert done.returncode == 1
    assert "relaese" in done.stderr
    assert "release" in done.stderr.replace("relaese", "")


@pytest.mark.slow
def test_nothing_cleared_leaves_no_training_set(home):
    run(home, "ingest", "logs", "--at-once", "0")
    words = ("set", "export", "none", "--request", str(home / "request.toml"), "--at-once", "0")

    assert refused(home, *words) == "NOTHING_CLEARED"
    assert not (home / "home/training_sets/none").exists()
    assert run(home, "set", "list", "--json") == ""


def test_a_ray_that_does_not_answer_is_refused_in_seconds(home):
    (home / "logs/more.jsonl").write_text('{"t_ns": 1, "x": 1}\n{"t_ns": 2, "x": 2}')
    began = time.monotonic()

    code = refused(home, "ingest", "logs", "--at-once", "2", RAY_ADDRESS="127.0.0.1:9")

    assert code == "RAY_UNREACHABLE"
    assert time.monotonic() - began < 20  # with the start of the process
    run(home, "ingest", "logs", "--at-once", "0")


def test_a_catalog_of_a_newer_version_is_left_alone(home, tmp_path):
    shutil.copytree(home / "home", tmp_path / "home")
    with sqlite3.connect(tmp_path / "home/catalog.sqlite") as database:
        database.execute("UPDATE alembic_version SET version_num = 'zzzz'")
    database.close()

    assert refused(tmp_path, "source", "list") == "CATALOG_NEWER"
    assert refused(tmp_path, "init") == "CATALOG_NEWER"


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("harm", "code"),
    [
        ("flip a byte", "FILE_CHANGED MEDIA_CHANGED ROW_CHANGED SHARD_CHANGED"),
        ("add a file", "FILE_EXTRA"),
        ("drop a file", "FILE_MISSING"),
        ("change the manifest", "MANIFEST_CHANGED"),
        ("drop the signature", "UNSIGNED"),
        ("another's signature", "MANIFEST_CHANGED"),
        ("drop the clearance", "MANIFEST_MISSING"),
    ],
)
def test_a_harmed_training_set_is_refused_by_verify_and_by_the_trainer(demo, tmp_path, harm, code):
    home = tmp_path / "home"
    others = shutil.ignore_patterns("runs", "lake", "dagster", "demo-*", "scratch")
    with demo.held():
        shutil.copytree(demo.settings.home, home, ignore=others)
    folder = home / "training_sets/demo/2"
    _do(harm, folder, home / "training_sets/demo/1")
    config = tmp_path / "train.toml"
    config.write_text('set = "demo@2"\nsteps = 2\ntokenizer_steps = 1\nworkers = 1\n')

    assert refused(tmp_path, "verify", str(folder)) in code.split()
    assert refused(tmp_path, "train", str(config)) in code.split()
    assert not (home / "runs").exists()


def _do(harm, folder, other):
    clearance = folder / "clearance.dsse.json"
    if harm == "flip a byte":
        path = max(folder.rglob("*.lance"), key=lambda one: one.stat().st_size * one.is_file())
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 3] ^= 1
        path.write_bytes(raw)
    elif harm == "add a file":
        (folder / "data.lance/data/more.lance").write_bytes(b"more")
    elif harm == "drop a file":
        next((folder / "data.lance/data").iterdir()).unlink()
    elif harm == "change the manifest":
        manifest = folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace('"version":2', '"version":3', 1))
    elif harm == "drop the signature":
        unsigned = {**json.loads(clearance.read_text()), "signatures": []}
        clearance.write_text(json.dumps(unsigned, sort_keys=True, separators=(",", ":")))
    elif harm == "another's signature":
        shutil.copy(other / "clearance.dsse.json", clearance)
    else:
        clearance.unlink()
