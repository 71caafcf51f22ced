"""What can go wrong while ingesting: one group pays, the others are published."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import pytest

from catalog.clips import episodes_of
from catalog.engine import open_catalog, reading
from catalog.files import file_line, files_of
from pipelines.ingest.station import ingest
from pipelines.lake.commits import commit_batch
from pipelines.lake.datasets import count_rows, dataset_uri
from pipelines.lake.reading import file_ids
from pipelines.lake.streams import read_streams
from tests.pipelines.places import EVENTS_CONFIG, NOW, a_home, a_source, events, film
from tests.pipelines.readers import many


@pytest.fixture
def settings(tmp_path):
    return a_home(tmp_path)


@pytest.fixture
def folder(settings, tmp_path):
    return a_source(settings, tmp_path / "source")


def run(settings, *, at_once=0):
    return ingest("demo", settings, at_once=at_once, run_id="r1", now=NOW)


def lines(settings):
    with reading(open_catalog(settings.catalog_url)) as session:
        return {one.path: (one.status, one.reason) for one in files_of(session, "demo")}


FULL = """
    import resource, sys
    from pathlib import Path
    from pipelines.errors import LakeError
    from pipelines.ingest.station import ingest
    from pipelines.settings import Settings
    from tests.pipelines.places import NOW
    home = Path({home!r})
    settings = Settings(
        home=home, catalog_url=f"sqlite:///{{home}}/catalog.sqlite", lake=str(home / "lake")
    )
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 << 20, 2 << 20))
    try:
        ingest("demo", settings, at_once=0, run_id="full", now=NOW)
    except LakeError as error:
        print(error.code)
        sys.exit(1)
"""


@pytest.mark.slow
def test_a_full_disk_stops_with_nothing_half_published_and_the_next_run_repairs(settings, folder):
    large = [json.dumps({"t_ns": k + 1, "x": 1.0, "note": "n" * 100_000}) for k in range(40)]
    (folder / "large.jsonl").write_text("\n".join(large))
    events(folder / "small.jsonl")
    script = textwrap.dedent(FULL.format(home=str(settings.home)))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (1, "DISK_FULL"), done.stderr
    assert [count_rows(dataset_uri(settings.lake, "demo", n)) for n in ("media", "streams")] == [
        0,
        0,
    ]
    report = run(settings)
    assert report.conserved
    assert (report.num_ingested, report.num_episodes) == (2, 2)


def written(folder, **texts):
    """Write files for the reader of tests."""
    for name, text in texts.items():
        (folder / f"{name}.many").write_text(text)


def test_a_file_that_changes_while_it_is_read_waits_for_the_next_run(settings, folder, monkeypatch):
    many.register(monkeypatch)
    written(folder, still="one 5\n", moving="two 5\ngrow\n")
    for _ in range(2):  # it grows again, and is tried again by each run
        report = run(settings)
        assert report.conserved
        assert lines(settings) == {
            "moving.many": ("quarantined", "CHANGED_WHILE_READ"),
            "still.many": ("ingested", ""),
        }
    written(folder, moving="two 5\n")
    assert run(settings).num_ingested == 2


def test_a_group_that_cannot_be_stored_is_quarantined_alone(settings, folder, monkeypatch):
    many.register(monkeypatch)
    written(folder, a="one 5\n", b="two 6\nodd 7\n", c="three 8\n")
    report = run(settings)
    assert report.conserved
    assert (report.num_ingested, report.num_quarantined) == (2, 1)
    assert lines(settings)["b.many"] == ("quarantined", "READER_ERROR")
    assert len(file_ids(dataset_uri(settings.lake, "demo", "media"))) == 2


HARM = {
    "signal SIGSEGV": "DECODER_CRASH",
    "signal SIGKILL": "OUT_OF_MEMORY",
    "exit 1": "DECODER_CRASH",
    "eat": "OUT_OF_MEMORY",
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("harm", "time_limit_s"), [(HARM, 60), ({"hang": "DECODER_TIMEOUT"}, 10)], ids=["harm", "hang"]
)
def test_a_file_that_harms_its_process_pays_alone_and_the_run_goes_on(
    settings, folder, tmp_path, monkeypatch, harm, time_limit_s
):
    many.register(monkeypatch)
    a_source(
        settings,
        tmp_path / "source",
        config={"time_limit_s": time_limit_s, "memory_limit_mb": 400},
    )
    texts = {f"bad{number}": f"one 5\n{what}\n" for number, what in enumerate(harm)}
    written(folder, first="one 6\n", **texts, last="one 7\n")

    report = run(settings)

    assert report.conserved
    assert report.num_episodes == 2
    assert lines(settings) == {
        "first.many": ("ingested", ""),
        **{f"bad{n}.many": ("quarantined", why) for n, why in enumerate(harm.values())},
        "last.many": ("ingested", ""),
    }
    assert run(settings).num_worked == 0


def test_a_kill_of_the_process_that_decodes_changes_nothing(
    settings, folder, tmp_path, monkeypatch
):
    many.register(monkeypatch)
    written(folder, a=f"one 5\nonce {tmp_path}/there\n", b="two 6\n")
    unharmed = run(settings).digest
    again = a_home(tmp_path / "again")
    a_source(again, folder)
    (tmp_path / "there").touch()

    report = run(again)

    assert not (tmp_path / "there").exists()
    assert (report.num_ingested, report.digest) == (2, unharmed)


@pytest.mark.ray
@pytest.mark.slow
def test_limits_hold_on_workers_too(settings, folder, tmp_path):
    for number in range(3):
        film(folder / f"{number}.mp4", seed=number)
    a_source(settings, tmp_path / "source", config={"time_limit_s": 0.001})

    report = run(settings, at_once=2)

    assert report.conserved
    assert set(lines(settings).values()) == {("quarantined", "DECODER_TIMEOUT")}


def test_bytes_that_hang_the_library_while_it_looks_at_them_are_quarantined(
    settings, folder, tmp_path
):
    (folder / "noise.bin").write_bytes(bytes(range(256)) * 8)
    events(folder / "good.jsonl")
    a_source(settings, tmp_path / "source", config={**EVENTS_CONFIG, "memory_limit_mb": 1})

    run(settings)

    assert lines(settings)["noise.bin"] == ("quarantined", "OUT_OF_MEMORY")


def test_many_episodes_of_one_file_are_stored_each_with_its_rows(settings, folder, monkeypatch):
    many.register(monkeypatch)
    written(folder, a="".join(f"demo_{number} {number + 2}\n" for number in range(50)))

    report = run(settings)

    with reading(open_catalog(settings.catalog_url)) as session:
        (line,) = files_of(session, "demo")
        by_id = {one.episode_id: one for one in episodes_of(session, "demo")}
    assert report.num_episodes == len(line.episodes) == len(by_id) == 50
    assert (line.num_messages, file_line(line)["duration_s"]) == (1325, 13.25)
    assert by_id[line.episodes[7]].notes["part"] == "demo_7"
    uri = dataset_uri(settings.lake, "demo", "streams")
    assert [len(one.ts_ns) for one in read_streams(uri, line.episodes[7])] == [9]
    assert run(settings).num_worked == 0


def test_two_groups_that_come_to_the_same_episode_store_it_once(settings, folder):
    for name in ("a", "b"):
        events(folder / name / "play.jsonl")
        whole = film(folder / name / "play.mp4", frames=40, seed=ord(name)).read_bytes()
        (folder / name / "play.mp4").write_bytes(whole[: len(whole) * 2 // 3])
    report = run(settings)
    assert report.conserved
    assert report.num_quarantined >= 2
    with reading(open_catalog(settings.catalog_url)) as session:
        assert len(episodes_of(session, "demo")) == report.num_episodes
    run(settings)


def test_a_commit_of_what_was_never_written_is_refused(settings, folder):
    from catalog.engine import open_catalog as opened
    from pipelines.errors import LakeError
    from pipelines.ingest.ledger import CatalogLedger

    events(folder / "one.jsonl")
    run(settings)
    ledger = CatalogLedger(opened(settings.catalog_url), source_id="demo", now=NOW)
    uri = dataset_uri(settings.lake, "demo", "streams")
    with pytest.raises(LakeError, match="no fragments on record"):
        commit_batch(uri, ledger=ledger, batch_id="nobody", run_id="r1")
    with pytest.raises(LakeError, match="never planned"):
        ledger.verified("streams", "nobody")
