"""After an erasure: the old set is refused, and the run goes on with its successor alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from licensing.manifest import sha256_hex
from tests import builders
from tests.builders import NOW, publish_revocations, revoked, tiny_training_set
from tests.rows import tiny_row, write_rows
from tests.training.conftest import KEYS, opened, small
from training.checkpoint import latest, read_seal
from training.errors import CheckpointError, LoaderError, Refused
from training.gate import check_again
from training.loader import digest_row, domains_of, shapes_of
from training.loop import Job, judge, train
from training.loop.audit import seen
from training.loop.planning import plan_run
from training.loop.recalled import recall


@pytest.fixture
def home(tmp_path):
    return tiny_training_set(tmp_path, num_clips=6)


def digest_of(home):
    return sha256_hex((home / "manifest.json").read_bytes())


def successor_of(home, *, gone=("acorn",), entombed=True, changed=False, **changes):
    """The next version of a set without the clips of `gone`, with a tombstone for each."""
    after = home.parent / str(int(home.name) + 1)
    rows = {name: [tiny_row(name, at) for at in range(6)] for name in ("acorn", "birch")}
    if changed:
        rows["birch"][0] = tiny_row("birch", 0, with_video=False) | {"camera": "camera"}
        rows["birch"][0]["sha256"] = digest_row(rows["birch"][0])
    kept = {name: of for name, of in rows.items() if name not in gone}
    erased = [row for name in gone for row in rows[name]]
    shutil.copytree(home / "documents", after / "documents")
    version = write_rows(after / "data.lance", kept)
    names = ("source_id", "clip_id", "camera", "split", "num_frames")
    stones = [{name: row[name] for name in names} for row in erased]
    told = {"predecessor": digest_of(home), "version": 2, "tombstones": stones if entombed else []}
    manifest = builders.tiny_manifest(after, kept, version) | told | changes
    builders.write_manifest(after, manifest)
    builders.sign_clearance(after)
    return after


def run_on(home, folder, *, progress=None):
    cleared = opened(home)
    return train(
        Job(config=small(), cleared=cleared, folder=folder),
        watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
        progress=progress,
    )


def begin(home, folder):
    """Four steps and more on the first set; then it is revoked for its successor."""

    class Stop(Exception):
        pass

    def progress(_what, done, _total):
        if done == 6:
            raise Stop

    with pytest.raises(Stop):
        run_on(home, folder, progress=progress)
    sealed = latest(folder)
    assert sealed is not None
    assert sealed.seal.cursor.step == 4


def test_a_run_goes_on_with_the_successor_in_the_order_of_its_first_set(home, tmp_path):
    folder = tmp_path / "run"
    begin(home, folder)
    first = opened(home)
    after = successor_of(home)
    entry = revoked("set", first.manifest_digest, digest_of(after))
    publish_revocations(home, sequence=1, entries=[entry])
    with pytest.raises(Refused) as caught:
        opened(home)
    record = run_on(after, folder)
    last = read_seal(folder / record.checkpoints[-1]["path"])

    assert caught.value.code == "SET_REVOKED"
    assert digest_of(after) in caught.value.way_out
    assert record.manifest_digest == last.seal.cursor.manifest == first.manifest_digest
    assert last.seal.set_digest == digest_of(after)
    assert record.parent == last.seal.parent == read_seal(folder / "step-00000004").digest
    assert [(one[0], one[4]) for one in record.segments] == [(0, []), (4, ["source:acorn"])]
    cleared = opened(after)
    for index, manifest in ((first.index, first.manifest), (cleared.index, cleared.manifest)):
        delivered = list(seen(index, manifest, recall(last.path)))
        assert {one["source"] for one in delivered if one["step"] < 4} == {"acorn", "birch"}
        assert {one["source"] for one in delivered if one["step"] >= 4} == {"birch"}
        assert len(delivered) == 48
    assert judge(cleared, last.path).evaluation.num_windows > 0


def test_a_longer_chain_is_followed_through_the_manifests_that_are_there(home, tmp_path):
    folder = tmp_path / "run"
    begin(home, folder)
    middle = successor_of(home, gone=())
    after = successor_of(middle, version=3)

    assert run_on(after, folder).manifest_digest == digest_of(home)
    (middle / "manifest.json").unlink()
    begin(home, tmp_path / "other")
    with pytest.raises(CheckpointError, match="does not descend"):
        run_on(after, tmp_path / "other")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"predecessor": None}, "does not descend"),
        ({"predecessor": "0" * 64}, "does not descend"),
        ({"entombed": False}, "are not the rows of the run"),
        ({"changed": True}, "is not what it was"),
    ],
)
def test_what_is_no_successor_is_refused(home, tmp_path, how, message):
    begin(home, tmp_path / "run")
    after = successor_of(home, **how)

    with pytest.raises(CheckpointError, match=message) as caught:
        run_on(after, tmp_path / "run")
    assert caught.value.code == "CHECKPOINT_OTHER_SET"


def test_what_the_run_folder_says_of_the_first_rows_must_be_what_was_sealed(home, tmp_path):
    begin(home, tmp_path / "run")
    after = successor_of(home)
    (tmp_path / "run" / "rows.bin").unlink()

    with pytest.raises(CheckpointError, match="is not what the run began with"):
        run_on(after, tmp_path / "run")


def test_files_that_go_while_they_are_read_end_the_run_and_the_successor_goes_on(home, tmp_path):
    folder, erased = tmp_path / "run", list[Path]()

    def progress(_what, done, _total):
        sealed = folder / "step-00000004" / "checkpoint.json"
        if done >= 4 and sealed.exists() and not erased:
            erased.append(successor_of(home))
            shutil.rmtree(home / "data.lance")

    cleared = opened(home)
    with pytest.raises(LoaderError) as caught:
        train(
            Job(config=small(steps=4000), cleared=cleared, folder=folder),
            watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
            progress=progress,
        )
    assert caught.value.code == "ERASED"
    last = latest(folder)
    assert last is not None
    (after,) = erased
    cleared = opened(after)
    longer = last.seal.cursor.step + 4
    job = Job(config=small(steps=longer), cleared=cleared, folder=folder)
    record = train(job, watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at))
    assert record.steps == longer


def test_the_successor_of_a_whole_source_keeps_the_shapes_of_the_model(home):
    shapes = [opened(one) for one in (home, successor_of(home))]

    assert shapes_of(shapes[0].manifest) == shapes_of(shapes[1].manifest)
    assert domains_of(shapes[1].manifest) == ("acorn", "birch")


@pytest.mark.parametrize("weights", [{}, {"acorn": 1.0, "birch": 3.0}])
def test_a_plan_on_a_successor_counts_what_is_left_alone(home, weights):
    config = small(weights=weights)
    before = plan_run(config, opened(home))
    after = plan_run(config, opened(successor_of(home)))

    assert set(before.shares) == {"acorn", "birch"}
    assert after.windows_by_source == {"birch": before.windows_by_source["birch"]}
    assert after.windows == before.windows_by_source["birch"]
    assert after.shares == {"birch": 1.0}
