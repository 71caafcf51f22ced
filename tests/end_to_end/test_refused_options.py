"""What a person may mistype, and papers that ran out: a code or a usage error, no traceback."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from licensing.manifest import CLEARANCE_TYPE, instant, moment, open_statement, sign_statement
from pipelines.keys import signing_secret, trusted_publics
from pipelines.settings import read_settings
from tests.end_to_end.conftest import clearway
from tests.pipelines.places import events, film

TRAIN = 'set = "{name}"\nsteps = 2\ntokenizer_steps = 1\nworkers = 1\n'


def code_of(done):
    assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-2].split()[1].rstrip(":")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A home with one source that holds a good log, a good film and four bad files."""
    folder = tmp_path_factory.mktemp("small")
    events(folder / "take/log.jsonl")
    film(folder / "take/good.mp4", seed=1)
    whole = film(folder / "take/cut.mp4", frames=60, seed=2).read_bytes()
    (folder / "take/cut.mp4").write_bytes(whole[: len(whole) // 3])
    (folder / "take/empty.mp4").touch()
    (folder / "take/noise.mp4").write_bytes(bytes(range(256)) * 40)
    (folder / "take/gone.mp4").symlink_to(folder / "nowhere.mp4")
    home = folder / "home"
    clearway(home, "init")
    words = ("source", "add", "take", "--uri", str(folder / "take"), "--modality", "game")
    assert clearway(home, *words).returncode == 0
    return home


@pytest.mark.parametrize(
    "words",
    [
        "clear request.toml --at nonsense",
        "revoke take --at 2026-13-45",
        "ingest take --at-once -1",
        "ui --port 99999",
        "set export x --request y --at-once -1",
    ],
)
def test_a_value_that_is_none_is_wrong_usage(small, words):
    done = clearway(small, *words.split())

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("rights show nobody", "UNKNOWN_ID"),
        ("rights attach take --licence MIT --valid-to 2026-06-30", "TERMS_UNUSED"),
        ("rights attach take --licence MIT --territory DE", "TERMS_UNUSED"),
        ("source add web --uri http://host/x --modality video", "SOURCE_INVALID"),
        ("source add web --uri s3://b/x --modality video --reader vidoe", "SOURCE_INVALID"),
        ("source add web --uri file:///nowhere --modality video", "SOURCE_PATH_MISSING"),
        ("keys export .", "KEY_EXISTS"),
    ],
)
def test_what_cannot_be_meant_is_refused(small, words, code):
    assert code_of(clearway(small, *words.split())) == code
    assert '"web"' not in clearway(small, "source", "list", "--json").stdout


def test_a_number_is_no_case_to_explain(small, tmp_path):
    (tmp_path / "cases.json").write_text("[1]")

    done = clearway(small, "rights", "explain", str(tmp_path / "cases.json"))

    assert code_of(done) == "BAD_CASE:case"


def test_bad_files_are_set_aside_and_the_rest_is_ingested(small):
    done = clearway(small, "ingest", "take", "--at-once", "0", "--json")
    lines = clearway(small, "source", "files", "take").stdout
    held = clearway(small, "quarantine", "list", "take", "--json").stdout.splitlines()

    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert (counts["found"], counts["ingested"], counts["quarantined"]) == (6, 2, 4)
    assert all(name in lines for name in ("cut.mp4", "empty.mp4", "noise.mp4", "gone.mp4"))
    assert len(held) == 4
    assert all('"reason": ""' not in line for line in held)


@pytest.fixture
def copied(demo, tmp_path):
    """A copy of the demo's home without its recordings and runs."""
    others = shutil.ignore_patterns("runs", "lake", "dagster", "scratch")
    with demo.held():
        shutil.copytree(demo.settings.home, tmp_path / "home", ignore=others)
    return tmp_path / "home"


def trained(home, name):
    config = home.parent / "train.toml"
    config.write_text(TRAIN.format(name=name))
    done = clearway(home, "train", str(config))
    assert not (home / "runs").exists()
    return done


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(600)
def test_a_clearance_that_ran_out_is_refused_until_it_is_renewed(copied):
    folder = copied / "training_sets/demo/2"
    _shift(folder / "clearance.dsse.json", read_settings({"CLEARWAY_HOME": str(copied)}))

    assert code_of(clearway(copied, "verify", str(folder))) == "EXPIRED"
    assert code_of(clearway(copied, "set", "check", "demo@2")) == "EXPIRED"
    assert code_of(trained(copied, "demo@2")) == "EXPIRED"
    assert clearway(copied, "set", "renew", "demo@2").returncode == 0
    assert clearway(copied, "verify", str(folder)).returncode == 0


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(600)
def test_the_trainer_refuses_a_revoked_shard_and_names_the_successor(copied):
    done = trained(copied, "demo@1")

    assert code_of(done) == "SHARD_REVOKED"
    assert "northpier-arm" in done.stderr


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(600)
def test_another_home_s_key_opens_nothing(copied, small):
    public = small.parent / "other.pub"
    clearway(small, "keys", "export", str(public))

    done = clearway(copied, "verify", str(copied / "training_sets/demo/2"), "--key", str(public))

    assert code_of(done) == "KEY_UNKNOWN"


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.timeout(600)
def test_a_trainer_does_without_no_revocation_list(copied):
    (copied / "training_sets/revocations.dsse.json").unlink()

    assert code_of(trained(copied, "demo@2")) == "REVOCATIONS_MISSING"


def _shift(path: Path, settings):
    """Sign the same clearance two days earlier, so that it has run out."""
    publics = trusted_publics(settings)
    doc = open_statement(path.read_bytes(), payload_type=CLEARANCE_TYPE, publics=publics)
    for end in ("not_before", "not_after"):
        doc["predicate"][end] = instant(moment(doc["predicate"][end]) - timedelta(days=2))
    path.write_bytes(
        sign_statement(doc, payload_type=CLEARANCE_TYPE, secret=signing_secret(settings))
    )
