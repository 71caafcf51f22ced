"""The same loop under Ray Train."""

import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch

from licensing.errors import PaperError
from licensing.request import request_doc
from tests.builders import NOW, tiny_training_set, training_request
from tests.pipelines.full_disk import files_of_at_most
from tests.training.conftest import KEYS, small
from training import distributed
from training.config import config_doc
from training.distributed import Launch, train
from training.errors import DeviceError, Refused
from training.gate import Access


@pytest.fixture(scope="module")
def ray_here():
    """One Ray for the runs of this file: it takes longer to start than they do."""
    ray = pytest.importorskip("ray")
    # one GPU by name only: what a cluster is asked before it starts ranks
    ray.init(num_cpus=3, num_gpus=1, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.ray
@pytest.mark.usefixtures("ray_here")
@pytest.mark.timeout(300)  # eight processes start; on two busy cores that takes minutes
@pytest.mark.filterwarnings("ignore")  # Ray warns of itself
@pytest.mark.slow
def test_two_workers_train(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    access = Access(uri=str(home), use=request_doc(training_request()), keys=tuple(KEYS))
    told = []
    record = train(
        small(workers=2),
        access,
        launch=Launch(folder=tmp_path / "run", code_version="1"),
        now=NOW,
        progress=lambda *line: told.append(line),
    )

    assert (record.world, record.steps, len(record.checkpoints)) == (2, 12, 3)
    assert record.evaluation["split"] == "val"
    assert Path(tmp_path / "run" / "step-00000012.png").exists()
    assert told[0] == ("starting workers", 0, 12)
    assert told[-1][1:] == (12, 12)


@pytest.mark.ray
@pytest.mark.usefixtures("ray_here")
@pytest.mark.timeout(300)  # as above
@pytest.mark.filterwarnings("ignore")  # as above
@pytest.mark.slow
def test_a_refusal_is_not_retried(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    use = request_doc(training_request())
    with pytest.raises(Refused) as caught:
        train(
            small(workers=2),
            Access(uri=str(home), use=use, keys=(bytes(32),)),
            launch=Launch(folder=tmp_path / "refused"),
            now=NOW,
        )

    assert caught.value.code == "KEY_UNKNOWN"
    assert not list((tmp_path / "refused").glob("step-*"))


@pytest.mark.ray
@pytest.mark.usefixtures("ray_here")
@pytest.mark.timeout(120)  # a run that waits for GPUs waits without end
@pytest.mark.filterwarnings("ignore")  # as above
@pytest.mark.slow
@pytest.mark.parametrize(("min_workers", "code"), [(0, "CUDA_MISSING"), (1, "NCCL_MISSING")])
def test_a_cluster_without_what_cuda_needs_is_refused_before_ranks_start(
    tmp_path, min_workers, code
):
    if code == "NCCL_MISSING" and torch.distributed.is_nccl_available():
        pytest.skip("this torch has NCCL")
    with pytest.raises(DeviceError) as caught:
        train(
            small(workers=2, min_workers=min_workers, device="cuda"),
            Access(uri=str(tmp_path), use=request_doc(training_request()), keys=tuple(KEYS)),
            launch=Launch(folder=tmp_path / "run"),
            now=NOW,
        )

    assert caught.value.code == code
    assert not list((tmp_path / "run").iterdir())


@pytest.mark.ray
@pytest.mark.usefixtures("ray_here")
@pytest.mark.timeout(600)  # two groups of workers start, one after the other
@pytest.mark.filterwarnings("ignore")  # as above
@pytest.mark.soak
def test_a_worker_that_stands_still_is_replaced_and_the_run_goes_on(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    access = Access(uri=str(home), use=request_doc(training_request()), keys=tuple(KEYS))
    stopped: list[int] = []

    def stop_one(_what, step, _steps):
        if step and not stopped and list(tmp_path.glob("run/step-*/")):
            stopped.append(workers_here()[-1])
            os.kill(stopped[0], signal.SIGSTOP)

    record = train(
        small(workers=2, steps=600, checkpoint_every=20, rank_timeout_s=10, max_failures=1),
        access,
        launch=Launch(folder=tmp_path / "run", code_version="1"),
        now=NOW,
        progress=stop_one,
    )

    assert record.steps == 600
    assert len(stopped) == 1
    assert stopped[0] not in workers_here()
    began = (tmp_path / "run/attempts.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(began) == 2


def workers_here():
    """The pids of the workers of Ray Train that the Ray of this process has started."""
    own = ray_session()
    names = {int(one.name): one for one in Path("/proc").iterdir() if one.name.isdigit()}
    lines, parents = {}, {}
    for pid, place in names.items():
        try:
            lines[pid] = (place / "cmdline").read_bytes().decode(errors="replace")
            parents[pid] = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            continue
    raylets = {pid for pid, line in lines.items() if "raylet" in line and own in line}
    return sorted(
        pid for pid, line in lines.items()
        if line.startswith("ray::RayTrainWorker") and parents.get(pid) in raylets
    )  # fmt: skip


def ray_session():
    """The name of the session of the Ray that this process started."""
    import ray

    return Path(ray.nodes()[0]["ObjectStoreSocketName"]).parent.parent.name


def test_work_needs_no_launcher(tmp_path):
    home = tiny_training_set(tmp_path, num_clips=6)
    told = {
        "config": config_doc(small()),
        "access": {"uri": str(home), "use": request_doc(training_request()), "keys": KEYS},
        "folder": str(tmp_path / "run"),
        "device": "cpu",
        "code_version": "",
        "parent": None,
        "ahead_s": (NOW - datetime.now(UTC)).total_seconds(),
    }
    (tmp_path / "run").mkdir()
    assert distributed.work(told)["record"]["steps"] == 12

    with files_of_at_most(0):
        answer = distributed.work(told | {"config": config_doc(small(steps=16))})
    assert answer["refusal"]["code"] == "CHECKPOINT_WRITE_FAILED"


def test_an_error_comes_back_as_what_it_was():
    error = PaperError("what", code="CODE", subject="s", way_out="w")
    back = distributed._told_error(distributed._error_doc(error))

    assert type(back) is PaperError
    assert (str(back), back.code, back.subject, back.way_out) == ("what", "CODE", "s", "w")
