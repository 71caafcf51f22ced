"""A rank that is killed under Ray Train, and a group that goes on with fewer ranks."""

from __future__ import annotations

import os
import signal

import pytest

from licensing.request import request_doc
from tests.builders import NOW, tiny_training_set, training_request
from tests.training.conftest import KEYS, opened, small
from tests.training.test_distributed import workers_here
from training.distributed import Launch, train
from training.gate import Access, check_again
from training.loop import Job
from training.loop import train as train_here
from training.loop.audit import seen
from training.loop.recalled import recall

pytestmark = [
    pytest.mark.soak,
    pytest.mark.ray,
    pytest.mark.timeout(600),  # two groups of workers start, one after the other
    pytest.mark.filterwarnings("ignore"),  # Ray warns of itself
]
STEPS = {"steps": 400, "checkpoint_every": 20, "rank_timeout_s": 30, "max_failures": 2}


def access_to(home):
    return Access(uri=str(home), use=request_doc(training_request()), keys=tuple(KEYS))


def when_sealed(run, harm):
    """Do the harm once, after the first checkpoint; what it returned."""
    done: list[object] = []

    def progress(_what, step, _steps):
        if step and not done and list(run.glob("step-*/checkpoint.json")):
            done.append(harm())

    return done, progress


def check_whole(record, home, run):
    """It is the run that nothing happened to: the same windows in the same order, none missing."""
    cleared = opened(home)
    alone = train_here(
        Job(config=small(**STEPS), cleared=cleared, folder=run.parent / "alone"),
        watch=lambda at: check_again(cleared, keys=KEYS, now=NOW, seen_sequence=at),
    )
    assert [(one["step"], one["chain"]) for one in record.checkpoints] == [
        (one["step"], one["chain"]) for one in alone.checkpoints
    ]
    assert record.quarantined["count"] == 0
    ends = [
        list(seen(cleared.index, cleared.manifest, recall(folder / "step-00000400")))
        for folder in (run, run.parent / "alone")
    ]
    assert ends[0] == ends[1]
    assert len(ends[0]) == 400 * 4


def kill_one():
    pid = workers_here()[-1]
    os.kill(pid, signal.SIGKILL)
    return pid


def test_a_killed_rank_is_replaced_and_no_window_is_missing(tmp_path):
    ray = pytest.importorskip("ray")
    home, run = tiny_training_set(tmp_path, num_clips=6), tmp_path / "run"
    killed, progress = when_sealed(run, kill_one)
    ray.init(num_cpus=3, include_dashboard=False, log_to_driver=False)
    try:
        record = train(
            small(workers=2, **STEPS),
            access_to(home),
            launch=Launch(folder=run, code_version="1"),
            now=NOW,
            progress=progress,
        )
        assert killed[0] not in workers_here()
    finally:
        ray.shutdown()

    assert [one["world"] for one in record.attempts] == [2, 2]
    assert 0 < record.attempts[1]["from_step"] < 400
    check_whole(record, home, run)


def test_a_group_goes_on_with_one_rank_when_a_node_is_lost(tmp_path):
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    home, run = tiny_training_set(tmp_path, num_clips=6), tmp_path / "run"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        other = cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False)
        _, progress = when_sealed(run, lambda: cluster.remove_node(other, allow_graceful=False))
        record = train(
            small(workers=2, min_workers=1, **STEPS),
            access_to(home),
            launch=Launch(folder=run, code_version="1"),
            now=NOW,
            progress=progress,
        )
    finally:
        ray.shutdown()
        cluster.shutdown()

    assert [one["world"] for one in record.attempts] == [2, 1]
    assert 0 < record.attempts[1]["from_step"] < 400
    check_whole(record, home, run)
