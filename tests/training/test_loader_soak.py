"""Ten thousand windows, and as much memory at the end as near the beginning; `-m soak`."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import opened
from tests.training.encodes import RENDERED, film, film_set, scene
from training.loader import Asked, Feed, FeedSpec, windows_in

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1_800)]
WINDOWS, BATCH, LENGTH, SIZE, WARM = 10_000, 8, 16, 128, 1_000
GROWTH_BYTES = 24 << 20  # of all processes together: three batches
ENCODES = {"rendered": RENDERED, "defaults": {}}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("encode", ENCODES)
def test_memory_is_flat_over_ten_thousand_windows(tmp_path, encode, workers):
    films = [
        film(tmp_path / f"{at}.mp4", scene(at, 90, SIZE), ENCODES[encode], size=SIZE)
        for at in range(4)
    ]
    cleared = opened(film_set(tmp_path, {"acorn": films}, size=SIZE))
    windows = windows_in(cleared, length=LENGTH, stride=1)
    feed = Feed(cleared, windows, FeedSpec(workers=workers))
    files, sizes = [], []
    rng = np.random.default_rng(0)

    def plan():
        for step in range(WINDOWS // BATCH):
            ids = rng.integers(0, len(windows), BATCH)
            yield Asked(step=step, slots=np.arange(BATCH), windows=ids, sequence=0)

    try:
        for asked, batch in feed.follow(plan()):
            assert not batch.lost
            if asked.step * BATCH % WARM == 0:
                pids = (os.getpid(), *feed.pids)
                sizes.append(sum(resident(pid) for pid in pids))
                files.append(sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids))  # noqa: PTH208 - proc
    finally:
        feed.close()

    print(f"{encode}, {workers} workers: {[size >> 20 for size in sizes]} MB, {files} files")  # noqa: T201
    assert len(sizes) == WINDOWS // WARM
    assert max(sizes[-3:]) - sizes[1] < GROWTH_BYTES
    assert max(files[1:]) - files[1] < 8  # one of the store's may just be open


def resident(pid):
    for line in (Path("/proc") / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) << 10
    return 0
