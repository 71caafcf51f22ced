"""Some of the lake read back: what is whole passes, a turned byte and a lost file are named."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from catalog.engine import open_catalog, source_lock
from pipelines.cli import app
from pipelines.ingest.station import ingest
from pipelines.keys import make_keys
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.reading import scan_columns
from pipelines.sample import sample_lake
from tests.pipelines.places import NOW, a_home, a_source, events


@pytest.fixture
def settings(tmp_path):
    """A home with two sources of three files each."""
    settings = a_home(tmp_path)
    make_keys(settings)
    for number, name in enumerate(("east", "west")):
        folder = a_source(settings, tmp_path / name, source_id=name)
        for each in range(3):
            events(folder / f"{each}.jsonl", rows=9, seed=10 * number + each)
        ingest(name, settings, at_once=0, run_id="r", now=NOW)
    return settings


def turn_a_byte(settings, name, content, *, dataset="media"):
    """Turn one byte of stored content, wherever in the source's lake it lies."""
    for path in Path(settings.lake, name, f"{dataset}.lance").rglob("*"):
        if path.is_file() and content in (data := path.read_bytes()):
            path.write_bytes(data.replace(content, bytes([content[0] ^ 1]) + content[1:]))
            return
    raise AssertionError(f"{content!r} is stored nowhere")


def said(found):
    return [(one.part, one.subject, one.what) for one in found.findings]


def test_what_is_whole_passes_and_every_source_has_its_share(settings):
    found = sample_lake(settings, num=4, seed="monday")
    everything = sample_lake(settings, num=1_000, seed="monday")
    by_day = {sample_lake(settings, num=1, seed=day).num_bytes for day in "abcdefgh"}
    with source_lock(open_catalog(settings.catalog_url), "east", settings.locks_dir):
        meanwhile = sample_lake(settings, num=100, seed="")

    assert (found.num_pieces, found.num_rows, found.num_sources, said(found)) == (4, 4, 2, [])
    assert (everything.num_pieces, said(everything)) == (6, [])
    assert everything.num_rows >= 6
    assert everything.num_bytes > found.num_bytes > 0
    assert found == sample_lake(settings, num=4, seed="monday")
    assert len(by_day) > 1
    assert (meanwhile.num_pieces, said(meanwhile)) == (3, [])  # who writes is left in peace


def test_a_turned_byte_and_a_lost_file_are_named_and_the_verb_exits_with_1(
    settings, tmp_path, monkeypatch
):
    turn_a_byte(settings, "west", (tmp_path / "west" / "1.jsonl").read_bytes()[:40])
    for name, value in settings.environ().items():
        monkeypatch.setenv(name, value)

    turned = sample_lake(settings, num=100, seed="")
    plain = CliRunner().invoke(app, ["catalog", "check"])
    done = CliRunner().invoke(app, ["catalog", "check", "--pieces", "100"])
    for path in Path(settings.lake, "east", "media.lance", "data").rglob("*.lance"):
        path.unlink()
    lost = sample_lake(settings, num=100, seed="")

    ((part, subject, what),) = said(turned)
    assert (part, subject) == ("lake", "west/media")
    assert "is not what was stored" in what
    assert plain.exit_code == 0
    assert done.exit_code == 1
    assert "is not what was stored" in done.stdout
    assert lost.num_pieces == 3
    assert {(one, what.partition(":")[0]) for _, one, what in said(lost)} >= {
        ("east/media", "LAKE_DAMAGED")
    }


def test_a_row_of_a_stream_that_changed_is_named(settings):
    uri = dataset_uri(settings.lake, "west", "streams")
    rows = scan_columns(uri, ["chunk_id", "ts_ns", "values"]).to_pylist()
    held = next(one for one in rows if one["values"])
    turn_a_byte(settings, "west", np.array(held["ts_ns"], np.int64).tobytes(), dataset="streams")

    found = sample_lake(settings, num=1_000, seed="")

    assert {(one, subject) for one, subject, _ in said(found)} == {("lake", "west/streams")}
    assert all("is not what was stored" in what or "LAKE_DAMAGED" in what
               for _, _, what in said(found))  # fmt: skip
    assert found.num_pieces == 6
