"""Processes read what threads read; one that hangs or dies costs no window and leaves nothing."""

import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from tests.builders import tiny_training_set
from tests.training.conftest import opened
from tests.training.harms import flip_media
from training.errors import LoaderError
from training.loader import Asked, Batch, Feed, FeedSpec, Lookback, windows_in
from training.loader.reading import recipe_of

pytestmark = pytest.mark.timeout(240)
LENGTH, BATCH = 6, 3
ROOT = Path(__file__).parents[2]


_LOOP = """
import sys, time
import numpy as np
from licensing.manifest import public_of
from tests.builders import NOW, SECRET, training_request
from training.gate import open_training_set
from training.loader import Asked, Feed, FeedSpec, windows_in
if __name__ == "__main__":
    keys = [public_of(SECRET)]
    cleared = open_training_set(sys.argv[1], training_request(), keys=keys, now=NOW)
    feed = Feed(cleared, windows_in(cleared, length=6, stride=1), FeedSpec(workers=1))
    feed.read(Asked(step=0, slots=np.arange(3), windows=np.arange(3), sequence=0))
    print(feed.pids[0], flush=True)
    time.sleep(600)
"""


def asked(step, windows):
    ids = (np.arange(BATCH) * 7 + step * 5) % len(windows)
    return Asked(step=step, slots=np.arange(BATCH), windows=ids, sequence=4, position=step)


def equal(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in Batch.__dataclass_fields__
    )


def named_memory(pid):
    """What a process holds in /dev/shm: what has a name can be left there."""
    held = (Path("/proc") / str(pid) / "maps").read_text().splitlines()
    for one in (Path("/proc") / str(pid) / "fd").iterdir():
        with suppress(OSError):
            held.append(str(one.readlink()))
    return sorted({line.split()[-1] for line in held if "/dev/shm" in line})


def is_gone(pid):
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().split(")")[1].split()[0] == "Z"
    except OSError:
        return True


def test_processes_deliver_what_threads_deliver(cleared):
    before = named_memory(os.getpid())
    windows = windows_in(cleared, length=LENGTH, stride=1)
    back = Lookback(action=3, state=1)
    threads = Feed(cleared, windows, FeedSpec(lookback=back))
    processes = Feed(cleared, windows, FeedSpec(workers=2, lookback=back))
    plan = [asked(step, windows) for step in range(12)]
    try:
        held = []  # more than there are slabs for: the others come by the pipe
        for (_, one), (_, other) in zip(threads.follow(plan), processes.follow(plan), strict=True):
            held.append((one, other))
        pids = processes.pids
        assert len(set(pids)) == 2
        assert [named_memory(pid) for pid in pids] == [[], []]
        assert named_memory(os.getpid()) == before
    finally:
        threads.close()
        processes.close()

    assert [one.step for _, one in held] == list(range(12))
    assert all(equal(one, other) for one, other in held)
    assert not processes.pids
    assert all(is_gone(pid) for pid in pids)


def test_a_process_that_is_killed_or_hangs_is_replaced_and_no_window_lost(cleared):
    windows = windows_in(cleared, length=LENGTH, stride=1)
    threads = Feed(cleared, windows)
    feed = Feed(cleared, windows, FeedSpec(workers=1, timeout_s=5.0))
    got, seen = [], []
    try:
        for step, harm in enumerate((None, signal.SIGKILL, signal.SIGSTOP)):
            if harm is not None:
                os.kill(feed.pids[0], harm)
            got.append(feed.read(asked(step, windows)))
            seen.append(feed.pids[0])
            assert named_memory(seen[-1]) == []
        true = [threads.read(asked(step, windows)) for step in range(3)]
    finally:
        feed.close()
        threads.close()

    assert len(set(seen)) == 3
    assert all(equal(one, other) for one, other in zip(got, true, strict=True))
    assert all(is_gone(pid) for pid in seen)


def test_a_window_that_no_process_reads_in_time_is_quarantined_with_its_code(cleared):
    windows = windows_in(cleared, length=LENGTH, stride=1)
    feed = Feed(cleared, windows, FeedSpec(workers=1, timeout_s=0.0))
    one = Asked(step=9, slots=np.array([5]), windows=np.array([2]), sequence=4)
    try:
        batch = feed.read(one)
    finally:
        feed.close()

    assert batch.lost == ((9, 5, 2, "DECODE_TIMEOUT"),)
    assert batch.weight_B.tolist() == [0]
    assert batch.frames_BTHWC.shape == (1, LENGTH, 64, 64, 3)
    assert not batch.frames_BTHWC.any()
    assert batch.action_mask_BTA.any()


def test_bytes_that_are_not_as_promised_stop_the_run_from_a_process_too(tmp_path):
    home = tiny_training_set(tmp_path)
    cleared = opened(home)
    flip_media(home, cleared)
    windows = windows_in(cleared, length=LENGTH, stride=1)
    feed = Feed(cleared, windows, FeedSpec(workers=1))
    ids = np.arange(len(windows))
    try:
        with pytest.raises(LoaderError, match="do not have the digest") as caught:
            feed.read(Asked(step=0, slots=ids, windows=ids, sequence=0))
    finally:
        feed.close()

    assert caught.value.code == "MEDIA_CHANGED"


def test_no_credential_travels_to_a_process(cleared, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never-tell-anybody")
    windows = windows_in(cleared, length=LENGTH, stride=1)
    recipe = recipe_of(
        cleared.uri, cleared.manifest, cleared.index, windows=windows, lookback=Lookback()
    )
    told = pickle.dumps(recipe)

    assert b"never-tell-anybody" not in told
    assert b"LanceDataset" not in told
    assert pickle.loads(told).uri == recipe.uri
    assert pickle.loads(told).index.equals(recipe.index)


def test_nothing_is_left_when_the_loop_itself_is_killed(cleared, tmp_path):
    script = tmp_path / "loop.py"
    script.write_text(_LOOP)
    loop = subprocess.Popen(
        [sys.executable, str(script), cleared.uri], stdout=subprocess.PIPE, text=True, cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert loop.stdout is not None
    pid = int(loop.stdout.readline())
    assert [named_memory(one) for one in (pid, loop.pid)] == [[], []]
    loop.kill()
    loop.wait()
    loop.stdout.close()

    deadline = time.monotonic() + 30
    while not is_gone(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert is_gone(pid)
