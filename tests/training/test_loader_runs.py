"""How a run reads changes nothing of what it learns."""

import pytest

from tests.training.conftest import small
from training.checkpoint import latest
from training.loop import Job, train
from training.loop.audit import seen
from training.loop.recalled import recall

pytestmark = pytest.mark.timeout(240)


def test_a_run_reads_by_processes_and_by_time_what_it_reads_by_threads_and_frames(
    cleared, watch, tmp_path
):
    by_frames = small(steps=4, tokenizer_steps=2, checkpoint_every=4, window=12, stride=2)
    by_time = small(
        steps=4,
        tokenizer_steps=2,
        checkpoint_every=4,
        window_seconds=1.2,
        stride_seconds=0.2,
        loader_workers=1,
        prefetch_bytes=1,
    )

    records, delivered = [], []
    for name, config in (("frames", by_frames), ("time", by_time)):
        folder = tmp_path / name
        records.append(train(Job(config=config, cleared=cleared, folder=folder), watch=watch))
        sealed = latest(folder)
        assert sealed is not None
        delivered.append(list(seen(cleared.index, cleared.manifest, recall(sealed.path))))

    assert records[0].curve == records[1].curve
    assert records[0].windows == records[1].windows
    assert delivered[0] == delivered[1]
    assert delivered[0][-1]["num_frames"] == 12
