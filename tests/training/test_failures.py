"""What can break while a run goes on: it ends with a typed error and a usable last checkpoint."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack

import pytest
from torch.nn.modules.module import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
)

from tests.builders import NOW, publish_revocations, revoked, tiny_training_set
from tests.pipelines.full_disk import files_of_at_most
from tests.training.conftest import KEYS, opened, small
from tests.training.harms import flip_media
from tests.training.ranks import (
    SIGKILL,
    ended,
    ended_by_the_first,
    run_ranks,
    start_ranks,
    stop_in_a_save,
    training_rank,
)
from training.checkpoint import checkpoints, latest
from training.errors import CheckpointError, LoaderError, TrainingError
from training.gate import check_again
from training.loop import Job, train
from training.loop.audit import seen
from training.loop.log import METRICS, lines
from training.loop.recalled import recall
from training.loss import DynamicsLoss


def last_step(run):
    sealed = latest(run)
    return sealed and sealed.seal.cursor.step


def until_sealed(run, step):
    """Steps here are faster than a disk: wait for what is written beside them."""
    seal = run / f"step-{step:08d}" / "checkpoint.json"
    assert any(seal.exists() or threading.Event().wait(0.01) for _ in range(6000))


def test_a_full_disk_leaves_the_checkpoint_before(cleared, watch, tmp_path):
    job = Job(config=small(), cleared=cleared, folder=tmp_path)

    def progress(_what, done, _total):
        if done == 7:
            until_sealed(tmp_path, 4)
            stack.__enter__()

    stack = files_of_at_most(8_000)
    try:
        with pytest.raises(CheckpointError, match="could not be written") as caught:
            train(job, watch=watch, progress=progress)
    finally:
        stack.__exit__(None, None, None)

    assert caught.value.code == "CHECKPOINT_WRITE_FAILED"
    assert caught.value.subject.endswith("step-00000008")
    assert last_step(tmp_path) == 4
    record = train(job, watch=watch)
    assert [one["step"] for one in record.checkpoints] == [4, 8, 12]
    assert [one["from_step"] for one in record.attempts] == [0, 4]


def test_a_shard_that_is_corrupted_in_a_run_stops_it_and_mended_it_goes_on(tmp_path):
    home = tiny_training_set(tmp_path / "set", num_clips=6)
    cleared, run = opened(home), tmp_path / "run"
    job = Job(config=small(prefetch_bytes=1), cleared=cleared, folder=run)

    def progress(_what, done, _total):
        if done == 5:
            until_sealed(run, 4)
            flip_media(home, cleared)

    with pytest.raises(LoaderError, match="do not have the digest") as caught:
        train(job, watch=watch_of(cleared), progress=progress)
    assert (caught.value.code, last_step(run) in {4, 8}) == ("MEDIA_CHANGED", True)
    flip_media(home, cleared)
    record = train(job, watch=watch_of(cleared))
    assert [one["step"] for one in record.checkpoints] == [4, 8, 12]
    assert record.quarantined["count"] == 0


def test_a_loss_that_is_no_number_leaves_the_checkpoint_before(cleared, watch, tmp_path):
    job = Job(config=small(), cleared=cleared, folder=tmp_path)
    harmed = ExitStack()

    def spoil(module, _given, loss):
        return loss * float("nan") if isinstance(module, DynamicsLoss) else None

    def progress(_what, done, _total):
        if done == 10:
            harmed.callback(register_module_forward_hook(spoil).remove)

    with harmed, pytest.raises(TrainingError, match="expected a finite number") as caught:
        train(job, watch=watch, progress=progress)
    assert (caught.value.code, caught.value.subject) == ("LOSS_NOT_FINITE", "step 10")
    assert last_step(tmp_path) == 8
    assert train(job, watch=watch).steps == 12


def watch_of(cleared):
    return lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at)


def test_only_the_last_checkpoints_keep_their_weights(cleared, watch, tmp_path):
    config = small(checkpoint_every=2, keep_checkpoints=2)
    record = train(Job(config=config, cleared=cleared, folder=tmp_path), watch=watch)

    assert [one["step"] for one in record.checkpoints] == [2, 4, 6, 8, 10, 12]
    assert sorted(one.parent.name for one in tmp_path.glob("step-*/.metadata")) == [
        "step-00000010",
        "step-00000012",
    ]


@pytest.mark.slow
def test_a_rank_that_is_lost_ends_the_other_in_bounded_time(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    told = {"home": home, "changes": {"steps": 4000, "checkpoint_every": 4}}
    ranks = start_ranks(training_rank, tmp_path / "a", world=2, **told)
    run = tmp_path / "a" / "run"
    while last_step(run) is None and any(one.is_alive() for one in ranks):
        threading.Event().wait(0.05)
    os.kill(ranks[1].pid, -SIGKILL)

    assert ended(ranks, tmp_path / "a", seconds=60) == ["RANK_LOST", SIGKILL]
    assert last_step(run) >= 4


def stop():
    os.kill(os.getpid(), signal.SIGSTOP)


def hangs_on_rank_one(*, rank, folder, home, changes, where, **_told):
    def story(rank, done, _home):
        if rank == 1 and done == 6:  # the dynamics come next
            until_sealed(folder / "run", 4)
            if where == "in a save":
                stop_in_a_save(30, signal.SIGSTOP)
            elif where == "in a sharded layer":
                register_module_forward_pre_hook(lambda *_: stop())
            else:
                stop()

    training_rank(rank=rank, folder=folder, home=home, changes=changes, story=story)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["in a step", "in a sharded layer", "in a save"])
def test_a_rank_that_hangs_ends_the_other_within_the_timeout(where, tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    changes = {"rank_timeout_s": 4} | ({"shard_above": 0} if "sharded" in where else {})
    told = {"home": home, "changes": changes, "where": where}
    ranks = start_ranks(hangs_on_rank_one, tmp_path / "a", world=2, **told)

    said = ended_by_the_first(ranks, tmp_path / "a", seconds=90)
    assert said in (["RANK_LOST", SIGKILL], ["CHECKPOINT_WRITE_FAILED", SIGKILL])
    assert last_step(tmp_path / "a" / "run") == 4  # every file of it is proven


def full_disk_on_rank_one(*, rank, folder, home, **_told):
    limit = files_of_at_most(8_000)

    def story(rank, done, _home):
        if rank == 1 and done == 7:
            until_sealed(folder / "run", 4)
            limit.__enter__()

    training_rank(rank=rank, folder=folder, home=home, changes={}, story=story)


@pytest.mark.slow
def test_a_full_disk_on_one_rank_stops_both(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)

    said = run_ranks(full_disk_on_rank_one, tmp_path / "a", world=2, home=home)

    assert said == ["CHECKPOINT_WRITE_FAILED"] * 2
    assert last_step(tmp_path / "a" / "run") == 4


def clip_revoked(rank, done, home):
    if rank == 0 and done == 5:
        clip = opened(home).index.column("clip_id").to_pylist()[0]
        publish_revocations(home, sequence=1, entries=[revoked("clip", clip)])


@pytest.mark.slow
def test_a_revocation_between_checkpoints_takes_effect_at_one_step_of_all_ranks(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    cleared = opened(home)
    clip = cleared.index.column("clip_id").to_pylist()[0]
    changes = {"revocations_every": 2, "steps": 40, "batch": 6}
    told = {"home": home, "changes": changes, "story": clip_revoked}
    assert run_ranks(training_rank, tmp_path / "a", world=2, **told) == ["ended"] * 2
    run = tmp_path / "a" / "run"
    delivered = list(seen(cleared.index, cleared.manifest, recall(run / "step-00000040")))
    sealed = latest(run)
    assert sealed is not None

    switch = sealed.seal.cursor.segments[-1]
    assert (switch.step, switch.sequence, switch.subjects) == (6, 1, (f"clip:{clip}",))
    assert {one["step"] for one in delivered if one["clip_id"] == clip} <= set(range(6))
    # every rank goes by the same list in every step: what it trained on is chained over all ranks
    assert [line["sequence"] for line in lines(run / METRICS)] == [0] * 6 + [1] * 34
    assert len(checkpoints(run)) == 10
