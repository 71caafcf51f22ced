"""One run, one process: it learns, it stops, it goes on, and it knows what it saw."""

import json
import threading
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow.compute as pc
import pytest

from licensing.manifest import sha256_hex
from tests.builders import (
    NOW,
    publish_revocations,
    revoked,
    sign_clearance,
    tiny_training_set,
)
from tests.training.conftest import KEYS, opened, small
from training.checkpoint import latest, read_cursor, record_of
from training.errors import CheckpointError, LoaderError, Refused, TrainingError
from training.gate import check_again
from training.loop import Job, train
from training.loop.audit import seen
from training.loop.recalled import recall
from training.sampler import cursor_of


class Stop(Exception):
    """Stands for a kill."""


def stop_at(step):
    def progress(_what, done, _total):
        if done == step:
            raise Stop

    return progress


def until_sealed(folder, step):
    """Wait for what is written beside the steps, which here are faster than a disk."""
    sealed = folder / f"step-{step:08d}" / "checkpoint.json"
    assert any(sealed.exists() or threading.Event().wait(0.01) for _ in range(3000))


def weights(folder, step):
    path = folder / f"step-{step:08d}"
    seal = json.loads((path / "checkpoint.json").read_text())
    return [one["sha256"] for one in seal["files"] if one["path"].endswith(".distcp")]


def lines_of(cleared, folder, step):
    path = folder / f"step-{step:08d}"
    return list(seen(cleared.index, cleared.manifest, recall(path)))


def test_loss_falls_and_the_record_says_what_happened(cleared, watch, tmp_path):
    told = []
    config = small(steps=60, tokenizer_steps=30, checkpoint_every=30, lr=1e-2)
    job = Job(config=config, cleared=cleared, folder=tmp_path, code_version="1")
    record = train(job, watch=watch, progress=lambda *line: told.append(line))

    for first, last in record.losses.values():
        assert last < 0.7 * first
    assert told[-1][1:] == (60, 60)
    assert told[-1][0].startswith("dynamics loss 0.")
    assert [one["step"] for one in record.checkpoints] == [30, 60]
    assert record.attempts == ({"from_step": 0, "world": 1, "reached": 60},)
    assert (record.manifest_digest, record.steps) == (cleared.manifest_digest, 60)
    assert len(json.dumps(record.doc())) < 10_000
    assert record_of(record.doc()).doc() == record.doc()


def test_the_tokenizer_stands_still_while_the_dynamics_learn(cleared, watch, tmp_path):
    first = train(Job(config=small(), cleared=cleared, folder=tmp_path / "a"), watch=watch)
    longer = small(steps=18)
    second = train(Job(config=longer, cleared=cleared, folder=tmp_path / "b"), watch=watch)

    assert first.tokenizer_digest == second.tokenizer_digest


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(cleared, watch, tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    record = train(Job(config=small(), cleared=cleared, folder=whole), watch=watch)
    for step in (2, 7, 11):  # before, between and after checkpoints
        with pytest.raises(Stop):
            train(
                Job(config=small(), cleared=cleared, folder=cut),
                watch=watch,
                progress=stop_at(step),
            )
    resumed = train(Job(config=small(), cleared=cleared, folder=cut), watch=watch)

    assert weights(whole, 12) == weights(cut, 12)
    assert resumed.losses == record.losses
    assert [one["chain"] for one in resumed.checkpoints] == [
        one["chain"] for one in record.checkpoints
    ]
    assert [one["from_step"] for one in resumed.attempts] == [0, 0, 4, 8]


def test_a_replay_names_every_window_that_was_delivered(cleared, watch, tmp_path):
    train(Job(config=small(), cleared=cleared, folder=tmp_path), watch=watch)
    lines = lines_of(cleared, tmp_path, 8)
    clips = set(cleared.index.column("clip_id").to_pylist())

    assert [(one["step"], one["slot"]) for one in lines] == [
        (step, slot) for step in range(8) for slot in range(4)
    ]
    assert {one["clip_id"] for one in lines} <= clips
    assert all(one["start_frame"] + one["num_frames"] <= 20 for one in lines)


def test_a_replay_that_misses_the_chain_is_refused(cleared, watch, tmp_path):
    train(Job(config=small(), cleared=cleared, folder=tmp_path), watch=watch)
    delivered = lines_of(cleared, tmp_path, 4)[0]["clip_id"]
    fewer = cleared.index.filter(pc.field("clip_id") != delivered)

    with pytest.raises(CheckpointError, match="does not meet the chain"):
        # by then each window was delivered once, those that the smaller set cannot number as well
        list(seen(fewer, cleared.manifest, recall(tmp_path / "step-00000012")))


def test_a_revocation_in_the_middle_ends_delivery_at_the_next_checkpoint(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    cleared = opened(home)

    def progress(_what, done, _total):
        if done == 6:
            publish_revocations(home, sequence=1, entries=[revoked("source", "acorn")])

    job = Job(config=small(), cleared=cleared, folder=tmp_path / "run")
    record = train(
        job,
        watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
        progress=progress,
    )
    lines = lines_of(cleared, tmp_path / "run", 12)

    assert {one["source"] for one in lines if one["step"] < 8} == {"acorn", "birch"}
    assert {one["source"] for one in lines if one["step"] >= 8} == {"birch"}
    assert [(one[0], one[2], one[4]) for one in record.segments] == [
        (0, 0, []),
        (8, 1, ["source:acorn"]),
    ]


def test_seal_and_record_name_the_clearance_in_force(tmp_path):
    home, run = tiny_training_set(tmp_path, num_clips=6), tmp_path / "run"
    cleared = opened(home)

    def progress(_what, done, _total):
        if done == 6:
            sign_clearance(home, not_after=NOW + timedelta(hours=30))

    record = train(
        Job(config=small(), cleared=cleared, folder=run),
        watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
        progress=progress,
    )
    renewed = sha256_hex((home / "clearance.dsse.json").read_bytes())
    named = [read_cursor(run / one["path"]).seal.clearance_digest for one in record.checkpoints]

    assert renewed != cleared.clearance_digest
    assert named == [cleared.clearance_digest, renewed, renewed]
    assert record.clearance_digest == renewed


def test_a_set_that_is_revoked_as_a_whole_stops_and_the_last_seal_stands(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    cleared = opened(home)

    def progress(_what, done, _total):
        if done == 6:
            until_sealed(tmp_path / "run", 4)
            entry = revoked("set", cleared.manifest_digest)
            publish_revocations(home, sequence=1, entries=[entry])

    with pytest.raises(Refused) as caught:
        train(
            Job(config=small(), cleared=cleared, folder=tmp_path / "run"),
            watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
            progress=progress,
        )

    assert caught.value.code == "SET_REVOKED"
    sealed = latest(tmp_path / "run")
    assert sealed is not None
    assert sealed.seal.cursor.step == 4


def test_a_checkpoint_whose_set_is_revoked_while_it_is_written_is_not_sealed(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    cleared = opened(home)

    def watch(at):
        if threading.current_thread() is not threading.main_thread():  # weights lie on the disk
            entry = revoked("set", cleared.manifest_digest)
            publish_revocations(home, sequence=1, entries=[entry])
        return check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at)

    with pytest.raises(Refused) as caught:
        train(Job(config=small(), cleared=cleared, folder=tmp_path / "run"), watch=watch)

    assert caught.value.code == "SET_REVOKED"
    assert (tmp_path / "run" / "step-00000004" / ".metadata").exists()
    assert latest(tmp_path / "run") is None


def broken(cleared, row):
    """The set with one clip whose key units are cut short: proven bytes that do not decode."""
    sizes = cleared.index.column("unit_size").to_pylist()
    sizes[row] = [
        5 if key else size
        for key, size in zip(cleared.index.column("unit_key")[row].as_py(), sizes[row], strict=True)
    ]
    at = cleared.index.column_names.index("unit_size")
    return replace(cleared, index=cleared.index.set_column(at, "unit_size", [sizes]))


def half_broken(cleared):
    """The set with every other clip broken, so that a few steps are enough to lose windows."""
    for row in range(0, cleared.index.num_rows, 2):
        if cleared.index.column("unit_size")[row].as_py():
            cleared = broken(cleared, row)
    return cleared


def test_a_window_that_does_not_decode_has_no_weight_and_keeps_its_slot(cleared, watch, tmp_path):
    row = cleared.index.column("split").to_pylist().index("train")
    config = small(max_quarantined=1.0)
    record = train(
        Job(config=config, cleared=broken(cleared, row), folder=tmp_path / "a"), watch=watch
    )
    sound = train(Job(config=config, cleared=cleared, folder=tmp_path / "b"), watch=watch)
    lost = record.quarantined["count"]

    assert lost > 0
    assert all(one[3] == "DECODE_FAILED" for one in record.quarantined["first"])
    assert record.checkpoints[-1]["chain"] == sound.checkpoints[-1]["chain"]
    assert len(lines_of(cleared, tmp_path / "a", 12)) == 48 - lost


def test_too_many_lost_windows_stop_the_run(cleared, watch, tmp_path):
    row = cleared.index.column("split").to_pylist().index("train")

    with pytest.raises(LoaderError, match="could not be decoded") as caught:
        train(Job(config=small(), cleared=broken(cleared, row), folder=tmp_path), watch=watch)

    assert caught.value.code == "QUARANTINE_BUDGET"


@pytest.mark.filterwarnings("ignore:invalid value")
def test_a_loss_that_is_not_finite_stops_the_run(cleared, watch, tmp_path):
    with pytest.raises(TrainingError, match="expected a finite number") as caught:
        train(Job(config=small(lr=1e30), cleared=cleared, folder=tmp_path), watch=watch)

    assert caught.value.code == "LOSS_NOT_FINITE"


def test_a_mixture_of_sources_is_kept(cleared, watch, tmp_path):
    config = small(weights={"acorn": 0.9, "birch": 0.1})
    train(Job(config=config, cleared=cleared, folder=tmp_path), watch=watch)
    sources = [one["source"] for one in lines_of(cleared, tmp_path, 12)]

    assert np.mean([one == "acorn" for one in sources]) > 0.7


def test_revocations_can_be_looked_at_between_checkpoints(cleared, watch, tmp_path):
    looks = []

    def counted(at):
        looks.append(at)
        return watch(at)

    config = small(revocations_every=1, checkpoint_every=12)
    train(Job(config=config, cleared=cleared, folder=tmp_path), watch=counted)

    assert len(looks) == 14  # at the start, after eleven steps, before the copy and at the seal
    sealed = latest(tmp_path)
    assert sealed is not None
    assert cursor_of(sealed.seal.cursor.doc()).segments[0].step == 0
