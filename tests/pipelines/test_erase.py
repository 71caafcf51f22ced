"""An erasure takes what a revocation has ended, and nothing else; read back, it is gone."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import lance
import pytest

from catalog.errors import NotFound
from pipelines.erase import erase
from pipelines.errors import ErasureError, LakeError
from pipelines.lake.datasets import dataset_uri
from pipelines.lake.erasing import erase_rows, is_clean
from pipelines.revoke import revoke
from tests.pipelines.small_world import MIT, NOW, add_source, contract, make_world

TODAY = NOW.date()
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def world(tmp_path):
    settings = make_world(tmp_path)
    add_source(settings, "open", [MIT], episodes=2)
    add_source(settings, "arm", [contract()], seconds=4, seed=3)
    return settings


def end(world, source="arm", at=TODAY):
    return revoke(source, world, reason="breach", at=at, now=LATER, run_id="test")


def go(world, source="arm", **how):
    return erase(source, world, now=LATER, **how)


def test_the_lake_of_the_source_is_gone_and_the_others_stay(world):
    end(world)
    before = sorted(Path(world.lake, "open").rglob("*"))
    done = go(world)
    assert done.files > 0
    assert not Path(world.lake, "arm").exists()
    assert sorted(Path(world.lake, "open").rglob("*")) == before


def test_dry_run_says_the_same_and_changes_nothing(world):
    end(world)
    before = sorted(Path(world.lake).rglob("*"))
    planned = go(world, dry_run=True)
    assert sorted(Path(world.lake).rglob("*")) == before
    assert (planned.files, planned.size_bytes) == (lambda one: (one.files, one.size_bytes))(
        go(world)
    )


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
