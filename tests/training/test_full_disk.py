"""A disk that is full for what stands beside the weights: the log, the rows, the figures."""

from __future__ import annotations

import logging
import threading

import pytest

from tests.builders import tiny_training_set
from tests.pipelines.full_disk import files_of_at_most
from tests.training.conftest import small
from tests.training.ranks import run_ranks, training_rank
from training.checkpoint import checkpoints, latest
from training.errors import CheckpointError
from training.loop import Job, judge, train
from training.loop.board import Board
from training.loop.log import METRICS, RunLog, attempts, lines, steps_of
from training.loop.plot import write_plot


def full_from_step(run, step):
    """The log is full from this step on, and what is smaller than it still has room."""
    limit = files_of_at_most(0)

    def progress(_what, done, _total):
        if done == step:
            seal = run / "step-00000004" / "checkpoint.json"
            assert any(seal.exists() or threading.Event().wait(0.01) for _ in range(6000))
            limit.__enter__()

    return limit, progress


def test_a_log_that_cannot_be_written_stops_the_run_before_the_next_checkpoint(
    cleared, watch, tmp_path
):
    job = Job(config=small(), cleared=cleared, folder=tmp_path)
    limit, progress = full_from_step(tmp_path, 5)
    try:
        with pytest.raises(CheckpointError, match="could not be written") as caught:
            train(job, watch=watch, progress=progress)
    finally:
        limit.__exit__(None, None, None)

    assert caught.value.code == "CHECKPOINT_WRITE_FAILED"
    assert caught.value.subject == str(tmp_path / METRICS)
    assert [one["step"] for one in checkpoints(tmp_path)] == [4]
    record = train(job, watch=watch)
    assert [one["step"] for one in record.checkpoints] == [4, 8, 12]
    assert [line["step"] for line in lines(tmp_path / METRICS)][-8:] == list(range(5, 13))


@pytest.mark.parametrize(("steps", "name"), [(0, "rows.bin"), (4, "attempts.jsonl")])
def test_a_disk_that_is_full_at_the_start_is_said_with_a_code(
    cleared, watch, tmp_path, steps, name
):
    if steps:
        train(Job(config=small(), cleared=cleared, folder=tmp_path), watch=watch)
    job = Job(config=small(steps=20), cleared=cleared, folder=tmp_path)

    with files_of_at_most(0), pytest.raises(CheckpointError) as caught:
        train(job, watch=watch)

    assert caught.value.code == "CHECKPOINT_WRITE_FAILED"
    assert caught.value.subject == str(tmp_path / name)
    assert (latest(tmp_path) is None) == (steps == 0)


def test_what_only_serves_the_eye_is_left_out_and_that_is_told(tmp_path, caplog):
    log = RunLog(tmp_path, writes=True)
    line = {"step": 1, "phase": "dynamics", "loss": 1.0}
    log.step(line)
    board = Board(tmp_path, attempt=0, began_s=0.0)
    with caplog.at_level(logging.WARNING), files_of_at_most(0):
        board.write(1, line)
        board.write(2, line)
        assert write_plot(tmp_path) is None
        Board(tmp_path, attempt=1, began_s=0.0).close()
    board.close()

    told = [one.getMessage() for one in caplog.records]
    assert len(told) == 3
    assert all("is left out" in one for one in told)


def test_figures_that_cannot_be_written_are_said_with_a_code(cleared, watch, tmp_path):
    record = train(Job(config=small(), cleared=cleared, folder=tmp_path), watch=watch)

    with files_of_at_most(0), pytest.raises(CheckpointError) as caught:
        judge(cleared, tmp_path / record.checkpoints[-1]["path"])

    assert caught.value.code == "CHECKPOINT_WRITE_FAILED"


def test_a_line_that_was_cut_off_does_not_spoil_the_next(tmp_path):
    log = RunLog(tmp_path, writes=True)
    log.begin_attempt(0, 1)
    log.step({"step": 1})
    for one in tmp_path.glob("*.jsonl"):
        with one.open("a") as stream:
            stream.write('{"half')
    again = RunLog(tmp_path, writes=True)

    assert again.begin_attempt(4, 2) == 1
    again.step({"step": 5})
    assert [one["from_step"] for one in attempts(tmp_path)] == [0, 4]
    assert [one["step"] for one in steps_of(tmp_path)] == [1, 5]


def full_log_on_rank_zero(*, rank, folder, home, **_told):
    limit, progress = full_from_step(folder / "run", 5)

    def story(rank, done, _home):
        if rank == 0:
            progress("", done, 12)

    try:
        training_rank(rank=rank, folder=folder, home=home, changes={}, story=story)
    finally:
        if rank == 0:
            limit.__exit__(None, None, None)


@pytest.mark.slow
def test_a_full_log_on_the_first_rank_stops_both(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)

    said = run_ranks(full_log_on_rank_zero, tmp_path / "a", world=2, home=home)

    assert said == ["CHECKPOINT_WRITE_FAILED"] * 2
    sealed = latest(tmp_path / "a" / "run")
    assert sealed is not None
    assert sealed.seal.cursor.step == 4
