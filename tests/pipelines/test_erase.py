"""An erasure takes what a revocation has ended, and nothing else; read back, it is gone."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import lance
import pytest
from typer.testing import CliRunner

from catalog import personal
from catalog.erasures import erasures
from catalog.errors import CatalogError, CatalogUnreachable, NotFound
from catalog.files import FileEntry, files_of, record_files
from licensing.request import read_request
from pipelines.backups import back_up
from pipelines.cli import app
from pipelines.erase import erase
from pipelines.erase.certificate import opened
from pipelines.errors import ErasureError, LakeError
from pipelines.export import export_set
from pipelines.export.answering import documents_of
from pipelines.heads import verify
from pipelines.keys import trusted_publics
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.erasing import erase_rows, is_clean
from pipelines.lake.reading import file_ids, read_file
from pipelines.lake.sealing import set_fragments
from pipelines.render import RenderSpec
from pipelines.revoke import revoke
from pipelines.storage import write_bytes
from tests.pipelines.small_world import (
    COMMERCIAL,
    MIT,
    NOW,
    add_source,
    contract,
    looking,
    make_world,
    writing,
)
from training.errors import Refused
from training.gate import open_training_set

TODAY = NOW.date()
LATER = NOW + timedelta(hours=1)
SPEC = RenderSpec(width=32, height=32)


@pytest.fixture
def world(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "open", [MIT], episodes=2)
    add_source(settings, "arm", [contract()], seconds=4, seed=3)
    return settings


def export(world):
    return export_set("demo", "commercial", world, spec=SPEC, at_once=0, run_id="test", now=NOW)


def end(world, source="arm", at=TODAY):
    return revoke(source, world, reason="breach", at=at, now=LATER, run_id="test")


def go(world, source="arm", **how):
    return erase(source, world, now=LATER, **how)


def make_read_only(path):
    """Say in the file's header that a newer format is written: SQLite then only reads it."""
    with closing(sqlite3.connect(path)) as connection:  # else the journal has a header of its own
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    with path.open("r+b") as file:
        file.seek(18)
        file.write(b"\3")


def files_below(folder):
    found = (one for one in Path(folder).rglob("*") if one.is_file() and "sqlite" not in one.name)
    return {str(one): hashlib.sha256(one.read_bytes()).hexdigest() for one in found}


def test_a_source_goes_from_lake_and_sets_and_the_rest_stays(world):
    done = export(world)
    end(world)
    before = files_below(Path(world.lake, "open"))
    shards = {one.source_ids for one in set_fragments(f"{done.uri}/data.lance")}
    data = files_below(f"{done.uri}/data.lance/data")

    gone = go(world)

    assert gone.found["lake"]["files"] > 0
    assert gone.found["training_sets"] == {"demo@1": 2}
    assert not Path(world.lake, "arm").exists()
    assert files_below(Path(world.lake, "open")) == before
    assert shards == {("arm",), ("open",)}
    assert {one.source_ids for one in set_fragments(f"{done.uri}/data.lance")} == {("open",)}
    after = files_below(f"{done.uri}/data.lance/data")
    assert after.items() < data.items()  # nothing of the other shard was written anew


def test_what_the_home_remembers_of_the_source_goes_and_of_others_stays(world):
    kept = [("digests", "{}"), ("listed", "{}"), ("standing", "{}.json")]
    for folder, name in kept:
        for source in ("arm", "open"):
            write_bytes(str(world.home / folder / name.format(source)), b"remembered")
    end(world)

    go(world)

    for folder, name in kept:
        assert not (world.home / folder / name.format("arm")).exists()
        assert (world.home / folder / name.format("open")).exists()


def test_documents_that_name_what_was_erased_go_with_it(world):
    first = export(world)
    other = export_set("other", "commercial", world, spec=SPEC, at_once=0, run_id="test", now=NOW)
    end(world)
    second = export_set("demo", "commercial", world, spec=SPEC, at_once=0, run_id="test", now=LATER)
    kept = files_below(Path(second.uri, "documents"))
    assert b"arm (fictional)" in Path(first.uri, "documents/NOTICE").read_bytes()

    go(world)

    for uri in (first.uri, other.uri):
        assert [one.name for one in Path(uri, "documents").iterdir()] == ["selection.json"]
        assert b"(fictional)" not in Path(uri, "documents/selection.json").read_bytes()
    assert files_below(Path(second.uri, "documents")) == kept
    assert documents_of(world, first.set_id)  # still listed, as the manifest has them


def test_the_old_set_is_refused_and_the_next_one_is_clean(world):
    first = export(world)
    end(world)
    go(world)
    use = read_request(COMMERCIAL)
    with pytest.raises(Refused, match=r"data\.lance"):
        open_training_set(first.uri, use, keys=trusted_publics(world), now=LATER)
    second = export_set("demo", "commercial", world, spec=SPEC, at_once=0, run_id="test", now=LATER)
    assert second.sources == ("open",)
    opened_again = open_training_set(second.uri, use, keys=trusted_publics(world), now=LATER)
    assert opened_again.manifest["predecessor"] == first.manifest_digest


def test_dry_run_says_the_same_and_changes_nothing(world):
    export(world)
    end(world)
    before, size = files_below(world.home), verify(world).size
    planned = go(world, dry_run=True)
    assert files_below(world.home) == before
    assert verify(world).size == size
    assert planned.found == go(world).found
    assert "would erase" in planned.summary()
    assert planned.line()["dry_run"] is True


def test_the_certificate_is_signed_and_a_leaf_of_a_log_that_holds(world):
    end(world)
    done = go(world)
    raw = Path(done.certificate).read_bytes()
    paper = opened(raw, trusted_publics(world))
    with looking(world) as session:
        assert [one.erasure_id for one in erasures(session)] == [done.erasure_id]
        assert erasures(session)[0].certificate.encode() == raw
    assert paper.erasure_id == done.erasure_id
    assert verify(world).broken == ()


def test_twice_says_so_and_certifies_once(world):
    end(world)
    first = go(world)
    Path(first.certificate).unlink()
    again = go(world)
    assert (again.already, again.erasure_id) == (True, first.erasure_id)
    assert Path(again.certificate).is_file()
    assert "erased before" in again.summary()
    with looking(world) as session:
        assert len(erasures(session)) == 1


def test_a_file_goes_with_its_episode_and_the_other_stays(world):
    done = export(world)
    end(world, "open")
    with looking(world) as session:
        gone, kept = files_of(session, "open")
    media = dataset_uri(world.lake, "open", "media")
    before = read_file(media, kept.sha256)
    rows = lance.dataset(f"{done.uri}/data.lance").count_rows()

    one = go(world, "open", file="take_0.mp4")

    assert one.subject == {"kind": "file", "id": gone.sha256, "source": "open"}
    assert file_ids(media) == {kept.sha256}
    assert read_file(media, kept.sha256) == before
    assert one.found["training_sets"] == {"demo@1": 3}
    assert lance.dataset(f"{done.uri}/data.lance").count_rows() == rows - 3
    with looking(world) as session:
        assert sorted(one.path for one in files_of(session, "open"))[1] == "take_1.mp4"
        assert files_of(session, "open")[0].path.startswith("personal:")
    assert go(world, "open", file=gone.sha256[:12]).already
    assert not go(world, "open").already
    assert verify(world).broken == ()


def test_equal_bytes_of_another_source_stay_and_are_named(world):
    add_source(world, "twin", [MIT], seconds=4, seed=3)
    end(world)
    done = go(world)
    with looking(world) as session:
        sha256 = files_of(session, "twin")[0].sha256
    assert done.remains["copies_of_other_sources"] == [[sha256, "twin"]]
    assert file_ids(dataset_uri(world.lake, "twin", "media")) == {sha256}


def test_unknown_and_ambiguous_files_are_refused(world):
    end(world, "open")
    with pytest.raises(NotFound, match="no files") as caught:
        go(world, "open", file="nothing.mp4")
    assert caught.value.code == "UNKNOWN_ID"
    with writing(world) as session:
        entries = [
            FileEntry(
                source_id="open", path=one, sha256=f"{one}0", size_bytes=1, status="companion"
            )
            for one in ("abc1", "abc2")
        ]
        record_files(session, entries, run_id="test", now=LATER)
    with pytest.raises(NotFound, match="2 files") as caught:
        go(world, "open", file="abc")
    assert caught.value.code == "AMBIGUOUS_ID"


def test_without_a_revocation_in_force_it_is_refused(world):
    with pytest.raises(ErasureError, match="never revoked") as caught:
        go(world)
    assert caught.value.code == "NOT_REVOKED"
    end(world, at=(NOW + timedelta(days=3)).date())
    with pytest.raises(ErasureError, match="from 2026-12-04 on only"):
        go(world)
    assert Path(world.lake, "arm").exists()


def test_an_unknown_source_is_refused(world):
    with pytest.raises(NotFound, match="nobody"):
        go(world, "nobody")


def test_a_source_that_begins_several_is_ambiguous(world):
    add_source(world, "opera", [MIT], seed=9)
    with pytest.raises(NotFound, match="open, opera") as caught:
        go(world, "ope")
    assert caught.value.code == "AMBIGUOUS_ID"


def test_a_catalog_that_cannot_be_written_leaves_everything_in_place(world):
    end(world)
    before = files_below(world.lake)
    make_read_only(world.home / "catalog.sqlite")
    with pytest.raises(CatalogUnreachable, match="readonly") as caught:
        go(world)
    assert caught.value.code == "CATALOG_READ_ONLY"
    assert files_below(world.lake) == before


def test_a_reader_of_the_catalog_is_waited_for_and_the_next_run_ends_it(world):
    end(world)
    with sqlite3.connect(world.home / "catalog.sqlite") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM personal").fetchone()
        with pytest.raises(CatalogError, match="in use") as caught:
            go(world, wait_s=0.3)
        assert caught.value.code == "CATALOG_BUSY"
    reader.close()
    done = go(world)
    assert not done.already
    assert done.found["lake"]["files"] > 0  # as it was before the first run


def test_a_reader_in_the_way_is_named_and_then_waited_for(world):
    end(world)
    file = next(one for one in Path(world.lake, "arm").rglob("*.lance") if one.is_file())
    code = "import sys; file = open(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdout is not None
        reader.stdout.readline()
        with pytest.raises(ErasureError, match=f"process {reader.pid}") as caught:
            go(world, wait_s=0.2)
        assert caught.value.code == "READER_IN_THE_WAY"
        assert file.exists()
        assert reader.stdin is not None
        reader.stdin.close()
        go(world, wait_s=30)
    assert not file.exists()


def test_rows_go_with_their_versions_tags_and_indexes(world):
    uri = dataset_uri(world.lake, "open", "clips")
    dataset = lance.dataset(uri)
    rows = dataset.to_table().sort_by("clip_id").to_pylist()
    gone = rows[0]["clip_id"]
    dataset.create_scalar_index("clip_id", "BTREE")
    dataset.tags.create("kept", dataset.version)
    where = f"clip_id = '{gone}'"
    assert not is_clean(uri, where)
    done = erase_rows(uri, where)
    assert (done.rows, is_clean(uri, where)) == (1, True)
    assert lance.dataset(uri).to_table().sort_by("clip_id").to_pylist() == rows[1:]
    raw = b"".join(one.read_bytes() for one in Path(uri).rglob("*") if "data" in str(one.parent))
    assert gone.encode() not in raw
    assert erase_rows(uri, where).rows == 0


def test_a_branch_is_refused_by_name(world):
    uri = dataset_uri(world.lake, "open", "clips")
    lance.dataset(uri).create_branch("other")
    with pytest.raises(LakeError, match="branch other"):
        erase_rows(uri, "clip_id = 'x'")


def test_a_restored_backup_erases_again_what_was_erased_since(world, tmp_path, monkeypatch):
    end(world)
    back_up(world, tmp_path / "backup", now=LATER)
    gone = go(world)
    for name, value in world.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLEARWAY_CATALOG_URL", url := f"sqlite:///{tmp_path}/restored.sqlite")
    words = ["catalog", "restore", str(tmp_path / "backup"), "--erasures", gone.certificate]

    done = CliRunner().invoke(app, words)

    assert done.exit_code == 0, done.output
    with looking(replace(world, catalog_url=url)) as session:
        assert [one.erasure_id for one in erasures(session)] == [gone.erasure_id]
        assert personal.count(session, "arm") == 0
        assert personal.count(session, "open") > 0
