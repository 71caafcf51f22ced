"""What can go wrong while ingesting: one group pays, the others are published."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import textwrap

import pytest

from catalog.clips import episodes_of
from catalog.engine import open_catalog, reading
from catalog.files import files_of
from pipelines.ingest import work
from pipelines.ingest.station import ingest
from pipelines.lake.commits import commit_batch
from pipelines.lake.datasets import count_rows, dataset_uri
from pipelines.lake.reading import file_ids
from pipelines.readers import spool
from pipelines.records import stream_rows as rows_of
from tests.pipelines.places import NOW, a_home, a_source, events, film


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


def test_a_file_that_changes_while_it_is_read_waits_for_the_next_run(settings, folder, monkeypatch):
    events(folder / "still.jsonl", seed=1)
    moving = events(folder / "moving.jsonl", seed=2)

    def and_then_it_changes(root, group, config, **how):
        result = spool.spool_group(root, group, config, **how)
        if group.files[0].path == "moving.jsonl":
            events(moving, seed=3)
        return result

    monkeypatch.setattr(work, "spool_group", and_then_it_changes)
    report = run(settings)
    assert report.conserved
    assert lines(settings) == {
        "moving.jsonl": ("quarantined", "CHANGED_WHILE_READ"),
        "still.jsonl": ("ingested", ""),
    }
    monkeypatch.undo()
    assert run(settings).num_ingested == 2


def test_a_file_that_fails_for_now_is_tried_again_by_each_run(settings, folder, monkeypatch):
    moving = events(folder / "moving.jsonl", seed=2)
    raw = moving.read_bytes()

    def and_then_it_changes(root, group, config, **how):
        result = spool.spool_group(root, group, config, **how)
        moving.write_bytes(b"{}")
        return result

    monkeypatch.setattr(work, "spool_group", and_then_it_changes)
    for _ in range(2):
        assert run(settings).num_quarantined == 1
        moving.write_bytes(raw)
    monkeypatch.undo()
    assert run(settings).num_ingested == 1


def test_a_group_that_cannot_be_stored_is_quarantined_alone(settings, folder, monkeypatch):
    for k in range(4):
        events(folder / f"log{k}.jsonl", seed=k)
    broken = hashlib.sha256((folder / "log2.jsonl").read_bytes()).hexdigest()

    def and_one_breaks(episode, batch_id):
        if broken in episode.files:
            raise TypeError("a value that no column takes")
        yield from rows_of(episode, batch_id)

    monkeypatch.setattr(spool, "stream_rows", and_one_breaks)
    report = run(settings)
    assert report.conserved
    assert (report.num_ingested, report.num_quarantined) == (3, 1)
    assert lines(settings)["log2.jsonl"] == ("quarantined", "READER_ERROR")
    assert len(file_ids(dataset_uri(settings.lake, "demo", "media"))) == 3


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
