"""A source that stands as it was left costs no reading; whatever changes is noticed."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

import catalog
import licensing
import pipelines
from catalog.engine import open_catalog, transaction
from catalog.quarantine import release
from pipelines import storage
from pipelines.ingest import standing as code
from pipelines.ingest.standing import keep, recalled, standing
from pipelines.ingest.station import ingest
from pipelines.scan.hashing import digests_of, remembered
from pipelines.scan.station import scan
from tests.pipelines.places import a_home, a_source, events

LATER = datetime(2120, 1, 1, tzinfo=UTC)  # every file has been quiet for long
FIGURES = {"found": 2, "worked": 0}


@pytest.fixture
def settings(tmp_path):
    return a_home(tmp_path)


@pytest.fixture
def folder(settings, tmp_path):
    folder = a_source(settings, tmp_path / "source")
    events(folder / "a.jsonl", rows=5)
    events(folder / "b.jsonl", rows=5, seed=1)
    return folder


def look(settings, *, now=LATER, decode=True):
    return standing("demo", settings, decode=decode, now=now)


def settle(settings, *, now=LATER):
    before = look(settings, now=now)
    done = ingest("demo", settings, at_once=0, run_id="r", now=now)
    keep(settings, before, look(settings, now=now), figures=FIGURES)
    return done


def same_size(path):
    """Change one byte of a file and set the time of change back to what it was."""
    facts, data = path.stat(), path.read_bytes()
    path.write_bytes(data.replace(b'"key": 1', b'"key": 9'))
    assert path.read_bytes() != data
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


@pytest.mark.usefixtures("folder")
def test_what_stands_as_it_was_left_is_recalled(settings):
    settle(settings)

    assert recalled(settings, look(settings)) == FIGURES
    assert recalled(settings, look(settings, decode=False)) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: same_size(folder / "a.jsonl"),
        lambda folder: events(folder / "c.jsonl", rows=5, seed=2),
        lambda folder: (folder / "a.jsonl").unlink(),
        lambda folder: (folder / "a.jsonl").rename(folder / "moved.jsonl"),
        lambda folder: (folder / "a.jsonl").chmod(0o600),
    ],
    ids=["same size and time", "a new file", "a file gone", "a file moved", "other rights"],
)
def test_a_change_of_the_files_is_noticed(settings, folder, change):
    settle(settings)

    change(folder)

    assert recalled(settings, look(settings)) is None


def test_a_change_of_records_or_lake_is_noticed(settings, folder):
    settle(settings)

    a_source(settings, folder, config={"time_field": "t_ns", "time_unit": "ns"})
    assert recalled(settings, look(settings)) is None

    settle(settings)
    storage.delete_prefix(storage.join(settings.lake, "demo", "streams.lance", "_versions"))
    assert recalled(settings, look(settings)) is None


@pytest.mark.parametrize("package", [catalog, licensing, pipelines])
@pytest.mark.usefixtures("folder")
def test_a_change_of_the_code_that_reads_or_judges_is_noticed(
    settings, package, tmp_path, monkeypatch
):
    (place,) = (one for one in code.CODE if one == Path(package.__file__).parent)
    copy = tmp_path / "code" / place.name
    storage.write_bytes(str(copy / "module.py"), b"")
    monkeypatch.setattr(code, "CODE", [copy if one == place else one for one in code.CODE])
    settle(settings)
    assert recalled(settings, look(settings)) == FIGURES

    storage.write_bytes(str(copy / "module.py"), b"CHANGED = True")

    assert recalled(settings, look(settings)) is None


def test_a_released_file_is_tried_again(settings, folder):
    (folder / "empty.jsonl").write_bytes(b"")
    settle(settings)
    assert recalled(settings, look(settings)) == FIGURES

    with transaction(open_catalog(settings.catalog_url)) as session:
        assert release(session, "demo", "empty.jsonl", run_id="r", now=LATER)

    assert recalled(settings, look(settings)) is None


def test_nothing_is_kept_of_files_that_may_yet_change_unseen(settings, folder):
    just_now = datetime.fromtimestamp((folder / "a.jsonl").stat().st_ctime, tz=UTC)

    settle(settings, now=just_now)

    assert recalled(settings, look(settings, now=just_now)) is None
    assert not remembered(digests_of(settings, "demo"))


def test_nothing_is_kept_when_a_file_changed_during_the_run(settings, folder):
    before = look(settings)
    ingest("demo", settings, at_once=0, run_id="r", now=LATER)
    events(folder / "late.jsonl", rows=5, seed=7)

    keep(settings, before, look(settings), figures=FIGURES)

    assert recalled(settings, look(settings)) is None


def fake_digests(settings):
    """Write other digests into what is remembered, to show who relies on it."""
    kept = digests_of(settings, "demo")
    lines = kept.read_text().splitlines()
    kept.write_text("\n".join(f"{line[:-4]}0000" for line in lines))
    return kept


def test_a_file_is_hashed_once_and_again_only_when_it_changed(settings, folder):
    first = scan("demo", settings, now=LATER, run_id="r")
    kept = fake_digests(settings)
    same_size(folder / "a.jsonl")

    second = scan("demo", settings, now=LATER, run_id="r")

    changed, same = second.found
    assert changed.sha256 not in {first.found[0].sha256, f"{first.found[0].sha256[:-4]}0000"}
    assert same.sha256 == f"{first.found[1].sha256[:-4]}0000"
    assert "jsonl" not in kept.read_text()  # nothing kept names a file


@pytest.mark.parametrize("harm", ["", "1 2 3", "a b c d e f", "\xff"])
@pytest.mark.usefixtures("folder")
def test_digests_that_cannot_be_read_are_made_anew(settings, harm):
    first = scan("demo", settings, now=LATER, run_id="r")
    digests_of(settings, "demo").write_text(harm, encoding="utf-8")

    assert scan("demo", settings, now=LATER, run_id="r") == first
    assert len(remembered(digests_of(settings, "demo"))) == 2


@pytest.mark.usefixtures("folder")
def test_digests_are_made_anew_after_a_file_was_not_what_they_said(settings):
    scan("demo", settings, now=LATER, run_id="r")
    kept = fake_digests(settings)

    done = ingest("demo", settings, at_once=0, run_id="r", now=LATER)
    assert (done.num_ingested, done.num_quarantined) == (0, 2)
    assert not kept.exists()

    done = ingest("demo", settings, at_once=0, run_id="r", now=LATER)
    assert (done.num_ingested, done.num_quarantined) == (2, 0)
