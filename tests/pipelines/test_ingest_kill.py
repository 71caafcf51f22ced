"""Kill `ingest` anywhere and run it again: the lake and the catalog are as without the kill."""

from __future__ import annotations

import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from catalog.audit import verify_log
from catalog.clips import episodes_of
from catalog.engine import open_catalog, reading
from catalog.files import file_line, files_of
from catalog.quarantine import quarantined
from pipelines.ingest.station import ingest
from pipelines.lake.datasets import dataset_uri, open_dataset
from pipelines.lake.reading import scan_columns
from pipelines.storage import join, list_files
from tests.pipelines.defs.world import launched_here
from tests.pipelines.ingest_child import small_batches
from tests.pipelines.places import NOW, a_home, a_source, events, film

LEDGER_STEPS = 14  # two batches of six steps, one with figures: two more; before and after each
CALLS = 3_000
COMMITS = 11  # transactions of one ingest that write


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    for k in range(2):
        events(folder / f"log{k}.jsonl", rows=20 + k, seed=k)
    (folder / "again.jsonl").write_bytes((folder / "log0.jsonl").read_bytes())
    film(folder / "film.mp4")
    (folder / "broken.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    (folder / "LICENSE").write_text("MIT")
    return folder


@pytest.fixture(scope="module")
def expected(corpus, tmp_path_factory):
    return state(corpus, a_home(tmp_path_factory.mktemp("unharmed")))


def state(corpus, settings):
    """Ingest to the end and tell all that must be the same."""
    a_source(settings, corpus)
    with pytest.MonkeyPatch.context() as patched:
        small_batches(patched.setattr)
        report = ingest("demo", settings, at_once=0, run_id="after", now=NOW)
    assert report.conserved
    media, streams, frames = (
        dataset_uri(settings.lake, "demo", name) for name in ("media", "streams", "frames")
    )
    with reading(open_catalog(settings.catalog_url)) as session:
        assert verify_log(session).broken == ()
        return {
            "digest": report.digest,
            "files": [file_line(one) for one in files_of(session, "demo")],
            "episodes": sorted(one.episode_id for one in episodes_of(session, "demo")),
            "held": sorted(one.path for one in quarantined(session, "demo")),
            "pieces": sorted(scan_columns(media, ["file_id", "piece"]).to_pylist(), key=str),
            "chunks": sorted(scan_columns(streams, ["chunk_id"])["chunk_id"].to_pylist()),
            "figures": sorted(scan_columns(frames, ["sha256"])["sha256"].to_pylist()),
            "dead files": dead_files(media) | dead_files(streams) | dead_files(frames),
        }


def dead_files(uri):
    dataset = open_dataset(uri)
    live = {file.path for one in dataset.get_fragments() for file in one.data_files()}
    there = (Path(one.path) for one in list_files(join(uri, "data")))
    owners = {str(path if path.suffix == ".lance" else f"{path.parent}.lance") for path in there}
    return owners - live


def ran(home, point, at_once=0):
    """Run the child to its end, or to its death."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.pipelines.ingest_child", str(home), point, str(at_once)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done


def killed(home, point, at_once=0):
    """Run the child; tell whether it was killed before its end."""
    return ran(home, point, at_once).returncode == -signal.SIGKILL


def worker_killed(home, milliseconds):
    """Run the child; tell whether a worker of Ray was killed, and the child went on to its end."""
    done = ran(home, f"worker:{milliseconds}", at_once=2)
    return done.returncode == 0 and "killed " in done.stdout


def step_killed(settings, line):
    """Launch the step that ingests; kill it when it has told so many lines."""
    with launched_here(settings, "demo") as launched:
        told = (one for one in launched.stdout or () if '"step": "streams"' in one)
        for _ in islice(told, line):
            pass
        launched.kill()
    return launched.returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("point", ["ledger:4", "ledger:6", "sql:9", "ledger:19", "call:700"])
def test_a_kill_leaves_nothing_that_the_next_run_does_not_mend(corpus, expected, tmp_path, point):
    settings = a_home(tmp_path)
    a_source(settings, corpus)
    assert killed(settings.home, point)
    assert state(corpus, settings) == expected


@pytest.mark.slow
@pytest.mark.ray
def test_a_worker_that_is_killed_costs_an_attempt_and_nothing_else(corpus, expected, tmp_path):
    settings = a_home(tmp_path)
    a_source(settings, corpus)
    assert worker_killed(settings.home, 20)
    assert state(corpus, settings) == expected


@pytest.mark.slow
def test_a_kill_of_a_step_of_dagster_is_mended(corpus, expected, tmp_path):
    settings = a_home(tmp_path)
    a_source(settings, corpus)
    assert step_killed(settings, line=3)
    assert state(corpus, settings) == expected


@pytest.mark.soak
@pytest.mark.ray
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("milliseconds", [0, 1, 3, 10, 30, 100, 200, 400])
def test_a_worker_that_is_killed_at_odd_times(corpus, expected, tmp_path, milliseconds):
    settings = a_home(tmp_path)
    a_source(settings, corpus)
    assert worker_killed(settings.home, milliseconds)
    assert state(corpus, settings) == expected


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("line", range(1, 9))
def test_a_kill_at_every_line_of_a_step_of_dagster(corpus, expected, tmp_path, line):
    settings = a_home(tmp_path)
    a_source(settings, corpus)
    assert step_killed(settings, line=line)
    assert state(corpus, settings) == expected


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("point", [f"ledger:{k}" for k in range(1, 2 * LEDGER_STEPS + 1)])
def test_every_ledger_step(corpus, expected, tmp_path, point):
    settings = a_home(tmp_path)
    a_source(settings, corpus)
    assert killed(settings.home, point)
    assert state(corpus, settings) == expected


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("first", range(1, CALLS, 97))
def test_killed_again_and_again_at_odd_places(corpus, expected, tmp_path, first):
    settings = a_home(tmp_path)
    a_source(settings, corpus)
    for point in (first, CALLS - first, first // 2 + 1):
        killed(settings.home, f"call:{point}")
    assert state(corpus, settings) == expected


@pytest.mark.soak
@pytest.mark.ray
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("point", ["ledger:4", "ledger:5", "ledger:8", "ledger:20"])
def test_a_kill_while_ray_works(corpus, expected, tmp_path, point):
    settings = a_home(tmp_path)
    a_source(settings, corpus)
    assert killed(settings.home, point, at_once=2)
    assert state(corpus, settings) == expected


@pytest.mark.soak
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("point", [f"sql:{k}" for k in range(1, COMMITS + 1)])
def test_every_commit_of_the_catalog(corpus, expected, tmp_path, point):
    settings = a_home(tmp_path)
    a_source(settings, corpus)
    assert killed(settings.home, point)
    assert state(corpus, settings) == expected
